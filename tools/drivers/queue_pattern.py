"""Client of a deployed QueuePattern: uploads a scan, and reads its tiles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.drivers.deployed import Answer, ask
from tools.drivers.uploads import Uploads


@dataclass(frozen=True, kw_only=True)
class QueueDriver(Uploads):
    """Client of a deployed QueuePattern. endpoint: of the local AWS; empty on AWS itself."""

    endpoint: str = ""

    def service(self) -> Mapping[str, Any]:
        """Return the service as DescribeServices does."""
        found = self.client("ecs").describe_services(
            cluster=self.outputs["ClusterName"], services=[self.outputs["ServiceName"]]
        )
        return dict(found["services"][0])

    def backlog(self) -> int:
        """Return the number of messages, waiting and in flight."""
        return self.waiting(self.outputs["Queue"])

    def get(self, path: str) -> Answer:
        """Request a path from the distribution."""
        return ask(self.outputs["TilesUrl"], path, endpoint=self.endpoint)
