"""What was in a pattern's bucket before, fed to its queue: an app of its own."""
