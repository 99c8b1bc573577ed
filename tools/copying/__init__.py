"""How one pattern is copied: which files, and what is removed from those that mention other patterns."""
