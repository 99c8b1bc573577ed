"""Pattern 2: a long-running service."""
