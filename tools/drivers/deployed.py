"""Types and functions that the drivers of deployed patterns share."""

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

CLOUDFRONT_SUFFIX = ".cloudfront.net"
LOCAL_SUFFIX = ".cloudfront.localhost"
"""Browsers resolve every name under localhost to this machine:
https://www.rfc-editor.org/rfc/rfc6761#section-6.3
"""
Client = Callable[[str], Any]
"""A function that returns a boto3 client (or resource), given a service's name."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A deployed stack. client, resource: like boto3.client and boto3.resource, called with a service's name.

    endpoint: of the local AWS; empty on AWS itself.
    """

    client: Client
    resource: Client
    outputs: Mapping[str, str]
    endpoint: str = ""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """An uploaded source version; started: `time.monotonic()` before the upload."""

    key: str
    version_id: str
    job_id: str
    bytes: int
    started: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A distribution's answer. headers: by lowercase names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(url: str, path: str, *, endpoint: str = "") -> Answer:
    """Get a path from the distribution at `url`. endpoint: of the local AWS; empty on AWS itself."""
    request = urllib.request.Request(f"{endpoint or url}{path}", headers={"Host": urlsplit(url).netloc})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer_of(answer.status, answer)
    except urllib.error.HTTPError as error:
        return answer_of(error.code, error)


def answer_of(status: int, answer: Any) -> Answer:
    """Convert urllib's response, or the HTTPError that it raised, into an Answer."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(status=status, headers=headers, body=answer.read())
