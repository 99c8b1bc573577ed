"""What the service is told by its environment, checked once when it starts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from container.service.errors import BadRequestError
from container.service.geometry import Sizes
from container.service.request import parse_size
from runtime.imaging.limits import Limits
from runtime.imaging.transform import Encoding

MB = 2**20


class SettingsError(Exception):
    """A variable of the environment that is not possible; the message says which and what is."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """bucket or folder: where the images are; of these just one is given.

    base_url: the absolute address that `id`, redirects and Link headers begin with, without a final slash.
    workers: threads that decode and encode. queue: requests that may wait for them.
    deadline: seconds after which a request is given up. drain: seconds in which a stopping service tells its
    callers to go. cache_mb: of files and decoded images that are kept. spare_mb: beyond that, of those that
    only requests hold. fresh: seconds in which a source is not looked at
    again. max_age: seconds that caches may keep an answer.
    """

    bucket: str = ""
    folder: Path | None = None
    base_url: str = ""
    host: str = "0.0.0.0"  # noqa: S104 - in a container; dev.py says 127.0.0.1
    port: int = 8080
    workers: int = 1
    queue: int = 32
    deadline: float = 15
    drain: float = 3
    cache_mb: int = 512
    spare_mb: int = 256
    fresh: float = 60
    max_age: int = 3600
    encodings: tuple[Encoding, ...] = tuple(Encoding)
    sizes: Sizes = field(default_factory=Sizes)
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """From variables such as SOURCE_BUCKET and CACHE_MB. Raises SettingsError."""
        bucket, folder = environment.get("SOURCE_BUCKET", ""), environment.get("SOURCE_FOLDER", "")
        if bool(bucket) == bool(folder):
            raise SettingsError("Set just one of SOURCE_BUCKET and SOURCE_FOLDER.")
        if folder and not Path(folder).is_dir():
            raise SettingsError(f"SOURCE_FOLDER={folder} is not a folder.")

        def number(name: str, default: float, least: float = 1) -> float:
            text = environment.get(name, "") or str(default)
            try:
                value = float(text)
            except ValueError:
                value = float("nan")
            if not least <= value <= 1e12:
                raise SettingsError(f"{name}={text} is not possible: a number from {least:g}.")
            return value

        def words(name: str) -> tuple[str, ...]:
            return tuple(environment.get(name, "").replace(";", " ").split())

        port = int(number("PORT", cls.port, 0))
        encodings = words("FORMATS") or tuple(Encoding)
        if not {*encodings} <= {*Encoding}:
            raise SettingsError(f"FORMATS={environment['FORMATS']} is not possible: of {' '.join(Encoding)}.")
        try:
            for size in words("SIZES"):
                parse_size(size)
        except BadRequestError as error:
            raise SettingsError(f"SIZES={environment['SIZES']} is not possible. {error}") from None
        return cls(
            bucket=bucket,
            folder=Path(folder) if folder else None,
            base_url=(environment.get("PUBLIC_BASE_URL") or f"http://127.0.0.1:{port}").rstrip("/"),
            host=environment.get("HOST") or cls.host,
            port=port,
            workers=int(
                number("WORKERS", len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
            ),
            queue=int(number("QUEUE", cls.queue, 0)),
            deadline=number("DEADLINE_SECONDS", cls.deadline, 0.01),
            drain=number("DRAIN_SECONDS", cls.drain, 0),
            cache_mb=int(number("CACHE_MB", cls.cache_mb, 0)),
            spare_mb=int(number("SPARE_MB", cls.spare_mb)),
            fresh=number("FRESH_SECONDS", cls.fresh, 0),
            max_age=int(number("MAX_AGE_SECONDS", cls.max_age, 0)),
            encodings=tuple(Encoding(word) for word in encodings),
            sizes=Sizes(
                max_width=int(number("MAX_WIDTH", Sizes().max_width)),
                max_area=int(number("MAX_AREA", Sizes().max_area)),
                presets=words("SIZES"),
            ),
            limits=Limits(
                max_pixels=int(number("MAX_PIXELS", Limits().max_pixels)),
                max_bytes=int(number("MAX_BYTES", Limits().max_bytes)),
            ),
        )
