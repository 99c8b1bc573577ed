"""Everything that is deployed: one folder per pattern, each copyable without the others."""
