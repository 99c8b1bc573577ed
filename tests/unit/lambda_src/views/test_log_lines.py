"""Lines of CloudFront's real-time logs: what is a view, and of which image."""

import pytest

from lambda_src.views import log_lines
from lambda_src.views.log_lines import FIELDS, MalformedError, Request, image_of
from tests.support.log_lines import NOON, log_line


def read_line(data: bytes) -> Request:
    return log_lines.read_line(data, NOON + 0.5)


def test_a_line_says_which_image_was_looked_at_and_when() -> None:
    found = read_line(log_line(request_id="id==", second=NOON + 59.999))
    assert (found.image, found.minute) == ("iiif/photo.jpg", "2025-11-26T12:00Z")
    assert found.request_id == "id=="
    assert found.from_cache


@pytest.mark.parametrize(
    ("path", "image"),
    [
        ("/iiif/3/photo.jpg/full/max/0/default.jpg", "iiif/photo.jpg"),
        ("/iiif/3/photo.jpg/square/300,/0/default.jpg", "iiif/photo.jpg"),
        ("/iiif/3/a%2Fb%20c.jpg/full/max/0/default.jpg", "iiif/a/b c.jpg"),
        ("/iiif/3/a%252Fb%2520c.jpg/full/max/0/default.jpg", "iiif/a/b c.jpg"),
        ("/iiif/3/a/b.jpg/full/max/0/default.jpg", "iiif/a/b.jpg"),
        ("/iiif/3/full/full/max/0/default.jpg", "iiif/full"),
        ("/iiif/3@0123456789abcdef/a%2Fb.jpg/full/300,/0/default.jpg", "iiif/a/b.jpg"),
        ("/iiif/3%400123456789abcdef/a.jpg/full/300,/0/default.jpg", "iiif/a.jpg"),
        ("/iiif/3%25400123456789abcdef/a.jpg/full/300,/0/default.jpg", "iiif/a.jpg"),
        ("/iiif/3/a+b.jpg/full/max/0/default.jpg", "iiif/a+b.jpg"),
        ("/iiif/3/%E2%98%83.jpg/full/max/0/default.jpg", "iiif/☃.jpg"),
        (
            "/v/0123456789abcdef0123456789abcdef/full/200,100/0/default.webp",
            "v/0123456789abcdef0123456789abcdef",
        ),
        ("/iiif/3/photo.jpg/0,0,512,512/512,/0/default.jpg", ""),
        ("/v/0123456789abcdef0123456789abcdef/0,0,512,512/512,/0/default.webp", ""),
        ("/iiif/3/photo.jpg/info.json", ""),
        ("/iiif/3//full/max/0/default.jpg", ""),
        ("/iiif/3/full/max/0/default.jpg", ""),
        ("/v/full/max/0/default.jpg", ""),
        ("/v/", ""),
        ("/iiif/3/", ""),
        ("/", ""),
        ("/favicon.ico", ""),
        ("/iiif/2/photo.jpg/full/max/0/default.jpg", ""),
        ("/iiif/3@0123/photo.jpg/full/max/0/default.jpg", ""),
    ],
)
def test_a_view_is_a_request_for_the_whole_of_an_image(path: str, image: str) -> None:
    assert image_of(path) == image


@pytest.mark.parametrize(
    ("line", "is_view"),
    [
        (log_line(status=206), True),
        (log_line(status=304), True),
        (log_line(status=404), False),
        (log_line(status=503), False),
        (log_line(method="HEAD"), False),
        (log_line(method="OPTIONS"), False),
    ],
)
def test_only_a_get_request_that_succeeded_is_a_view(line: bytes, is_view: bool) -> None:
    assert bool(read_line(line).image) is is_view


@pytest.mark.parametrize(
    ("result", "from_cache"),
    [("Hit", True), ("RefreshHit", True), ("OriginShieldHit", True), ("Miss", False)],
)
def test_answers_from_the_cache_are_distinguished_from_those_of_the_origin(
    result: str, from_cache: bool
) -> None:
    assert read_line(log_line(result=result)).from_cache is from_cache


def test_no_field_identifies_the_viewer() -> None:
    assert not {"c-ip", "cs-cookie", "cs-user-agent", "cs-referer", "x-forwarded-for"} & {*FIELDS}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "1 tab-separated fields, not 6"),
        (b"a\tb", "2 tab-separated fields"),
        (log_line().rstrip() + b"\tmore", "7 tab-separated fields"),
        (log_line() + log_line(), "11 tab-separated fields"),
        (b"\xff\xfe" + log_line(), "not UTF-8: byte 0"),
        (log_line().replace(b"1764158400.000", b"yesterday"), "'yesterday'"),
        (log_line().replace(b"1764158400.000", b"-5"), "'-5'"),
        (log_line().replace(b"1764158400.000", b"1e12"), "'1e12'"),
        (log_line().replace(b"\t200\t", b"\t-\t"), "sc-status is not an HTTP status: '-'"),
        (log_line(path="photo.jpg"), "cs-uri-stem is not a path: 'photo.jpg'"),
        (log_line(second=0), "-20,418.5 days from its arrival"),
        (log_line(second=NOON - 31 * 86_400), "-31.0 days"),
        (log_line(second=NOON + 2 * 3600), r"\+0.1 days"),
        (log_line(request_id="-"), "no x-edge-request-id"),
        (log_line(path=f"/iiif/3/{'a' * 1025}/full/max/0/default.jpg"), "longer than any key in S3"),
    ],
)
def test_a_malformed_line_is_an_error_that_says_why(data: bytes, why: str) -> None:
    with pytest.raises(MalformedError, match=why.replace("(", r"\(")):
        read_line(data)


def test_the_longest_key_of_s3_is_read() -> None:
    assert (
        read_line(log_line(path=f"/iiif/3/{'a' * 1024}/full/max/0/default.jpg")).image == f"iiif/{'a' * 1024}"
    )


@pytest.mark.parametrize("second", [NOON - 30 * 86_400 + 1, NOON + 3600])
def test_a_line_may_come_late_and_its_clock_a_little_ahead(second: float) -> None:
    assert read_line(log_line(second=second)).image
