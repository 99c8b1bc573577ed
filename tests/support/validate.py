"""The IIIF validator against a running service: validate.py URL IDENTIFIER [ENDPOINT].

It prints one line of JSON per test. ENDPOINT: host:port to which https URLs connect instead, without TLS.
This runs as a separate process because it patches `urllib`: three of the validator's tests are written for
Python 2.
"""

import http.client
import io
import json
import socket
import sys
import urllib
import urllib.request
from contextlib import redirect_stdout
from typing import Any

import pylibmagic  # noqa: F401 - lets the validator's python-magic find libmagic
from iiif_validator.validator import ImageAPI, TestSuite, ValidationInfo

VERSION = "3.0"


class Text:
    """Stands in for the result of Python 2's `urllib.urlopen`: a str with one character per byte."""

    def __init__(self, url: str) -> None:
        with urllib.request.urlopen(url) as answer:
            self._status, self._text = answer.status, answer.read().decode("latin-1")

    def getcode(self) -> int:
        return int(self._status)

    def read(self) -> str:
        return str(self._text)

    def close(self) -> None:
        pass


urllib.urlopen = Text  # type: ignore[attr-defined]
address, identifier, *endpoint = sys.argv[1:]
scheme, _, rest = address.partition("://")
server, _, prefix = rest.partition("/")


class Plain(http.client.HTTPConnection):
    """A connection without TLS, for https URLs of a local server."""

    def __init__(self, host: str, **options: Any) -> None:
        super().__init__(host, timeout=options["timeout"])

    def connect(self) -> None:
        host, _, port = endpoint[0].partition(":")
        self.sock = socket.create_connection((host, int(port)), self.timeout)


if endpoint:
    http.client.HTTPSConnection = Plain  # type: ignore[misc,assignment]
suite = TestSuite(ValidationInfo())
for name, info in suite.list_tests(VERSION).items():
    result = ImageAPI(identifier, server, prefix, scheme, "", VERSION, debug=False)
    with redirect_stdout(io.StringIO()):
        try:
            suite.run_test(name, result)
            failure = result.exception and str(result.exception)
        except Exception as error:  # noqa: BLE001 - the validator may raise anything
            failure = repr(error)
    print(json.dumps({"name": name, "level": info["level"], "failure": failure, "urls": result.urls}))
