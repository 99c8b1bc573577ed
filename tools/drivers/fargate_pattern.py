"""Client of a deployed FargatePattern: requests through the distribution, and its tasks."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.drivers.viewer import Viewer


@dataclass(frozen=True, kw_only=True)
class ServiceDriver(Viewer):
    """Client of the service; fields as in `Viewer`."""

    def service(self) -> Mapping[str, Any]:
        """Return the service as DescribeServices does."""
        found = self.client("ecs").describe_services(
            cluster=self.outputs["ClusterName"], services=[self.outputs["ServiceName"]]
        )
        return dict(found["services"][0])

    def tasks(self) -> list[Mapping[str, Any]]:
        """Return tasks whose desired and last status are both RUNNING."""
        ecs, cluster = self.client("ecs"), self.outputs["ClusterName"]
        arns = ecs.list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"]
        found = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
        return [task for task in found if task["lastStatus"] == "RUNNING"]

    def wait_until_steady(self, *, timeout: float = 300) -> Mapping[str, Any]:
        """Wait until a single deployment, not counting failed ones, runs all tasks. Raises TimeoutError."""
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
            time.sleep(0.2)  # polls: nothing notifies this process
