"""Backoff of failed messages: they stay hidden for longer after each receive."""

PAUSES = (30, 120, 360, 720)
"""Seconds after the first, second, third and fourth receive: five receives outlast a 20-minute outage.

The queue's own visibility timeout is for consumers that died. After the fifth receive
(stacks/constructs/event_queue.py) there is no pause: the message goes to the dead-letter queue.
"""


def pause_after(receives: int) -> int:
    """Return how many seconds to wait after the given receive, counted from 1."""
    return PAUSES[receives - 1] if receives <= len(PAUSES) else 0
