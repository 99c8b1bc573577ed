"""The service of pattern 2 as a function."""
