"""Pattern 4: records of a stream, in a function."""
