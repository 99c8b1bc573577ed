"""The work of a job, wherever it runs: a version of a source as tiles, published whole or not at all."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from runtime.events import ObjectEvent
from runtime.imaging.limits import Limits
from runtime.imaging.probe import check_pixels, probe_file
from runtime.imaging.pyramid import Progress, Pyramid, write_pyramid
from runtime.imaging.transform import Encoding
from runtime.rejection import Reason, Rejected
from runtime.results import Output, source_of, version_prefix
from runtime.work.source import Source
from runtime.work.uploads import Uploads

INFO = "info.json"
MEDIA_TYPES = {".jpg": "image/jpeg", ".json": "application/json"}
MB = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Tiler:
    """s3: a boto3 client. url: of the distribution in front of the output. scratch: a folder on disk."""

    s3: Any
    output: Output
    limits: Limits
    url: str
    scratch: Path | None = None

    def run(
        self,
        event: ObjectEvent,
        *,
        deadline: float = math.inf,
        progress: Progress = lambda share: None,
        placed: dict[str, Any] | None = None,
    ) -> bool:
        """Makes and publishes the tree of the event's version; False when a newer one is shown already.

        deadline: of `time.monotonic()`. placed: where it ran and why, for the manifest.
        Raises Rejected, after what it had stored is removed; DeadlineExceededError; what S3 raises.
        """
        started = time.monotonic()
        try:
            with TemporaryDirectory(dir=self.scratch) as folder:
                file = Path(folder) / "source"
                Source(s3=self.s3, event=event).download(file, self.limits)
                downloaded = time.monotonic()
                header = probe_file(file)
                check_pixels(header.width, header.height, header, self.limits)
                with Uploads(lambda path, data: self._put(event.job_id, path, data)) as uploads:
                    made = write_pyramid(
                        file,
                        header,
                        self.limits,
                        address=f"{self.url}/{version_prefix(event.job_id)}".rstrip("/"),
                        store=_last(INFO, uploads),
                        progress=progress,
                        deadline=deadline,
                    )
        except Rejected:
            self.output.remove(event.job_id)
            raise
        timings = {"fetch": _ms(downloaded - started), "tiles": _ms(time.monotonic() - downloaded)}
        source = {**source_of(event), **asdict(header)}
        manifest = {"source": source, "pyramid": self._described(event, made), "timings_ms": timings}
        moved = self.output.publish(event, {**manifest, **({"placed": placed} if placed else {})})
        if not self.output.still_wanted(event):
            raise Rejected(Reason.SOURCE_GONE, "The file was deleted while its tiles were made.")
        return moved

    def _put(self, job_id: str, path: str, data: bytes) -> None:
        media_type = MEDIA_TYPES[Path(path).suffix]
        self.output.put(f"{version_prefix(job_id)}{path}", data, media_type)

    def _described(self, event: ObjectEvent, made: Pyramid) -> dict[str, Any]:
        prefix = version_prefix(event.job_id)
        return {
            "info": f"{prefix}{INFO}",
            "url": f"{self.url}/{prefix}{INFO}",
            "width": made.width,
            "height": made.height,
            "tiles": made.tiles,
            "bytes": made.size,
            "media_type": MEDIA_TYPES[f".{Encoding.JPG}"],
        }


def _last(name: str, uploads: Uploads) -> Callable[[str, bytes], None]:
    """Stores the file of that name only once all others are: by it viewers find the tree."""

    def store(path: str, data: bytes) -> None:
        if path == name:
            uploads.flush()
        uploads.store(path, data)

    return store


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
