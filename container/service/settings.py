"""The service's environment, checked once at start and converted to the types that its code uses."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from container.service.environment import ServiceEnvironment
from container.service.errors import BadRequestError
from container.service.geometry import Sizes
from container.service.request import parse_size
from runtime.environment import VariableError
from runtime.imaging.limits import Limits
from runtime.imaging.transform import Encoding

MB = 2**20
_HOST = re.compile(r"[a-z0-9.-]{1,253}(:[0-9]{1,5})?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceEnvironment):
    """The variables of `ServiceEnvironment`, checked and converted."""

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Self:
        """Read and check the settings. Raises VariableError."""
        settings = super().from_variables(variables)
        if bool(settings.source_bucket) == bool(settings.source_folder):
            raise VariableError("Set exactly one of SOURCE_BUCKET and SOURCE_FOLDER.")
        if settings.folder and not settings.folder.is_dir():
            raise VariableError(f"SOURCE_FOLDER={settings.source_folder} is not a folder.")
        if not {*settings.formats} <= {*Encoding}:
            written = " ".join(settings.formats)
            raise VariableError(f"Invalid value FORMATS={written!r}. Allowed: {' '.join(Encoding)}.")
        try:
            for size in settings.sizes:
                parse_size(size)
        except BadRequestError as error:
            raise VariableError(f"Invalid value SIZES={' '.join(settings.sizes)!r}. {error}") from None
        return settings

    @property
    def folder(self) -> Path | None:
        """The folder of sources, if they are not in a bucket."""
        return Path(self.source_folder) if self.source_folder else None

    @property
    def base_url(self) -> str:
        """The base URL without a final slash."""
        return (self.public_base_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    def address(self, forwarded_host: str) -> str:
        """Return the base URL.

        If PUBLIC_BASE_URL is empty, a trusted and valid X-Forwarded-Host becomes the host of an https URL.
        """
        if self.public_base_url or not self.trust_forwarded_host or not _HOST.fullmatch(forwarded_host):
            return self.base_url
        return f"https://{forwarded_host}"

    @property
    def threads(self) -> int:
        """Number of threads that decode and encode."""
        if self.workers:
            return self.workers
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    @cached_property
    def encodings(self) -> tuple[Encoding, ...]:
        """The formats that may be requested."""
        return tuple(Encoding(word) for word in self.formats) or tuple(Encoding)

    @cached_property
    def offered(self) -> Sizes:
        """The sizes that may be requested."""
        return Sizes(max_width=self.max_width, max_area=self.max_area, presets=self.sizes)

    @property
    def limits(self) -> Limits:
        """Limits on a source."""
        return Limits(max_pixels=self.max_pixels, max_bytes=self.max_bytes)
