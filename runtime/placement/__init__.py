"""Limits of Lambda and Fargate as data, and the placement of jobs. Knows neither prices nor images."""
