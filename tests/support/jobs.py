"""A job for a task, and the settings with which tasks are started."""

from runtime.jobs.environment import LaunchEnvironment
from runtime.jobs.record import Job

JOB = Job(
    job_id="0123456789abcdef" * 2,
    bucket="source",
    key="a" * 1024,
    version_id="v1",
    sequencer="10",
    bytes=1,
    where="fargate",
    placement="A reason",
    decided_by="a limit",
    cpu=2048,
    memory_mb=16384,
    disk_gib=40,
)
LAUNCH = LaunchEnvironment(
    cluster="cluster",
    task_definition="worker:1",
    subnets=("subnet-1", "subnet-2"),
    security_group="sg-1",
    public_ip=True,
    task_seconds=6 * 3600,
)
