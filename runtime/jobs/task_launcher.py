"""Idempotent RunTask, with a class for each kind of answer.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from runtime.jobs.environment import LaunchEnvironment
from runtime.jobs.record import Job

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient
    from types_boto3_ecs.type_defs import KeyValuePairTypeDef, RunTaskRequestTypeDef

CONTAINER = "worker"
JOB_ID, ATTEMPT, TRACE_ID = "JOB_ID", "ATTEMPT", "TRACE_ID"
"""Environment variables that each RunTask gives the worker."""
DISK_GIB_INCLUDED = 20
"""GiB of storage that a task has by default; a request must be for 21 to 200 GiB:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EphemeralStorage.html
"""
_PASSING = re.compile(
    "capacity is|throttl|rate exceeded|request limit|limit on the number|quota|try again|"
    "network interface|unavailable|internal|timed? ?out|above your limit",
    re.IGNORECASE,
)
"""Messages of transient failures, documented by AWS or reported by users; a later request may succeed.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
"""
_PASSING_REASONS = re.compile(r"^(RESOURCE:|AGENT\b)")
_SETTLING = re.compile(
    "AccessDenied|not authorized|is inactive|assume the service linked role|"
    "ExpiredToken|UnrecognizedClient|InvalidSignature|InvalidClientTokenId",
    re.IGNORECASE,
)
"""Errors that may go away once a deployment, the creation of a role or a credential rotation is over."""
_NOT_NOW_CODES = {
    "ThrottlingException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "ServerException",
    "InternalFailure",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "LimitExceededException",
    "ServiceQuotaExceededException",
}


@dataclass(frozen=True, kw_only=True)
class Started:
    """A task was accepted, by this call or by an earlier one with the same client token."""

    task_arn: str


@dataclass(frozen=True, kw_only=True)
class Retryable:
    """A transient failure: no capacity, an exhausted quota or throttling; a later request may succeed.

    refused: ECS definitely started nothing. Otherwise it may have; a retry with the same token will tell.
    """

    why: str
    refused: bool = True


@dataclass(frozen=True, kw_only=True)
class DeployInProgress:
    """A refusal that a deployment may explain, such as access denied; it fails the job only if it lasts."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Fatal:
    """A permanent failure: the same request will never succeed."""

    why: str


Answer = Started | Retryable | DeployInProgress | Fatal


@dataclass(frozen=True, kw_only=True)
class TaskLauncher:
    """Starts the worker's tasks. ecs: a boto3 client."""

    ecs: "ECSClient"
    launch: LaunchEnvironment

    def start(self, job: Job) -> Answer:
        """Start a task for this attempt of the job. Idempotent: a repeated call returns the same task."""
        try:
            answer = self.ecs.run_task(**self.request(job))
        except ClientError as error:
            return _refusal(error)
        except BotoCoreError as error:  # no answer: a task may have started; the same token will tell
            return Retryable(why=f"ECS could not be reached: {error}", refused=False)
        if answer["tasks"]:
            return Started(task_arn=answer["tasks"][0]["taskArn"])
        return _failure(answer["failures"])

    def request(self, job: Job) -> "RunTaskRequestTypeDef":
        """Return the RunTask request: a pure function of job, attempt and number of refusals by ECS.

        For up to 24 hours ECS answers a client token with its first response, failures included, so each
        definite refusal needs a new token. A known token with other parameters causes a ConflictException, so
        nothing here may depend on the time or the caller:
        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ECS_Idempotency.html
        """
        environment = {JOB_ID: job.job_id, ATTEMPT: str(job.attempt)}
        if job.trace_id:
            environment[TRACE_ID] = job.trace_id
        pairs: list[KeyValuePairTypeDef] = [{"name": name, "value": it} for name, it in environment.items()]
        request: RunTaskRequestTypeDef = {
            "cluster": self.launch.cluster,
            "taskDefinition": self.launch.task_definition,
            "count": 1,
            "clientToken": f"{job.job_id}-{job.attempt}-{job.refusals}",
            "startedBy": started_by(job.job_id, job.attempt),
            "networkConfiguration": {
                "awsvpcConfiguration": {
                    "subnets": list(self.launch.subnets),
                    "securityGroups": [self.launch.security_group],
                    "assignPublicIp": "ENABLED" if self.launch.public_ip else "DISABLED",
                }
            },
            "overrides": {
                "cpu": str(job.cpu),
                "memory": str(job.memory_mb),
                "containerOverrides": [{"name": CONTAINER, "environment": pairs}],
            },
        }
        if self.launch.exec:
            request["enableExecuteCommand"] = True
        if job.disk_gib > DISK_GIB_INCLUDED:
            request["overrides"]["ephemeralStorage"] = {"sizeInGiB": job.disk_gib}
        if job.spot:
            request["capacityProviderStrategy"] = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
        else:
            request["launchType"] = "FARGATE"
        return request


def started_by(job_id: str, attempt: int) -> str:
    """Return the task's `startedBy`: at most 128 letters, digits and hyphens."""
    return f"{job_id}-{attempt}"


def _failure(failures: Sequence[Mapping[str, Any]]) -> Answer:
    """Return the error in `failures` of a RunTask response, which has status 200 even if nothing was started.

    A failure without a reason is what ECS returns for a token that failed more than an hour ago; it says
    nothing about the job.
    """
    told = (": ".join(filter(None, (one.get("reason"), one.get("detail")))) for one in failures)
    said = "; ".join(filter(None, told))
    passing = any(_PASSING_REASONS.match(one.get("reason", "")) for one in failures)
    if not said:
        return Retryable(why="RunTask started nothing and gave no reason.")
    return Retryable(why=said) if passing or _PASSING.search(said) else Fatal(why=said)


def _refusal(error: ClientError) -> Answer:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code == "ConflictException":
        # The token was used before with other parameters, such as an older revision of the task definition:
        # `resourceIds` names the tasks that were started then, if any.
        arns: Sequence[str] = error.response.get("resourceIds") or []  # type: ignore[assignment]
        return Started(task_arn=arns[0]) if arns else Retryable(why=f"{code}: {message}")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    why = f"{code}: {message}"
    if code in _NOT_NOW_CODES or status >= 500:
        return Retryable(why=why, refused=status < 500)
    if _SETTLING.search(why):
        return DeployInProgress(why=why)
    return Retryable(why=why) if _PASSING.search(message) else Fatal(why=why)
