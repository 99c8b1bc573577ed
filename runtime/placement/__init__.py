"""Limits of Lambda and Fargate as data, and where a job fits. Knows no prices and no images."""
