"""Recognises video files by their first bytes, and checks that they are complete. Pure but for `read`.

ISO base media (MP4, MOV): https://developer.apple.com/documentation/quicktime-file-format/atoms

Matroska (WebM): https://www.rfc-editor.org/rfc/rfc8794 and https://www.rfc-editor.org/rfc/rfc9559
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from runtime.rejection import Reason, Rejected

Read = Callable[[int, int], bytes]
"""`read(offset, length)`: up to that many bytes, fewer at the end of the file."""


class Kind(StrEnum):
    """The supported containers; their values are media types."""

    MP4 = "video/mp4"
    MOV = "video/quicktime"
    WEBM = "video/webm"
    MATROSKA = "video/x-matroska"


_PICTURES = {
    b"avif",
    b"avis",
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"hevc",
    b"hevx",
    b"heif",
    b"mif1",
    b"msf1",
    b"crx ",
}
"""Brands of still pictures and image sequences: https://mp4ra.org/registered-types/brands"""
_QUICKTIME = {b"moov", b"mdat", b"wide", b"skip", b"free", b"pnot"}
"""Types of the first box in QuickTime files that predate brands."""
_OTHERS = tuple(
    (re.compile(pattern, re.DOTALL), name)
    for pattern, name in (
        (rb"RIFF.{4}AVI ", "an AVI video"),
        (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media video"),
        (rb"FLV\x01", "a Flash video"),
        (rb"\0\0\x01[\xb3\xba]", "an MPEG video"),
        (rb"G.{187}G.{187}G", "an MPEG transport stream"),
    )
)
_EBML = b"\x1aE\xdf\xa3"
_SEGMENT, _TRACKS, _TRACK, _ENCODINGS, _ENCODING, _ENCRYPTION = (
    0x18538067,
    0x1654AE6B,
    0xAE,
    0x6D80,
    0x6240,
    0x5035,
)
_ENCRYPTED = re.compile(rb"schm\0\0\0\0(cenc|cens|cbc1|cbcs|piff)")
"""Schemes of Common Encryption (https://mp4ra.org/registered-types/schemes), and of PIFF before it."""
MOST_OF_AN_INDEX = 32 * 1024 * 1024
"""Maximum bytes of an index that are examined; a two-hour film's has about four megabytes."""
_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"udta", b"meta", b"pnot"}
"""Top-level boxes of an MP4 or QuickTime file that is not fragmented."""
_MOST_BOXES = 10_000


def kind_of(head: bytes) -> Kind | None:
    """Return the kind of a file that begins with `head`, or None. head: 4 KiB, or all of a smaller file."""
    if head[4:8] == b"ftyp":
        box = head[: int.from_bytes(head[:4], "big")]
        brands = {box[at : at + 4] for at in (8, *range(16, len(box), 4))}
        return None if brands & _PICTURES else Kind.MOV if b"qt  " in brands else Kind.MP4
    if head[4:8] in _QUICKTIME:
        return Kind.MOV
    if head.startswith(_EBML):
        return Kind.WEBM if b"webm" in head[:64] else Kind.MATROSKA
    return None


def other_video(head: bytes) -> str | None:
    """Return the name of a known video format that is not supported, or None."""
    return next((name for pattern, name in _OTHERS if pattern.match(head)), None)


def check_whole(kind: Kind, read: Read, size: int) -> None:
    """Check that a file has all its parts. size: in bytes.

    Raises Rejected TRUNCATED for a file that ends early, DAMAGED for one with parts missing, ENCRYPTED for
    one that needs a key.
    """
    if kind in (Kind.WEBM, Kind.MATROSKA):
        _check_matroska(read, size)
    else:
        _check_boxes(read, size)


def _check_boxes(read: Read, size: int) -> None:
    at, seen = 0, set[bytes]()
    for name, length in _boxes(read, size):
        if length < 8 or (name not in _BOXES and {b"moov", b"mdat"} <= seen):
            break  # the rest is padding, or what a camera adds
        if at + length > size:
            raise truncated()
        if name == b"moov" and _is_in_fragments(read(at, min(length, MOST_OF_AN_INDEX))):
            return
        seen.add(name)
        at += length
    if b"moov" not in seen:
        raise truncated() if b"mdat" in seen else _damaged("It has no index (moov)")


def _boxes(read: Read, size: int) -> Iterator[tuple[bytes, int]]:
    """Yield the name and length of each box."""
    at = 0
    for _ in range(_MOST_BOXES):
        head = read(at, 16)
        if len(head) < 8:
            return
        length = int.from_bytes(head[:4], "big")
        length = int.from_bytes(head[8:16], "big") if length == 1 else length or size - at
        yield head[4:8], length
        at += length


def _is_in_fragments(index: bytes) -> bool:
    """Return whether the file is fragmented, in which case each fragment is complete by itself.

    Raises Rejected ENCRYPTED.
    """
    if _ENCRYPTED.search(index):
        raise encrypted()
    return b"mvex" in index


@dataclass(frozen=True, kw_only=True)
class _Element:
    """A Matroska element. name: its id. begin: offset of its data. length: of its data; None if unknown."""

    name: int
    begin: int
    length: int | None


def _check_matroska(read: Read, size: int) -> None:
    segment = next((one for one in _elements(read, 0, size) if one.name == _SEGMENT), None)
    if segment is None:
        raise _damaged("It has no segment")
    end = size if segment.length is None else segment.begin + segment.length
    if end > size:
        raise truncated()
    tracks = next((one for one in _elements(read, segment.begin, end) if one.name == _TRACKS), None)
    if tracks is None:
        raise _damaged("It does not describe its tracks")
    found = [tracks]
    for name in (_TRACK, _ENCODINGS, _ENCODING, _ENCRYPTION):
        found = [
            inner
            for outer in found
            for inner in _elements(read, outer.begin, outer.begin + (outer.length or 0))
            if inner.name == name
        ]
    if found:
        raise encrypted()


def _elements(read: Read, at: int, end: int) -> Iterator[_Element]:
    """Yield consecutive elements between two offsets, as far as they can be parsed."""
    for _ in range(_MOST_BOXES):
        if at >= end:
            return
        head = read(at, 12)
        name, used = _number(head, keep_marker=True)
        length, more = _number(head[used:], keep_marker=False) if used else (0, 0)
        if not more:
            return
        begin = at + used + more
        is_open = length == (1 << (7 * more)) - 1
        yield _Element(name=name, begin=begin, length=None if is_open else length)
        if is_open:
            return
        at = begin + length


def _number(data: bytes, *, keep_marker: bool) -> tuple[int, int]:
    """Return a variable-length number and its size in bytes; size 0 if there is none."""
    if not data or not data[0]:
        return 0, 0
    used = 9 - data[0].bit_length()
    if len(data) < used:
        return 0, 0
    value = int.from_bytes(data[:used], "big")
    return (value if keep_marker else value & ((1 << (7 * used)) - 1)), used


def encrypted() -> Rejected:
    """Return the rejection of a file that needs a key."""
    return Rejected(Reason.ENCRYPTED, "The video is encrypted. Upload it without copy protection.")


def truncated() -> Rejected:
    """Return the rejection of a file that ends early."""
    return Rejected(Reason.TRUNCATED, "The video ends before it should. Upload it again, from the original.")


def _damaged(what: str) -> Rejected:
    return Rejected(Reason.DAMAGED, f"{what}: the video is damaged. Save it again and upload the new file.")
