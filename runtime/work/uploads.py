"""Stores many small objects at once, without holding more of them than are on their way."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType

THREADS = 8


class Uploads:
    """`put(path, data)` for each tile, by a few threads. The block ends when all are stored.

    Raises what a `put` raised, at the next `store` or at the end; what is not begun by then is dropped.
    """

    def __init__(self, put: Callable[[str, bytes], None], *, threads: int = THREADS) -> None:
        self._put, self._most = put, 2 * threads
        self._pool = ThreadPoolExecutor(threads)
        self._under_way: set[Future[None]] = set()

    def store(self, path: str, data: bytes) -> None:
        """Wait while too many are on their way."""
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
