"""The worker with videos among its works."""
