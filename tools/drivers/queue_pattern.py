"""Drives a deployed QueuePattern as its users do: upload a scan, then look at its tiles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.drivers.deployed import Answer, ask
from tools.drivers.uploads import Uploads


@dataclass(frozen=True, kw_only=True)
class QueueDriver(Uploads):
    """endpoint: of the local AWS; none on AWS itself."""

    endpoint: str = ""

    def service(self) -> Mapping[str, Any]:
        """As DescribeServices tells of it."""
        found = self.client("ecs").describe_services(
            cluster=self.outputs["ClusterName"], services=[self.outputs["ServiceName"]]
        )
        return dict(found["services"][0])

    def backlog(self) -> int:
        """Messages that wait or are worked on."""
        return self.waiting(self.outputs["Queue"])

    def get(self, path: str) -> Answer:
        """Asks the distribution."""
        return ask(self.outputs["TilesUrl"], path, endpoint=self.endpoint)
