"""A thread pool with a bounded queue."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from container.service.errors import BusyError

T = TypeVar("T")


class Pool:
    """A pool of `workers` threads; `queue` more calls may wait, and any further one is refused at once."""

    def __init__(self, name: str, *, workers: int, queue: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._room = workers + queue
        self.pending = 0

    async def run(self, function: Callable[[], T]) -> T:
        """Run the function in a thread and return its result. Raises BusyError when too many calls wait.

        A call that is cancelled while it waits never begins. Once begun, it finishes even if cancelled, and
        counts as pending until then.
        """
        if self.pending >= self._room:
            raise BusyError("Too many requests are waiting already; try again in a moment.")
        self.pending += 1
        loop = asyncio.get_running_loop()

        def done(_: Future[T]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._leave)

        future = self._threads.submit(function)
        future.add_done_callback(done)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Drop waiting calls; running ones finish by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _leave(self) -> None:
        self.pending -= 1
