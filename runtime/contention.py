"""What several writers of one thing may end in."""


class ContentionError(Exception):
    """It changed each time before it could be written; later there will be fewer writers."""
