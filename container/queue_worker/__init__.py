"""The service of QueuePattern: processes a queue, one message at a time."""
