"""A client for each deployed pattern, for tests, benchmarks and commands."""
