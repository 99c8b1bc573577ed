"""Code that runs in Lambda functions, one package per function."""
