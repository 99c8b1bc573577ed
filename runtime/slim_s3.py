"""The few S3 calls that a function needs, in boto3's shape and at a fraction of its cold start.

botocore reads a megabyte of service model before its first request; this only signs and sends (ADR 0003).
Use boto3 in long-lived processes; for many small objects of a task there is runtime/task_s3.py.
"""

import base64
import hashlib
import hmac
import os
import re
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

from botocore.exceptions import ClientError
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, PoolManager, Retry, Timeout
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

_HEADERS = {
    "CacheControl": "cache-control",
    "ChecksumSHA256": "x-amz-checksum-sha256",
    "ContentType": "content-type",
    "IfMatch": "if-match",
    "IfNoneMatch": "if-none-match",
    "Tagging": "x-amz-tagging",
}
_QUERY = {
    "ContinuationToken": "continuation-token",
    "Prefix": "prefix",
    "VersionId": "versionId",
}
MOST_PAUSE = 3.0
"""Longest pause in seconds between two tries; with the default number of retries, all are under ten."""
_IS_ERROR = re.compile(rb"\s*(<\?xml[^>]*\?>\s*)?<Error[\s>]")
"""Detects errors in responses with status 200; botocore too treats them as status 500 (`_handle_200_error`):
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""
_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "us-isof-": "csp.hci.ic.gov",
}
"""Host suffixes by the beginning of the Region's name; `amazonaws.com` for all others.

A test compares them with botocore's.
"""
_NEEDED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")


@dataclass(kw_only=True, eq=False)
class S3:
    """A client with the environment's credentials and Region, as Lambda sets them.

    It follows `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`, if the environment has one.

    Methods take and return what boto3's methods of the same name do, limited to what is used here, and raise
    botocore's ClientError. Failed connections, status 500, 502, 503 or 504, a 200 with an error as its
    body, and a 400 RequestTimeout are retried `retries` times with growing pauses; connections that then
    still fail raise urllib3's HTTPError. Raises ValueError if the environment lacks credentials or a Region.

    renewed: called for each request; returns variables that replace the environment's, for credentials that
        expire.
    connections: kept open per host; further ones are opened and closed again.
    """

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    renewed: Callable[[], Mapping[str, str]] = field(default=dict, repr=False)
    connections: int = 1
    connect_timeout: float = 3
    read_timeout: float = 20
    retries: int = 5

    def __post_init__(self) -> None:
        missing = [name for name in _NEEDED if name not in self._variables()]
        if missing:
            raise ValueError(f"{', '.join(missing)} not in the environment: use boto3, which looks further.")

    def get_object(self, **request: Any) -> dict[str, Any]:
        """Return the object as boto3 does; the caller closes Body."""
        answer = self._send("GetObject", "GET", request, stream=True)
        length = int(answer.headers["content-length"])
        return {"Body": answer, "ContentLength": length, "ETag": answer.headers["etag"]}

    def head_object(self, **request: Any) -> dict[str, Any]:
        """Return what boto3 does, but only ContentLength and ETag."""
        answer = self._send("HeadObject", "HEAD", request)
        return {"ContentLength": int(answer.headers["content-length"]), "ETag": answer.headers["etag"]}

    def put_object(self, **request: Any) -> dict[str, Any]:
        """Return what boto3 does, but only the ETag."""
        return {"ETag": self._send("PutObject", "PUT", request).headers["etag"]}

    def delete_objects(self, **request: Any) -> dict[str, Any]:
        """Return Errors: objects that were not deleted, although the request succeeded."""
        from xml.etree import ElementTree  # only removals need it

        wanted = ElementTree.Element("Delete", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
        ElementTree.SubElement(wanted, "Quiet").text = "true"
        for one in request["Delete"]["Objects"]:
            ElementTree.SubElement(ElementTree.SubElement(wanted, "Object"), "Key").text = one["Key"]
        body = ElementTree.tostring(wanted)
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        sent = {"Bucket": request["Bucket"], "Body": body, "ChecksumSHA256": checksum}
        answer = self._send("DeleteObjects", "POST", sent, query={"delete": ""})
        found = ElementTree.fromstring(answer.data)  # noqa: S314 - from S3 itself, over TLS
        names = ("Key", "Code", "Message")
        return {
            "Errors": [
                {name: error.findtext(f"{{*}}{name}") for name in names}
                for error in found.iterfind("{*}Error")
            ]
        }

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        """Return one page: Contents, and NextContinuationToken unless it is the last."""
        from xml.etree import ElementTree  # only deletions list

        answer = self._send("ListObjectsV2", "GET", request, query={"list-type": "2"})
        page = ElementTree.fromstring(answer.data)  # noqa: S314 - from S3 itself, over TLS
        keys = [found.text for found in page.iterfind("{*}Contents/{*}Key")]
        token = page.findtext("{*}NextContinuationToken")
        more = {"NextContinuationToken": token} if token else {}
        return {"Contents": [{"Key": key} for key in keys], **more}

    @cached_property
    def _retries(self) -> Retry:
        # Every call here may be retried. If a conditional PUT has arrived but its answer was lost, the retry
        # fails the condition, which callers must expect.
        return Retry(
            total=self.retries,
            status_forcelist=(500, 502, 503, 504),
            allowed_methods=None,
            backoff_factor=0.2,
            backoff_jitter=0.2,
            backoff_max=MOST_PAUSE,
            respect_retry_after_header=False,  # a long wait would outlast the function
            raise_on_status=False,
            redirect=False,
        )

    @cached_property
    def _pools(self) -> PoolManager:
        timeout = Timeout(connect=self.connect_timeout, read=self.read_timeout)
        return PoolManager(maxsize=self.connections, timeout=timeout)

    def _variables(self) -> Mapping[str, str]:
        return ChainMap(dict(self.renewed()), self.environment)  # type: ignore[arg-type]

    def _send(
        self,
        operation: str,
        method: str,
        request: Mapping[str, Any],
        *,
        query: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> BaseHTTPResponse:
        variables = self._variables()
        pool, path = self._address(request["Bucket"], variables["AWS_REGION"])
        path += quote(request.get("Key", ""), safe="/~")
        asked = {**(query or {}), **{_QUERY[name]: request[name] for name in _QUERY if name in request}}
        search = "&".join(f"{quote(key, safe='~')}={quote(asked[key], safe='~')}" for key in sorted(asked))
        body = request.get("Body")
        headers = {_HEADERS[name]: request[name] for name in _HEADERS if name in request}
        headers["host"] = pool.host if pool.port in (None, 443) else f"{pool.host}:{pool.port}"
        signed = sign(method, path, search, headers, body or b"", variables, datetime.now(UTC))
        url = f"{path}?{search}" if search else path
        retries = self._retries
        try:
            parse_url(url)
        except LocationParseError as error:  # after "//" it parses a host, which may be invalid
            raise ClientError({"Error": {"Code": "InvalidURI", "Message": str(error)}}, operation) from error
        while True:
            answer = pool.urlopen(
                method,
                url,
                body=body,
                headers=signed,
                retries=retries,
                preload_content=not stream,
                decode_content=False,  # the object as stored, whatever Content-Encoding its uploader named
            )
            timed_out = answer.status == 400 and b"<Code>RequestTimeout<" in answer.data
            if answer.status >= 300 and not timed_out:
                raise _error(answer, operation)
            if not timed_out and (stream or not _IS_ERROR.match(answer.data)):
                return answer
            retries = answer.retries or retries
            if not retries.total:
                raise _error(answer, operation, status=500)
            retries = retries.increment(method, url, response=answer)
            retries.sleep()

    def _address(self, bucket: str, region: str) -> tuple[HTTPConnectionPool, str]:
        endpoint = self.environment.get("AWS_ENDPOINT_URL_S3") or self.environment.get("AWS_ENDPOINT_URL")
        if endpoint:
            return self._pools.connection_from_url(
                endpoint
            ), f"{urlsplit(endpoint).path.rstrip('/')}/{bucket}/"
        others = (suffix for start, suffix in _SUFFIXES.items() if region.startswith(start))
        suffix = next(others, "amazonaws.com")
        host = f"{bucket}.s3.{region}.{suffix}"
        return self._pools.connection_from_host(host, scheme="https"), "/"


def sign(
    method: str,
    path: str,
    search: str,
    headers: Mapping[str, str],
    body: bytes,
    environment: Mapping[str, str],
    now: datetime,
) -> dict[str, str]:
    """Return the headers and those that Signature Version 4 adds.

    path, search: percent-encoded; search is also sorted.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    region = environment["AWS_REGION"]
    digest = hashlib.sha256(body).hexdigest()
    time = f"{now:%Y%m%dT%H%M%SZ}"
    signed = {**headers, "x-amz-content-sha256": digest, "x-amz-date": time}
    if token := environment.get("AWS_SESSION_TOKEN"):
        signed["x-amz-security-token"] = token
    names = sorted(signed)
    listed = ";".join(names)
    lines = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in names)
    canonical = "\n".join([method, path, search, lines, listed, digest])
    scope = f"{time[:8]}/{region}/s3/aws4_request"
    key = f"AWS4{environment['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    summary = "\n".join(["AWS4-HMAC-SHA256", time, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.digest(key, summary.encode(), "sha256").hex()
    credential = f"Credential={environment['AWS_ACCESS_KEY_ID']}/{scope}"
    authorization = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={listed}, Signature={signature}"
    return {**signed, "authorization": authorization}


def _error(answer: BaseHTTPResponse, operation: str, *, status: int | None = None) -> ClientError:
    status = status or answer.status
    text = answer.data.decode(errors="replace")
    code, message = (re.search(f"<{name}>(.*?)</{name}>", text, re.DOTALL) for name in ("Code", "Message"))
    return ClientError(
        {
            "Error": {
                "Code": code[1] if code else str(status),
                "Message": message[1] if message else str(answer.reason),
            },
            "ResponseMetadata": {"HTTPStatusCode": status},  # type: ignore[typeddict-item]
        },
        operation,
    )
