"""Invariants for keys, events, sequencers and headers. Hypothesis tries the same examples everywhere."""

import json
import string
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.events import is_newer, job_id, parse_event
from runtime.imaging.formats import Format
from runtime.imaging.probe import probe_bytes
from runtime.rejection import Rejected
from runtime.results import MAX_KEY_BYTES, pointer_key
from tests.support.events import s3_event
from tests.support.keys import KEYS

SEQUENCERS = st.text(string.hexdigits, min_size=1, max_size=24)
WORDS = ["detail", "detail-type", "bucket", "object", "name", "key", "version-id", "sequencer", "size", "x"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=12,
)


@given(KEYS)
def test_every_key_has_a_pointer_that_s3_takes_and_that_gives_the_key_back(key: str) -> None:
    pointer = pointer_key(key)
    assert len(pointer.encode()) <= MAX_KEY_BYTES
    assert pointer.isascii()
    if not pointer.startswith("latest/="):
        assert unquote(pointer.removeprefix("latest/").removesuffix(".json")) == key


@given(KEYS, KEYS)
def test_two_keys_never_share_a_pointer(one: str, other: str) -> None:
    assert (pointer_key(one) == pointer_key(other)) is (one == other)


@given(st.tuples(KEYS, KEYS, KEYS), st.tuples(KEYS, KEYS, KEYS))
def test_two_versions_never_share_a_job(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    if "\0" not in "".join(one + other):
        assert (job_id(*one) == job_id(*other)) is (one == other)


@given(SEQUENCERS, SEQUENCERS, SEQUENCERS)
def test_sequencers_are_ordered_by_their_padded_value(a: str, b: str, c: str) -> None:
    assert not is_newer(a, a)
    assert not (is_newer(a, b) and is_newer(b, a))
    if is_newer(a, b) and is_newer(b, c):
        assert is_newer(a, c)
    assert is_newer(a, b) is (_fraction(a) > _fraction(b))


def _fraction(sequencer: str) -> int:
    """Return the value of hex digits, padded on the right so that they compare like digits after a point."""
    return int(sequencer.ljust(24, "0"), 16)


@given(KEYS, KEYS, st.integers(0, 5 * 2**40))
def test_an_event_gives_back_what_s3_said_through_json(key: str, version: str, size: int) -> None:
    event = parse_event(json.loads(json.dumps(s3_event(key, version_id=version, size=size))))
    assert (event.key, event.version_id, event.size) == (key, version, size)


@given(JSON)
def test_any_other_json_is_a_value_error(event: object) -> None:
    with pytest.raises(ValueError, match="Not an S3 event"):
        parse_event(event)  # type: ignore[arg-type]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([*Format]), st.binary(max_size=400))
def test_any_bytes_after_a_signature_are_a_header_or_a_rejection(image_format: Format, rest: bytes) -> None:
    signature = {
        Format.JPEG: b"\xff\xd8\xff",
        Format.PNG: b"\x89PNG\r\n\x1a\n",
        Format.WEBP: b"RIFF\x99\0\0\0WEBP",
        Format.GIF: b"GIF89a",
        Format.TIFF: b"II*\0",
        Format.AVIF: b"\0\0\0\x14ftypavif\0\0\0\0avif",
    }[image_format]
    try:
        header = probe_bytes(signature + rest)
    except Rejected:
        return
    assert header.format is image_format
    assert header.width > 0 < header.height
