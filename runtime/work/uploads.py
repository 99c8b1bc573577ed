"""Parallel uploads of many small objects, with a bounded number in memory."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType

THREADS = 8


class Uploads:
    """Calls `put(path, data)` for each object from a few threads. A `with` block ends when all are stored.

    If a `put` raises an error, a later `store` or `flush`, or the end of the block, raises it too. A block
    that ends with an error drops the calls that have not begun.
    """

    def __init__(self, put: Callable[[str, bytes], None], *, threads: int = THREADS) -> None:
        self._put, self._most = put, 2 * threads
        self._pool = ThreadPoolExecutor(threads)
        self._under_way: set[Future[None]] = set()

    def store(self, path: str, data: bytes) -> None:
        """Queue one object; wait while too many are in progress."""
        self._collect(self._most)
        self._under_way.add(self._pool.submit(self._put, path, data))

    def flush(self) -> None:
        """Wait until all are stored."""
        self._collect(1)

    def _collect(self, most: int) -> None:
        while len(self._under_way) >= most:
            done, self._under_way = wait(self._under_way, return_when=FIRST_COMPLETED)
            for one in done:
                one.result()

    def __enter__(self) -> "Uploads":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.flush()
        finally:
            self._pool.shutdown(cancel_futures=True)
