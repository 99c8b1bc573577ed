"""A part of `demo`: a worker processes a text file by running a shell script."""

import os
import subprocess
import sys
from dataclasses import replace

from container.worker.environment import WorkerEnvironment
from runtime.events import Change, ObjectEvent
from runtime.jobs.record import Job
from runtime.jobs.task_launcher import ATTEMPT, JOB_ID
from tools.drivers.hybrid_pattern import HybridDriver
from tools.local_aws.aws import ROOT, LocalAws, LocalAwsError

WORKER = "examples.any_language.worker"
TEXT = "LICENSE"
SECONDS = 60


def number_a_text(aws: LocalAws, hybrid: HybridDriver) -> str:
    """Run the script of examples/any_language, which numbers the lines of a text; return a sentence on it.

    Raises LocalAwsError if the worker fails.

    The worker runs as a process on this machine, with a job in HybridPattern's table, because the pattern's
    own image does not contain the example.
    """
    data, bucket = (ROOT / TEXT).read_bytes(), "texts"  # nobody listens to it
    hybrid.s3.create_bucket(Bucket=bucket)
    hybrid.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = hybrid.s3.put_object(Bucket=bucket, Key=TEXT, Body=data)["VersionId"]
    event = ObjectEvent(
        change=Change.CREATED, bucket=bucket, key=TEXT, version_id=version, sequencer="1", size=len(data)
    )
    jobs = hybrid.jobs
    job = jobs.create(
        replace(Job.of(event, jobs.clock()), where="fargate", placement="The demo asks for it.")
    )
    jobs.claim(job.job_id)
    told = WorkerEnvironment(
        job_table=hybrid.outputs["JobTable"],
        output_bucket=hybrid.output,
        tiles_url=hybrid.outputs["TilesUrl"],
        task_seconds=SECONDS,
    )
    variables = {**aws.environment, **told.as_variables(), JOB_ID: job.job_id, ATTEMPT: str(job.attempt)}
    done = subprocess.run(
        [sys.executable, "-m", WORKER],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise LocalAwsError(f"{WORKER} ended with {done.returncode}: {done.stdout}{done.stderr}")
    hybrid.s3.delete_object(Bucket=bucket, Key=TEXT, VersionId=version)
    hybrid.s3.delete_bucket(Bucket=bucket)
    lines = hybrid.manifest(job)["lines"]
    return f"Any language: the {lines} lines of {TEXT}, numbered by a shell script that the worker runs."
