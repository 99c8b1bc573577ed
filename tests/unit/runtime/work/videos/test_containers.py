"""The kind of video that a file is, if any, and whether the file is complete."""

from pathlib import Path

import pytest

from runtime.rejection import Reason, Rejected
from runtime.work.videos.containers import Kind, check_whole, kind_of, other_video
from tests.support.clips import Clip, make_clip


def box(name: bytes, data: bytes = b"") -> bytes:
    return (8 + len(data)).to_bytes(4, "big") + name + data


def element(name: str, data: bytes) -> bytes:
    return bytes.fromhex(name) + (0x08_0000_0000 | len(data)).to_bytes(5, "big") + data


def checked(kind: Kind, data: bytes) -> str:
    """Return the reason for which a file is refused; empty if the file is complete."""
    try:
        check_whole(kind, lambda at, length: data[at : at + length], len(data))
    except Rejected as rejected:
        return rejected.reason
    return ""


FTYP = box(b"ftyp", b"isom\0\0\0\0isomiso2avc1mp41")
TRACKS = element("1654AE6B", element("AE", element("86", b"V_VP9")))
SECRET = element("1654AE6B", element("AE", element("6D80", element("6240", element("5035", b"\0")))))


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (FTYP, Kind.MP4),
        (box(b"ftyp", b"qt  \0\0\0\0qt  "), Kind.MOV),
        (box(b"wide") + box(b"mdat"), Kind.MOV),
        (element("1A45DFA3", element("4282", b"webm")), Kind.WEBM),
        (element("1A45DFA3", element("4282", b"matroska")), Kind.MATROSKA),
        (box(b"ftyp", b"avif\0\0\0\0mif1"), None),
        (box(b"ftyp", b"heic\0\0\0\0mif1heic"), None),
        (b"\xff\xff\xff\xffftypisom\0\0\0\0isom", Kind.MP4),  # a box that claims four gigabytes
        (b"\xff\xd8\xff\xe0 a JPEG", None),
        (b"", None),
    ],
)
def test_the_kind_is_told_by_the_first_bytes(head: bytes, kind: Kind | None) -> None:
    assert kind_of(head) is kind


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"RIFF\0\0\0\0AVI LIST", "an AVI video"),
        (bytes.fromhex("3026b2758e66cf11"), "a Windows Media video"),
        (b"FLV\x01\x05", "a Flash video"),
        (b"\0\0\x01\xba", "an MPEG video"),
        (b"G".ljust(188, b"\0") * 3, "an MPEG transport stream"),
        (b"RIFF\0\0\0\0WEBP", None),
    ],
)
def test_videos_that_are_not_read_are_known_by_name(head: bytes, name: str | None) -> None:
    assert other_video(head) == name


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        (Kind.MP4, FTYP + box(b"moov", b"x") + box(b"mdat", b"x" * 99), ""),
        (Kind.MP4, FTYP + box(b"mdat", b"x" * 99) + box(b"moov", b"x"), ""),
        (Kind.MP4, FTYP + b"\0\0\0\1mdat" + (99).to_bytes(8, "big") + b"x" * 83 + box(b"moov"), ""),
        (Kind.MP4, FTYP + box(b"moov") + b"\0\0\0\0mdat" + b"x" * 99, ""),
        (Kind.MP4, FTYP + box(b"mdat", b"x" * 99) + box(b"moov", b"x" * 9)[:-1], Reason.TRUNCATED),
        (Kind.MP4, FTYP + box(b"mdat", b"x" * 99), Reason.TRUNCATED),
        (Kind.MP4, FTYP + box(b"free"), Reason.DAMAGED),
        (Kind.MP4, FTYP + box(b"moov", box(b"schm", b"\0\0\0\0cenc\0\1\0\0")), Reason.ENCRYPTED),
        (Kind.MP4, FTYP + box(b"moov", b"encv" + b"cenc"), ""),
        (Kind.WEBM, element("1A45DFA3", b"") + element("18538067", TRACKS), ""),
        (Kind.WEBM, element("1A45DFA3", b"") + bytes.fromhex("1853806701ffffffffffffff") + TRACKS, ""),
        (Kind.WEBM, element("1A45DFA3", b"") + element("18538067", TRACKS)[:-1], Reason.TRUNCATED),
        (Kind.WEBM, element("1A45DFA3", b"") + element("18538067", SECRET), Reason.ENCRYPTED),
        (Kind.WEBM, element("1A45DFA3", b"") + element("18538067", element("EC", b"")), Reason.DAMAGED),
        (Kind.WEBM, element("1A45DFA3", b""), Reason.DAMAGED),
    ],
)
def test_a_video_that_is_not_whole_is_refused_for_the_true_reason(
    kind: Kind, data: bytes, reason: str
) -> None:
    assert checked(kind, data) == reason


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
def test_a_real_file_is_whole_and_a_cut_one_is_not_wherever_it_is_cut(name: str, tmp_path: Path) -> None:
    data = make_clip(tmp_path / name, Clip(width=64, height=48, frames=10)).read_bytes()
    kind = kind_of(data)
    assert kind
    assert checked(kind, data) == ""
    for tenth in range(1, 10):
        assert checked(kind, data[: len(data) * tenth // 10]) in (Reason.TRUNCATED, Reason.DAMAGED)
    assert checked(kind, data[:-1]) == Reason.TRUNCATED
