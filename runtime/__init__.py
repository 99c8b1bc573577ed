"""Code shared by functions and containers."""
