"""Client of a deployed image service, through its distribution."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from container.service.request import path_of
from tools.drivers.deployed import CLOUDFRONT_SUFFIX, LOCAL_SUFFIX, Answer, Client, answer_of


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Client of a deployed image service.

    outputs: of the stack, as `cdk deploy` prints them. endpoint: of the local AWS, or the distribution's URL.
    """

    client: Client
    outputs: Mapping[str, str]
    endpoint: str

    @property
    def source(self) -> str:
        return self.outputs["SourceBucket"]

    @property
    def domain(self) -> str:
        """The distribution's domain name."""
        return urlsplit(self.outputs["Url"]).netloc

    @property
    def browser_url(self) -> str:
        """The address of the local AWS's distribution, for a browser on this machine."""
        local = urlsplit(self.endpoint)
        return f"http://{self.domain.removesuffix(CLOUDFRONT_SUFFIX)}{LOCAL_SUFFIX}:{local.port}"

    def image(self, key: str) -> str:
        """Return the path of an image's base URI."""
        return path_of(key)

    def upload(self, key: str, data: bytes) -> None:
        self.client("s3").put_object(Bucket=self.source, Key=key, Body=data)

    def describe(self, key: str) -> Answer:
        """Return the `info.json` of the image's current version."""
        found = self.get(f"{self.image(key)}/info.json")
        return self.get(urlsplit(found.headers["location"]).path) if found.status == 302 else found

    def get(self, path: str, *, timeout: float = 120) -> Answer:
        """Request a path without following redirects; status 0 means no answer."""
        request = urllib.request.Request(f"{self.endpoint}{path}", headers={"Host": self.domain})
        try:
            with _OPENER.open(request, timeout=timeout) as answer:
                return answer_of(answer.status, answer)
        except urllib.error.HTTPError as error:
            return answer_of(error.code, error)
        except OSError as error:
            return Answer(status=0, headers={}, body=str(error).encode())


class _Stay(urllib.request.HTTPRedirectHandler):
    """Does not follow redirects: they name the distribution, and the local AWS has another address."""

    def redirect_request(self, *_: Any) -> None:
        """Return no new request, so that the redirect itself is the answer."""


_OPENER = urllib.request.build_opener(_Stay)
