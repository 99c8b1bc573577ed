"""Pattern 5: a Fargate service that consumes a queue."""
