"""The purpose of each statement of each role: the call that is denied without it, and what then fails."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Need:
    """A statement's purpose. call: what the local AWS denies without the statement.

    NEEDS holds purposes by role and first action. If `call` is empty, MiniStack does not check the
    statement; the template's tests assert it instead.
    """

    breaks: str
    call: str = ""


_BY_STACK = {
    "LambdaPattern": {"renditions": "FunctionRole"},
    "FargatePattern": {"service": "ServiceTaskTaskRole"},
    "LambdaService": {"iiif": "FunctionRole"},
    "HybridPattern": {
        "dispatcher": "DispatcherRole",
        "tracker": "TrackerRole",
        "worker": "WorkerWorkerTaskTaskRole",
    },
    "QueuePattern": {"queue worker": "WorkerTaskTaskRole"},
    "StreamPattern": {"views": "FunctionRole"},
}
ROLES = {who: (stack, role) for stack, roles in _BY_STACK.items() for who, role in roles.items()}
"""By role: its stack, and the beginning of its policy's logical id."""
_POLLING = Need(breaks="the event source mapping receives no messages")
_LOGS, _TRACES = Need(breaks="no logs"), Need(breaks="no traces")
_TOMBSTONE = Need(breaks="deletions fail: S3 refuses to store a tombstone with its tag")
_WATCHED = {"logs:CreateLogStream": _LOGS, "xray:PutTelemetryRecords": _TRACES}
_FUNCTION = {"sqs:ChangeMessageVisibility": _POLLING, **_WATCHED}
_IMAGES = {
    "s3:GetObject": Need(call="GetObject", breaks="no image is served"),
    "s3:ListBucket": Need(breaks="a missing image is a 502 instead of a 404"),
}
NEEDS = {
    "renditions": {
        "s3:GetObjectVersion": Need(call="GetObject", breaks="every upload ends in the dead-letter queue"),
        "s3:PutObject": Need(call="PutObject", breaks="every upload ends in the dead-letter queue"),
        "s3:GetObject": Need(
            call="GetObject",
            breaks="every upload ends in the dead-letter queue: neither manifest nor pointer can be read",
        ),
        "s3:DeleteObject": Need(
            call="DeleteObjects",
            breaks="every upload ends in the dead-letter queue, although its result is shown; "
            "deletions remove no results",
        ),
        "s3:ListBucket": Need(
            call="ListObjectsV2",
            breaks="deletions remove no results; on AWS every upload fails: a missing object is then a 403",
        ),
        "s3:PutObjectTagging": _TOMBSTONE,
        **_FUNCTION,
    },
    "service": _IMAGES,
    "iiif": {**_IMAGES, **_WATCHED},
    "dispatcher": {
        "s3:GetObjectVersion": Need(call="GetObject", breaks="nothing is placed"),
        "s3:PutObject": Need(
            call="PutObject", breaks="the function's own work goes to a task; rejections fail"
        ),
        "s3:GetObject": Need(call="GetObject", breaks="the pointer cannot be read: no job begins"),
        "s3:DeleteObject": Need(
            call="DeleteObjects",
            breaks="the function's own work goes to a task, although its result is shown; "
            "deletions remove no results",
        ),
        "s3:ListBucket": Need(
            call="ListObjectsV2",
            breaks="deletions remove no results; on AWS no job begins: a missing object is then a 403",
        ),
        "s3:PutObjectTagging": _TOMBSTONE,
        "dynamodb:GetItem": Need(call="GetItem", breaks="nothing is placed"),
        "ecs:RunTask": Need(
            call="RunTask", breaks="large scans wait, and fail after a quarter of an hour with the reason"
        ),
        "iam:PassRole": Need(breaks="large scans wait and fail, as without ecs:RunTask"),
        **_FUNCTION,
    },
    "tracker": {
        "dynamodb:DeleteItem": Need(call="GetItem", breaks="the ends of tasks are not recorded"),
        "dynamodb:Query": Need(
            call="Query", breaks="lost jobs, waiting jobs and removed results are not found"
        ),
        "ecs:DescribeTasks": Need(
            call="DescribeTasks", breaks="a task whose stop event was lost is not found"
        ),
        "sqs:SendMessage": Need(call="SendMessage", breaks="waiting jobs are not woken"),
        "cloudfront:CreateInvalidation": Need(
            call="CreateInvalidation", breaks="CloudFront serves removed results for up to a day"
        ),
        **_FUNCTION,
    },
    "worker": {
        "s3:GetObjectVersion": Need(call="GetObject", breaks="every task fails"),
        "s3:PutObject": Need(call="PutObject", breaks="every task fails"),
        "s3:GetObject": Need(
            call="GetObject", breaks="neither manifest nor pointer can be read: every task fails"
        ),
        "s3:DeleteObject": Need(
            call="DeleteObjects", breaks="every task fails, although its result is shown"
        ),
        "s3:ListBucket": Need(
            call="ListObjectsV2",
            breaks="a task that rejects its scan fails instead, and partial results stay; "
            "on AWS every task fails: a missing object is then a 403",
        ),
        "s3:PutObjectTagging": Need(
            breaks="a task whose source was removed while it worked fails, and its result stays visible: "
            "S3 refuses to store a tombstone with its tag"
        ),
        "dynamodb:GetItem": Need(call="GetItem", breaks="every task fails"),
    },
    "queue worker": {
        "s3:GetObjectVersion": Need(call="GetObject", breaks="every scan ends in the dead-letter queue"),
        "s3:PutObject": Need(call="PutObject", breaks="every message ends in the dead-letter queue"),
        "s3:GetObject": Need(
            call="GetObject",
            breaks="every message ends in the dead-letter queue: the pointer cannot be read",
        ),
        "s3:DeleteObject": Need(
            call="DeleteObjects",
            breaks="every scan ends in the dead-letter queue, although its result is shown; "
            "deletions remove no results",
        ),
        "s3:ListBucket": Need(
            call="ListObjectsV2",
            breaks="deletions remove no results; on AWS every scan fails: a missing object is then a 403",
        ),
        "s3:PutObjectTagging": _TOMBSTONE,
        "sqs:ChangeMessageVisibility": Need(call="ReceiveMessage", breaks="no message is received"),
        "cloudfront:CreateInvalidation": Need(
            call="CreateInvalidation", breaks="CloudFront serves removed results for up to a day"
        ),
        "ecs:UpdateTaskProtection": Need(
            call="UpdateTaskProtection", breaks="a scale-in stops tasks in the middle of jobs"
        ),
    },
    "views": {
        "kinesis:DescribeStream": Need(breaks="the event source mapping reads nothing"),
        "dynamodb:GetItem": Need(
            call="GetItem", breaks="nothing is counted: records are retried, then set aside"
        ),
        "s3:PutObject": Need(call="PutObject", breaks="malformed records hold up their shard"),
        "s3:ListBucket": Need(breaks="the event source mapping cannot set aside what failed"),
        **_WATCHED,
    },
}


def denied_without(who: str) -> dict[str, str]:
    """Return, by the first action of each statement, the call that is denied without it."""
    return {action: need.call for action, need in NEEDS[who].items() if need.call}


def not_asked(who: str) -> list[str]:
    """Return the first actions of the statements that MiniStack does not check."""
    return [action for action, need in NEEDS[who].items() if not need.call]
