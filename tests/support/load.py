"""Clients that request a list of paths over persistent connections, and record the answers."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer. status 0: the connection ended before the answer was complete."""

    path: str
    status: int
    seconds: float
    at: float
    body: bytes = field(repr=False, default=b"")
    retry_after: str = ""


@dataclass(kw_only=True)
class Client:
    """A client with one connection at a time. told_to_go: the service has answered `Connection: close`."""

    port: int
    told_to_go: bool = False
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> Answer:
        """Request a path. Raises ConnectionRefusedError when nobody listens."""
        if not self._streams:
            self._streams = await asyncio.open_connection(HOST, self.port)
        reader, writer = self._streams
        started = time.perf_counter()
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            body = await reader.readexactly(int(fields.get("content-length", 0)))
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close()
            return Answer(path=path, status=0, seconds=time.perf_counter() - started, at=time.perf_counter())
        if fields.get("connection") == "close":
            self.told_to_go = True
            self.close()
        now = time.perf_counter()
        status, retry = int(head.split()[1]), fields.get("retry-after", "")
        return Answer(path=path, status=status, seconds=now - started, at=now, body=body, retry_after=retry)

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
        self._streams = None


async def hammer(
    port: int,
    paths: Sequence[str],
    *,
    clients: int,
    requests: int,
    after_each: Callable[[int], None] = lambda answered: None,
) -> list[Answer]:
    """Send `requests` requests in all; each of `clients` concurrent clients sends one after another.

    A client that is told to close stops. after_each: called with the number of answers so far.
    """
    answers: list[Answer] = []
    numbers = iter(range(requests))

    async def one() -> None:
        client = Client(port=port)
        while not client.told_to_go and (number := next(numbers, None)) is not None:
            answers.append(await client.get(paths[number % len(paths)]))
            after_each(len(answers))
        client.close()

    await asyncio.gather(*(one() for _ in range(clients)))
    return answers
