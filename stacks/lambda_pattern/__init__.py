"""Pattern 1: event-driven and short-lived."""
