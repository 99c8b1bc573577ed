"""Parsing of CloudFront's real-time logs, and which requests count as views."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import unquote

from lambda_src.views.counters import KEPT_SECONDS

FIELDS = (
    "timestamp",
    "sc-status",
    "cs-method",
    "cs-uri-stem",
    "x-edge-request-id",
    "x-edge-result-type",
)
"""Fields of the log configuration; no IP address, cookie or user agent is among them.

CloudFront sends fields in this order, not in that of the configuration:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/real-time-logs.html
"""
ANSWERED = frozenset({"200", "206", "304"})
FROM_CACHE = frozenset({"Hit", "RefreshHit", "OriginShieldHit"})
WHOLE = frozenset({"full", "square"})
"""IIIF regions that count as the whole image."""
MAX_IMAGE_BYTES = len("iiif/") + 1024
"""The longest key in S3 plus our prefix; a key in DynamoDB may have 2,048 bytes:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
"""
OLDEST_SECONDS, NEWEST_SECONDS = KEPT_SECONDS, 3600
"""How many seconds a record's timestamp may be before and after its arrival.

An older record's counter would have expired; a newer record comes from a wrong clock.
"""
_SERVICE, _TILES = re.compile(r"/iiif/3((@|%40|%2540)[0-9a-f]{16})?/"), "/v/"
"""The image service's paths, with or without an image's version, and those of tiles."""
_NUMBER = re.compile(r"\d{1,11}(\.\d+)?")


class MalformedError(Exception):
    """Raised for a record that is not a log line; the message says why and is stored with the record."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. image: the image viewed, "" if it is not a view. minute: UTC, as 2026-11-26T16:13Z."""

    request_id: str
    image: str
    minute: str
    from_cache: bool


def read_line(data: bytes, arrived: float) -> Request:
    """Parse one record of the stream: tab-separated, URL-encoded fields in the order of FIELDS.

    arrived: when the stream received it, in seconds since 1970. Raises MalformedError.
    """
    try:
        fields = data.decode().rstrip("\r\n").split("\t")
    except UnicodeDecodeError as error:
        raise MalformedError(f"It is not UTF-8: byte {error.start} of {len(data)}.") from error
    if len(fields) != len(FIELDS):
        raise MalformedError(
            f"It has {len(fields)} tab-separated fields, not {len(FIELDS)}: {', '.join(FIELDS)}."
        )
    timestamp, status, method, path, request_id, result = fields
    if not _NUMBER.fullmatch(timestamp):
        raise MalformedError(f"Its timestamp is not in seconds since 1970: {timestamp[:40]!r}.")
    second = int(timestamp.partition(".")[0])
    if not -OLDEST_SECONDS <= second - arrived <= NEWEST_SECONDS:
        raise MalformedError(f"Its timestamp is {(second - arrived) / 86_400:+,.1f} days from its arrival.")
    if not (len(status) == 3 and status.isdecimal() and status.isascii()):
        raise MalformedError(f"Its sc-status is not an HTTP status: {status[:40]!r}.")
    if not path.startswith("/"):
        raise MalformedError(f"Its cs-uri-stem is not a path: {path[:40]!r}.")
    if not request_id or request_id == "-":
        raise MalformedError("It has no x-edge-request-id, by which duplicates are recognised.")
    image = image_of(path) if method == "GET" and status in ANSWERED else ""
    if len(image.encode()) > MAX_IMAGE_BYTES:
        raise MalformedError("The name of its image is longer than any key in S3: 1,024 bytes.")
    return Request(
        request_id=request_id,
        image=image,
        minute=_minute(second // 60),
        from_cache=result in FROM_CACHE,
    )


def image_of(path: str) -> str:
    """Return the image that a request shows as a whole, or "".

    It is iiif/NAME for the image service and v/JOB for tiles. An <img> requests the whole image once, and so
    does a viewer, whose coarsest tile is the whole image; other tiles and info.json are not counted.

    path: URL-encoded by the viewer, and again where CloudFront's log encodes "%"; a literal "%" in a name may
    be lost.
    """
    is_tile = path.startswith(_TILES)
    if not (is_tile or _SERVICE.match(path)):
        return ""
    parts = unquote(path).split("/")[2 if is_tile else 3 :]  # the name, then region, size, rotation, file
    image = unquote("/".join(parts[:-4]))
    if not image or parts[-4] not in WHOLE:
        return ""
    return f"v/{image}" if is_tile else f"iiif/{image}"


@lru_cache(maxsize=1024)
def _minute(minutes: int) -> str:
    return f"{datetime.fromtimestamp(minutes * 60, UTC):%Y-%m-%dT%H:%MZ}"
