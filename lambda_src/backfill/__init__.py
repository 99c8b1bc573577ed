"""The function that feeds a pattern's queue with what was in its bucket before."""
