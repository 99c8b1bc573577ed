"""Lambda or Fargate? Limits, prices and placement as code and data."""
