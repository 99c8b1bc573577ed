"""Pattern 3: a Lambda triggers a Fargate task."""
