"""The service of QueuePattern: works off a queue, one message after the other."""
