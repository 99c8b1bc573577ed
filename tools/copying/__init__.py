"""Copying of one pattern: which files go along, and what is removed from files that mention others."""
