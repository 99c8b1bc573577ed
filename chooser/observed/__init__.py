"""Observation of functions and services through CloudWatch and logs, in the keys of a workload."""
