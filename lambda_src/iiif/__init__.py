"""The service of container/service as a Lambda function."""
