"""The dispatcher with videos among its works."""
