"""The hard limits in limits.toml, each with source, date and confidence, and Fargate's task sizes."""

import tomllib
from datetime import date
from functools import cache
from typing import NamedTuple

FILE = f"{__file__.rpartition('.')[0]}.toml"
FARGATE_SIZES: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
    16384: tuple(range(32768, 122881, 8192)),
    32768: (61440, 122880, 249856),
}
"""Fargate task sizes on Linux: CPU units (1,024 per vCPU) and the MB allowed with them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
"""


class Limit(NamedTuple):  # a dataclass would take a quarter of the CLI's start-up time
    """A hard limit. name: service and quantity, such as `lambda.seconds`.

    confidence: official, secondary or unverified.
    """

    name: str
    value: float
    source: str
    date: date
    confidence: str


@cache
def limits() -> dict[str, Limit]:
    """Return all limits by name."""
    with open(FILE, "rb") as file:  # noqa: PTH123 - pathlib would take a tenth of the CLI's start-up time
        found = tomllib.load(file)
    return {
        f"{group}.{name}": Limit(name=f"{group}.{name}", **entry)
        for group, entries in found.items()
        if isinstance(entries, dict)
        for name, entry in entries.items()
    }


def limit(name: str) -> float:
    """Return the value of a limit. Raises KeyError."""
    return limits()[name].value


def fargate_size(*, vcpus: float, memory_mb: float) -> tuple[int, int] | None:
    """Return the smallest task size with at least that much of both, or None if none is large enough."""
    for cpu, memories in FARGATE_SIZES.items():
        for memory in memories:
            if cpu >= vcpus * 1024 and memory >= memory_mb:
                return cpu, memory
    return None
