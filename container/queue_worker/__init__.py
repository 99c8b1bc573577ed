"""The service of QueuePattern: works off a queue, one message at a time."""
