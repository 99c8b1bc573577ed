"""The function's work, the part to replace in a copy: checks a photo and turns it into renditions."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lambda_src.renditions.upload import Put
from runtime.imaging.download import Body, Download
from runtime.imaging.limits import Limits
from runtime.imaging.probe import check_pixels, probe
from runtime.imaging.renditions import MEDIA_TYPE, render


@dataclass(frozen=True, kw_only=True)
class Photos:
    """Implements Work of upload.py.

    limits: on one photo. labels: function that labels a rendition; None if labels are off.
    """

    limits: Limits
    labels: Callable[[bytes], dict[str, Any]] | None = None

    @property
    def max_bytes(self) -> int:
        """Maximum size of a source in bytes."""
        return self.limits.max_bytes

    def make(self, body: Body, put: Put) -> dict[str, Any]:
        """Store a photo's renditions, the largest first, and return the manifest's facts.

        Raises Rejected for a file that is not a supported image, is damaged, or exceeds the limits.
        """
        started = time.perf_counter()
        download = Download(body)
        header = probe(download.read)
        check_pixels(header.width, header.height, header, self.limits)
        data = download.rest()
        fetched = time.perf_counter()
        rendered = render(data, header, self.limits)
        renditions = [
            {
                "key": put(f"{one.long_edge}.webp", one.data, MEDIA_TYPE),
                "long_edge": one.long_edge,
                "width": one.width,
                "height": one.height,
                "bytes": len(one.data),
                "media_type": MEDIA_TYPE,
            }
            for one in rendered.renditions
        ]
        labels = {"labels": self.labels(rendered.renditions[0].data)} if self.labels else {}
        timings = {
            "fetch": round((fetched - started) * 1000, 1),
            "decode": round(rendered.decode_ms, 1),
            "encode": round(rendered.encode_ms, 1),
        }
        return {"source": header.summary, "renditions": renditions, **labels, "timings_ms": timings}
