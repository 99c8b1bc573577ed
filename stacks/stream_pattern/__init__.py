"""Pattern 4: a function that counts the records of a stream."""
