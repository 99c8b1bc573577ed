"""Observation of functions and services: what CloudWatch and logs show, as keys of a workload."""
