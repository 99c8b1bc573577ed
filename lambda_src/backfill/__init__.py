"""The function that feeds a pattern's queue with objects its bucket already had."""
