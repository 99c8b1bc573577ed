"""Pattern 1: an event-driven, short-lived function."""
