"""What every driver of a deployed pattern is made with, and what several of them take and give."""

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

LABEL_OF = ".cloudfront.net"
HERE = ".cloudfront.localhost"
"""Browsers look for every name under localhost on this machine: https://www.rfc-editor.org/rfc/rfc6761#section-6.3"""
Client = Callable[[str], Any]
"""Makes a boto3 client by the name of its service."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A stack, as its drivers want it. client, resource: as boto3 makes them, by a service's name.

    endpoint: of the local AWS; none on AWS itself.
    """

    client: Client
    resource: Client
    outputs: Mapping[str, str]
    endpoint: str = ""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A source version that was uploaded; started: `time.monotonic()` before that."""

    key: str
    version_id: str
    job_id: str
    bytes: int
    started: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Of a distribution. headers: by their names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(url: str, path: str, *, endpoint: str = "") -> Answer:
    """Get a path of a distribution. url: its own; endpoint: of the local AWS, which knows it by name."""
    request = urllib.request.Request(f"{endpoint or url}{path}", headers={"Host": urlsplit(url).netloc})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer_of(answer.status, answer)
    except urllib.error.HTTPError as error:
        return answer_of(error.code, error)


def answer_of(status: int, answer: Any) -> Answer:
    """Return what urllib got, or failed with."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(status=status, headers=headers, body=answer.read())
