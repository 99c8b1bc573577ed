"""Pattern 5: a Fargate service that works off a queue."""
