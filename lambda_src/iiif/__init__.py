"""The service of container/service as a function."""
