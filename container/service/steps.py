"""The duration of each step of a request."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Steps:
    """Milliseconds of each step of a request."""

    taken: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Record how long the block takes."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.taken[name] = (time.perf_counter() - started) * 1000

    def rounded(self) -> dict[str, float]:
        """Return the times rounded to a tenth; a thread may still be adding to them."""
        return {name: round(one, 1) for name, one in list(self.taken.items())}

    def __str__(self) -> str:
        """Format as a Server-Timing header.

        https://www.w3.org/TR/server-timing/
        """
        return ", ".join(f"{name};dur={one}" for name, one in self.rounded().items())
