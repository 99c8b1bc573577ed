"""A client for each deployed pattern, for tests, the demo and e2e."""
