"""Metrics of HybridPattern's functions, for alarms and dashboards; the namespace is its stack's name."""

from enum import StrEnum


class Service(StrEnum):
    """Values of the dimension `service`: the function that emits the metric."""

    DISPATCHER = "dispatcher"
    TRACKER = "tracker"


class Metric(StrEnum):
    """The name of a metric; the unit is Count unless noted."""

    IGNORED = "Ignored"
    DELETED = "Deleted"
    REJECTED = "Rejected"
    NOTHING_TO_DO = "NothingToDo"
    SUPERSEDED = "Superseded"
    DONE_BY_LAMBDA = "DoneByLambda"
    TASK_STARTED = "TaskStarted"
    WAITING = "Waiting"
    JOB_FAILED = "JobFailed"
    TASK_STOPPED = "TaskStopped"
    NOT_OURS = "NotOurs"
    TASK_NEVER_RAN = "TaskNeverRan"
    VCPU_SECONDS = "VcpuSeconds"
    GB_SECONDS = "GbSeconds"
    SWEPT = "Swept"
    JOBS_OVERDUE = "JobsOverdue"
    JOBS_WAITING = "JobsWaiting"
    JOB_NOT_SWEPT = "JobNotSwept"
    NOT_INVALIDATED = "NotInvalidated"
    LATENCY = "Latency"
    """Milliseconds to process a message that did not fail; emitted by runtime/sqs_batch.py, like FAILED."""
    FAILED = "Failed"
    """Failed attempts to process a message."""
