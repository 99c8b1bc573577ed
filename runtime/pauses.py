"""How long a message that failed stays hidden: briefly at first, longer each time."""

PAUSES = (30, 120, 360, 720)
"""Seconds after the first, second, third and fourth receive: five receives outlast twenty minutes of trouble.

The queue's own visibility timeout is for what died without a word. After the fifth receive
(stacks/constructs/event_queue.py) nothing is left to wait for: next it is a dead letter.
"""


def pause_after(receives: int) -> int:
    """Seconds after so many receives, the first of them 1."""
    return PAUSES[receives - 1] if receives <= len(PAUSES) else 0
