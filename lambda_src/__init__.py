"""What runs in Lambda functions, a package per function."""
