"""A store whose fetches a test can hold back and count, and a service, in this process, that reads it."""

import asyncio
import threading
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from container.service.app import Service
from container.service.errors import NotFoundError
from container.service.settings import Settings
from container.service.stores import Admit, File, admit_all
from runtime.imaging.probe import probe_bytes
from tests.support.images import encode, noise

BASE = "http://test/iiif/3"
PHOTO = encode(noise(1100, 900), ".jpg")
SETTINGS = Settings(source_folder=".", public_base_url="http://test", workers=2, queue=4)


@dataclass(kw_only=True)
class Shelf:
    """A store whose fetches and version checks a test can hold back and count."""

    files: dict[str, bytes] = field(default_factory=lambda: {"a": PHOTO})
    fetched: list[str] = field(default_factory=list)
    looked_at: list[str] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.open.set()

    def fetch(self, key: str, admit: Admit = admit_all) -> File:
        self.fetched.append(key)
        admit(len(self.files.get(key, b"")))
        version = self._wait(key)
        return File(version=version, header=probe_bytes(self.files[key]), data=self.files[key])

    def version(self, key: str) -> str:
        self.looked_at.append(key)
        return self._wait(key)

    def _wait(self, key: str) -> str:
        assert self.open.wait(10)
        if key not in self.files:
            raise NotFoundError("none")
        return str(hash(self.files[key]))


def served(shelf: Shelf, **changed: Any) -> tuple[Service, httpx.AsyncClient]:
    service = Service(replace(SETTINGS, **changed), shelf)
    transport = httpx.ASGITransport(app=service.application())
    return service, httpx.AsyncClient(transport=transport, base_url=BASE, timeout=20, follow_redirects=True)


async def get_all(client: httpx.AsyncClient, paths: list[str]) -> list[httpx.Response]:
    return list(await asyncio.gather(*(client.get(path) for path in paths)))
