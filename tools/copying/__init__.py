"""How one pattern is copied out: which files go, and what is cut from those that speak of others as well."""
