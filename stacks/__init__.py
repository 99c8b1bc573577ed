"""One file a pattern, each readable and copyable alone with `constructs/`."""
