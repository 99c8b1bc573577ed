"""What CloudWatch and the logs tell of a function or a service, in the keys of a workload."""
