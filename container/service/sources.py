"""Images that are kept for the next request: as files, and decoded where many parts of one are asked for."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from container.service.errors import BusyError, NotFoundError, UnreachableError
from container.service.pool import Pool
from container.service.stores import File, Store
from imaging.limits import Limits
from imaging.transform import Pyramid, size_of

T = TypeVar("T")
log = logging.getLogger("service")


@dataclass(kw_only=True, eq=False)
class Source:
    """An image in memory. asked: how often, for its description or a part of it."""

    file: File
    fresh_until: float
    asked: int = 0
    pyramid: Pyramid | None = None

    @property
    def bytes(self) -> int:
        """What it holds."""
        return len(self.file.data) + (size_of(self.file.header) if self.pyramid else 0)


@dataclass(kw_only=True, eq=False)
class Sources:
    """Sources within a budget of bytes, the least recently used going first.

    Requests for one source that meet are fetched once and decoded once. fresh: seconds in which the store is
    not asked again whether the source is still the same; while it cannot say, what is kept is served.
    """

    store: Store
    fetching: Pool
    working: Pool
    limits: Limits
    budget: int
    fresh: float
    decodes: int = 0
    hits: int = 0
    _kept: OrderedDict[str, Source] = field(default_factory=OrderedDict)
    _under_way: dict[str, asyncio.Task[Any]] = field(default_factory=dict)

    async def get(self, key: str) -> Source:
        """The source of that key. Raises as `Store.fetch` does, and BusyError."""
        source = self._kept.get(key)
        if source and time.monotonic() < source.fresh_until:
            self._kept.move_to_end(key)
            self.hits += 1
            return source
        return await self._once(f"fetch {key}", self._fetch(key, source))

    async def pyramid(self, key: str, source: Source) -> Pyramid | None:
        """The decoded source, where that is worth it: it was asked for before, and fits into the budget.

        A viewer begins with `info.json`, so its first tile decodes the source, and no other does.
        """
        if (
            source.pyramid
            or source.asked < 2
            or len(source.file.data) + size_of(source.file.header) > self.budget
        ):
            return source.pyramid
        return await self._once(f"decode {key} {source.file.version}", self._decode(key, source))

    @property
    def bytes(self) -> int:
        return sum(source.bytes for source in self._kept.values())

    async def _fetch(self, key: str, known: Source | None) -> Source:
        version = known.file.version if known else None
        until = time.monotonic() + self.fresh
        try:
            file = await self.fetching.run(lambda: self.store.fetch(key, version))
        except NotFoundError:
            self._kept.pop(key, None)
            raise
        except (UnreachableError, BusyError) as error:
            if not known:
                raise
            log.warning("Serving %s as it was: %s", key, error)
            file = None
        if file is None and known:
            known.fresh_until = until
            return known
        assert file  # noqa: S101 - None only answers a known version
        source = Source(file=file, fresh_until=until)
        self._keep(key, source)
        return source

    async def _decode(self, key: str, source: Source) -> Pyramid:
        file = source.file
        self.decodes += 1
        source.pyramid = await self.working.run(lambda: Pyramid(file.data, file.header, self.limits))
        if self._kept.get(key) is source:
            self._keep(key, source)
        return source.pyramid

    def _keep(self, key: str, source: Source) -> None:
        if source.bytes > self.budget:  # all others would have to go for it, and then it
            self._kept.pop(key, None)
            return
        self._kept[key] = source
        self._kept.move_to_end(key)
        while self._kept and self.bytes > self.budget:
            self._kept.popitem(last=False)

    async def _once(self, name: str, work: Coroutine[Any, Any, T]) -> T:
        """One task for all that want the same; it goes on when one of them is given up."""
        task = self._under_way.get(name)
        if task:
            work.close()
        else:
            task = self._under_way[name] = asyncio.create_task(work)
            task.add_done_callback(lambda done: self._forget(name, done))
        found: T = await asyncio.shield(task)
        return found

    def _forget(self, name: str, done: "asyncio.Task[Any]") -> None:
        del self._under_way[name]
        if not done.cancelled():
            done.exception()  # everybody who waited for it may have left
