"""A separate app that feeds objects already in a pattern's bucket to the pattern's queue."""
