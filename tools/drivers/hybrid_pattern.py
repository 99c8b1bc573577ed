"""Client of a deployed HybridPattern: uploads a scan, follows its job, reads the tiles."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from runtime.events import job_id
from runtime.jobs.record import Job
from runtime.jobs.table import JobStore
from runtime.jobs.wake_ups import WakeUps
from runtime.results import manifest_key
from tools.drivers.deployed import CLOUDFRONT_SUFFIX, LOCAL_SUFFIX, Answer, Client, Upload, ask

LOG_GROUPS = {
    "dispatcher": "DispatcherLogGroup",
    "worker": "WorkerLogGroup",
    "tracker": "TrackerLogGroup",
}
"""Outputs of the stack that name the log groups, by the component that logs there."""
CLOCKS_APART = 60
"""Maximum seconds by which a log line's timestamp may precede its job's creation."""


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line of a log. at: seconds since 1970. text: as written, JSON or not."""

    at: float
    who: str
    text: str


@dataclass(frozen=True, kw_only=True)
class HybridDriver:
    """Client of a deployed HybridPattern. outputs: as `cdk deploy` prints them.

    client, resource: functions that return a boto3 client or resource, given a service's name.
    endpoint: URL of the local AWS; empty on AWS itself.
    """

    client: Client
    resource: Client
    outputs: Mapping[str, str]
    endpoint: str = ""

    @property
    def source(self) -> str:
        return self.outputs["SourceBucket"]

    @property
    def output(self) -> str:
        return self.outputs["OutputBucket"]

    @cached_property
    def s3(self) -> Any:
        return self.client("s3")

    @cached_property
    def jobs(self) -> JobStore:
        return JobStore(table=self.resource("dynamodb").Table(self.outputs["JobTable"]))

    @property
    def wake_ups(self) -> WakeUps:
        return WakeUps(sqs=self.client("sqs"), queue_url=self.outputs["Queue"])

    def upload(self, key: str, data: bytes) -> Upload:
        started = time.monotonic()
        version = self.s3.put_object(Bucket=self.source, Key=key, Body=data)["VersionId"]
        job = job_id(self.source, key, version)
        return Upload(key=key, version_id=version, job_id=job, bytes=len(data), started=started)

    def wait(
        self, upload: Upload, *, timeout: float = 300, tell: Callable[[Job], None] = lambda _job: None
    ) -> Job:
        """Wait until the job has ended.

        Raises TimeoutError after `timeout` seconds. tell: called with the job while it has not ended.
        """
        end = time.monotonic() + timeout
        pause = 0.05
        while True:
            job = self.jobs.get(upload.job_id)
            if job and job.is_final:
                return job
            if job:
                tell(job)
            if time.monotonic() > end:
                raise TimeoutError(f"{upload.key} has not ended after {timeout:.0f} s: {job}")
            time.sleep(pause)  # polls: nothing notifies this process
            pause = min(pause * 1.5, 1)

    def manifest(self, job: Job) -> dict[str, Any]:
        """Return the manifest of a job that is done."""
        return dict(json.loads(self.get(f"/{manifest_key(job.job_id)}").body))

    def retry(self, job_id: str) -> bool:
        """Restart a failed job; return False if it has not failed. Raises KeyError for an unknown id."""
        if self.jobs.reopen(job_id) is None:
            return False
        self.wake_ups.send([job_id])
        return True

    def logs(self, job: Job) -> list[LogLine]:
        """Return every line that names the job, from all three log groups, by time."""
        since = (job.created_at - CLOCKS_APART) * 1000
        pages = self.client("logs").get_paginator("filter_log_events")
        lines = [
            LogLine(at=event["timestamp"] / 1000, who=who, text=event["message"].strip())
            for who, group in LOG_GROUPS.items()
            for page in pages.paginate(
                logGroupName=self.outputs[group], filterPattern=f'"{job.job_id}"', startTime=since
            )
            for event in page["events"]
        ]
        return sorted(lines, key=lambda line: line.at)

    def sweep(self) -> None:
        """Send now what the schedule sends every five minutes."""
        self.tell({"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}})

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message to the tracker's queue."""
        self.client("sqs").send_message(QueueUrl=self.outputs["StopsQueue"], MessageBody=json.dumps(message))

    @property
    def browser_url(self) -> str:
        """The address of the local AWS's distribution, for a browser on this machine."""
        local, domain = urlsplit(self.endpoint), urlsplit(self.outputs["TilesUrl"]).netloc
        return f"http://{domain.removesuffix(CLOUDFRONT_SUFFIX)}{LOCAL_SUFFIX}:{local.port}"

    def get(self, path: str) -> Answer:
        """Request a path from the distribution."""
        return ask(self.outputs["TilesUrl"], path, endpoint=self.endpoint)
