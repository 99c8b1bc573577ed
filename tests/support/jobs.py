"""A job for a task."""

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
