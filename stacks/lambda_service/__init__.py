"""The service of pattern 2 as a Lambda function."""
