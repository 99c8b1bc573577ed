"""An app of its own that feeds objects already in a pattern's bucket to the pattern's queue."""
