"""What is deployed: one folder per pattern, each readable and copyable alone with `constructs/`."""
