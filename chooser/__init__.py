"""Lambda or Fargate? For a workload, hard limits rule candidates out, and list prices rank the others."""
