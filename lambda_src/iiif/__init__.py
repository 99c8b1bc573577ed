"""The service in container/service as a Lambda function."""
