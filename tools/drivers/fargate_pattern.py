"""Drives a deployed FargatePattern as viewers do: through the distribution, which asks the load balancer."""

import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from container.service.request import path_of
from tools.drivers.deployed import HERE, LABEL_OF, Answer, Client, answer_of


@dataclass(frozen=True, kw_only=True)
class ServiceDriver:
    """outputs: of the stack, as `cdk deploy` gives them. endpoint: of the local AWS."""

    client: Client
    outputs: Mapping[str, str]
    endpoint: str

    @property
    def source(self) -> str:
        return self.outputs["SourceBucket"]

    @property
    def domain(self) -> str:
        """Of the distribution."""
        return urlsplit(self.outputs["Url"]).netloc

    @property
    def browser_url(self) -> str:
        """The distribution's address for a browser on this machine."""
        local = urlsplit(self.endpoint)
        return f"http://{self.domain.removesuffix(LABEL_OF)}{HERE}:{local.port}"

    def image(self, key: str) -> str:
        """The path of an image's own address."""
        return path_of(key)

    def upload(self, key: str, data: bytes) -> None:
        self.client("s3").put_object(Bucket=self.source, Key=key, Body=data)

    def describe(self, key: str) -> Answer:
        """The `info.json` of the image's present version."""
        found = self.get(f"{self.image(key)}/info.json")
        return self.get(urlsplit(found.headers["location"]).path) if found.status == 302 else found

    def get(self, path: str, *, timeout: float = 120) -> Answer:
        """Asks the distribution, and follows no redirect; status 0 is no answer at all."""
        request = urllib.request.Request(f"{self.endpoint}{path}", headers={"Host": self.domain})
        try:
            with _OPENER.open(request, timeout=timeout) as answer:
                return answer_of(answer.status, answer)
        except urllib.error.HTTPError as error:
            return answer_of(error.code, error)
        except OSError as error:
            return Answer(status=0, headers={}, body=str(error).encode())

    def service(self) -> Mapping[str, Any]:
        """As DescribeServices tells of it."""
        found = self.client("ecs").describe_services(
            cluster=self.outputs["ClusterName"], services=[self.outputs["ServiceName"]]
        )
        return dict(found["services"][0])

    def tasks(self) -> list[Mapping[str, Any]]:
        """Those that are meant to run."""
        ecs, cluster = self.client("ecs"), self.outputs["ClusterName"]
        arns = ecs.list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"]
        found = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
        return [task for task in found if task["lastStatus"] == "RUNNING"]

    def wait_until_steady(self, *, timeout: float = 300) -> Mapping[str, Any]:
        """Waits until one deployment has all its tasks running. TimeoutError after that many seconds."""
        end = time.monotonic() + timeout
        while True:
            service = self.service()
            live = [one for one in service["deployments"] if one["rolloutState"] != "FAILED"]
            if (
                len(live) == 1
                and service["runningCount"] == service["desiredCount"] == live[0]["runningCount"]
            ):
                return service
            if time.monotonic() > end:
                raise TimeoutError(f"The service is not steady after {timeout:.0f} s: {live}")
            time.sleep(0.2)  # ECS has nothing to wait on


class _Stay(urllib.request.HTTPRedirectHandler):
    """The local AWS is at another address than the one that redirects name."""

    def redirect_request(self, *_: Any) -> None:
        """Answers with the redirect itself."""


_OPENER = urllib.request.build_opener(_Stay)
