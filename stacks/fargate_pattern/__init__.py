"""Pattern 2: long-running."""
