"""A cache of images: their files, and the decoded pixels of those that were requested before."""

import asyncio
import hashlib
import logging
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from container.service.errors import BusyError, NotFoundError, UnreachableError
from container.service.pool import Pool
from container.service.stores import File, Store
from runtime.imaging.limits import Limits
from runtime.imaging.transform import Pyramid, size_of
from runtime.rejection import Reason, Rejected

T = TypeVar("T")
REJECTIONS_KEPT = 1000
_ANOTHER_VERSION = (
    "This is not the image's current version; info.json without @ redirects to the current one."
)
ASK_AGAIN_SECONDS = 2
"""How long the store may take to confirm that a source is unchanged before the cached one is served."""
log = logging.getLogger("service")


def version_of(tag: str) -> str:
    """Return 16 hex digits derived from the store's own version of an image."""
    return hashlib.sha256(tag.encode()).hexdigest()[:16]


class Lease:
    """A reservation; released when the last reference is dropped."""


class Memory:
    """Counts the bytes of files and decoded images, whether held by the cache or by requests."""

    def __init__(self, limit: int) -> None:
        self.limit, self.held = limit, 0
        self._lock = threading.RLock()  # a release may interrupt a `take` of the same thread

    def take(self, count: int) -> Lease:
        """Reserve `count` bytes until the last holder drops the lease.

        Raises BusyError when there is no room.
        """
        with self._lock:
            if self.held + count > self.limit:
                raise BusyError("Images in progress fill the memory; try again in a moment.")
            self.held += count
        lease = Lease()
        weakref.finalize(lease, self._release, count)
        return lease

    def _release(self, count: int) -> None:
        with self._lock:
            self.held -= count


@dataclass(kw_only=True, eq=False)
class Source:
    """An image in memory. asked: number of requests for it, for a part of it or for its `info.json`."""

    file: File
    fresh_until: float
    asked: int = 0
    pyramid: Pyramid | None = None
    leases: list[Lease] = field(default_factory=list)

    @property
    def version(self) -> str:
        """The version as it appears in URLs."""
        return version_of(self.file.version)

    @property
    def bytes(self) -> int:
        """The number of bytes that it holds."""
        return len(self.file.data) + (size_of(self.file.header) if self.pyramid else 0)


@dataclass(kw_only=True)
class Shared:
    """Work shared by `waiting` requests; cancelled when the last one leaves, unless it has begun."""

    task: asyncio.Task[Any] | None = None
    waiting: int = 0
    begun: bool = False

    def begin(self, work: Callable[[], T]) -> T:
        """Run `work` in the calling thread; once begun it continues, and its result serves later requests."""
        self.begun = True
        return work()


@dataclass(kw_only=True, eq=False)
class Sources:
    """An LRU cache of sources within a budget of bytes.

    Concurrent requests for one source share one fetch and one decode. spare: bytes beyond the budget, for
    what requests hold but the cache does not. fresh: seconds until the store is asked again whether a source
    has changed; while the store is unreachable, the cached source is served.
    """

    store: Store
    fetching: Pool
    working: Pool
    limits: Limits
    budget: int
    spare: int
    fresh: float
    decodes: int = 0
    hits: int = 0
    bytes: int = 0
    _kept: OrderedDict[str, Source] = field(default_factory=OrderedDict)
    _shared: dict[str, Shared] = field(default_factory=dict)
    _rejected: OrderedDict[str, tuple[float, Reason, str]] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.memory = Memory(self.budget + self.spare)

    async def get(self, key: str, version: str = "") -> Source:
        """Return the source with that key, and with that version if one is given.

        Raises what `Store.fetch` raises, BusyError, and NotFoundError if the version is not the current one.
        """
        known = self._kept.get(key)
        # Another version may be a newer one: the store knows.
        if known and time.monotonic() < known.fresh_until and version in ("", known.version):
            self._kept.move_to_end(key)
            self.hits += 1
            return known
        if not version:  # a named version may not be the rejected one
            self._refuse_again(key)
        found, doubt = await self._once(f"fetch {key}", lambda shared: self._look(key, known, shared))
        if version not in ("", found.version):
            raise doubt or NotFoundError(_ANOTHER_VERSION)
        return found

    async def tag(self, key: str) -> str:
        """Return the store's own version of the source; read the source only if a cached one has changed."""
        if key in self._kept:
            return (await self.get(key)).file.version

        async def ask(shared: Shared) -> str:
            return await self.fetching.run(lambda: shared.begin(lambda: self.store.version(key)))

        return await self._once(f"version {key}", ask)

    def _refuse_again(self, key: str) -> None:
        """Raise the rejection again if it is less than `fresh` seconds old, without reading the source."""
        until, reason, message = self._rejected.get(key, (0.0, Reason.DAMAGED, ""))
        if time.monotonic() < until:
            raise Rejected(reason, message)

    def _reject(self, key: str, rejected: Rejected) -> None:
        """Remember why a source was rejected, but not the exception, which would keep its stack in memory."""
        self._drop(key)
        self._rejected.pop(key, None)
        self._rejected[key] = (time.monotonic() + self.fresh, rejected.reason, rejected.message)
        while len(self._rejected) > REJECTIONS_KEPT:
            self._rejected.popitem(last=False)

    async def pyramid(self, key: str, source: Source) -> Pyramid | None:
        """Return the decoded source if it was requested before and fits into the budget; else None.

        A viewer requests `info.json` first, so its first tile decodes the source for all the others. Raises
        BusyError, and whatever `Pyramid` raises.
        """
        if (
            source.pyramid
            or source.asked < 2
            or len(source.file.data) + size_of(source.file.header) > self.budget
        ):
            return source.pyramid
        name = f"decode {key} {source.file.version}"
        return await self._once(name, lambda shared: self._decode(key, source, shared))

    async def _look(self, key: str, known: Source | None, shared: Shared) -> tuple[Source, Exception | None]:
        """Return the store's source; on UnreachableError or BusyError, the cached one and the error."""
        until = time.monotonic() + self.fresh
        try:
            if known:
                async with asyncio.timeout(ASK_AGAIN_SECONDS):
                    tag = await self.fetching.run(lambda: self.store.version(key))
                if tag == known.file.version:
                    known.fresh_until = until
                    return known, None
            return await self._fetch(key, until, shared), None
        except NotFoundError:
            self._drop(key)
            raise
        except Rejected as rejected:
            self._reject(key, rejected)
            raise
        except TimeoutError:
            doubt: Exception = UnreachableError("The image bucket took too long to answer.")
        except (UnreachableError, BusyError) as error:
            doubt = error
        if not known:
            raise doubt
        log.warning("Serving %s as it was: %s", key, doubt)
        known.fresh_until = until
        return known, doubt

    async def _fetch(self, key: str, until: float, shared: Shared) -> Source:
        leases: list[Lease] = []

        def fetch() -> File:
            return self.store.fetch(key, lambda count: leases.append(self.memory.take(count)))

        try:
            file = await self.fetching.run(lambda: shared.begin(fetch))
            source = Source(file=file, fresh_until=until, leases=[*leases])
        finally:
            leases.clear()  # the thread, or whoever keeps an exception, may hold on to the list
        self._keep(key, source)
        return source

    async def _decode(self, key: str, source: Source, shared: Shared) -> Pyramid:
        file, size = source.file, size_of(source.file.header)
        self._make_room(size, spared=key)
        lease = self.memory.take(size)
        self.decodes += 1
        pyramid = await self.working.run(
            lambda: shared.begin(lambda: Pyramid(file.data, file.header, self.limits))
        )
        is_kept = self._kept.get(key) is source
        if is_kept:
            self._drop(key)
        source.pyramid = pyramid
        source.leases.append(lease)
        if is_kept:
            self._keep(key, source)
        return pyramid

    def _keep(self, key: str, source: Source) -> None:
        self._drop(key)
        if source.bytes > self.budget:  # it would evict all others and still not fit
            return
        self._make_room(source.bytes)
        self._kept[key] = source
        self.bytes += source.bytes

    def _make_room(self, count: int, spared: str = "") -> None:
        for key in list(self._kept):
            if self.bytes + count <= self.budget:
                return
            if key != spared:
                self._drop(key)

    def _drop(self, key: str) -> None:
        source = self._kept.pop(key, None)
        self.bytes -= source.bytes if source else 0

    async def _once(self, name: str, work: Callable[[Shared], Coroutine[Any, Any, T]]) -> T:
        """Share one task among concurrent requests; if all leave before its work begins, cancel it."""
        shared = self._shared.get(name)
        if not shared:
            shared = self._shared[name] = Shared()
            shared.task = asyncio.create_task(work(shared))
            shared.task.add_done_callback(lambda task: self._forget(name, shared, task))
        task = shared.task
        assert task  # noqa: S101 - set before anybody else runs
        shared.waiting += 1
        try:
            found: T = await asyncio.shield(task)
            return found
        finally:
            shared.waiting -= 1
            if not shared.waiting and not shared.begun and not task.done():
                task.cancel()
                self._forget(name, shared, task)

    def _forget(self, name: str, shared: Shared, task: asyncio.Task[Any]) -> None:
        """Forget a task, so that the next request starts a new one."""
        if task.done() and not task.cancelled():
            task.exception()  # retrieved here, since nobody may be left to await it
        if self._shared.get(name) is shared:
            del self._shared[name]
