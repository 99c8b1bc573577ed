"""Everything that is deployed: one folder per pattern, each copyable with `constructs/` alone."""
