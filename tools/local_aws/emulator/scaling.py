"""Application Auto Scaling of a service by alarms on its queue, which MiniStack neither evaluates nor obeys.

Alarms are evaluated once a minute:
https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-step-scaling-policies.html
The file that LOCAL_AWS_MINUTE names, if a test writes it, holds the length of that minute in seconds.
"""

import contextvars
import logging
import operator
import os
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ministack.services import ecs, sqs

from tools.local_aws.emulator.types import HANDLERS, Properties

log = logging.getLogger(__name__)
IN_FLIGHT = "ApproximateNumberOfMessagesNotVisible"
COUNTED = {"ApproximateNumberOfMessagesVisible": "ApproximateNumberOfMessages", IN_FLIGHT: IN_FLIGHT}
"""The queue attribute behind each metric of AWS/SQS."""
COMPARED = {"GreaterThanOrEqualToThreshold": operator.ge, "LessThanThreshold": operator.lt}
_FILL = re.compile(r"FILL\((\w+), 0\)")
_targets: dict[str, Properties] = {}
_policies: dict[str, Properties] = {}
_alarms: dict[str, "Alarm"] = {}


@dataclass(kw_only=True)
class Alarm:
    """An alarm that scales a service. context: account and Region in which it is evaluated."""

    properties: Properties
    context: contextvars.Context
    values: deque[float] = field(default_factory=lambda: deque(maxlen=60))
    scaled_at: float = 0


def scale_services_by_alarms() -> None:
    """Let alarms on a queue's messages scale a service, in steps to an exact capacity."""
    _keep(HANDLERS["AWS::ApplicationAutoScaling::ScalableTarget"], _targets)
    _keep(HANDLERS["AWS::ApplicationAutoScaling::ScalingPolicy"], _policies)
    alarm = HANDLERS["AWS::CloudWatch::Alarm"]
    create, update, delete = alarm["create"], alarm["update"], alarm["delete"]

    def create_and_watch(logical_id: str, properties: Properties, stack: str) -> Any:
        made = create(logical_id, properties, stack)
        if _policies.keys() & set(properties.get("AlarmActions", [])):
            _alarms[made[0]] = Alarm(properties=properties, context=contextvars.copy_context())
        return made

    def update_watched(physical_id: str, old: Properties, new: Properties, *rest: Any, **named: Any) -> Any:
        if physical_id in _alarms:
            _alarms[physical_id].properties = new
        return update(physical_id, old, new, *rest, **named)

    def forget(physical_id: str, properties: Properties) -> Any:
        _alarms.pop(physical_id, None)
        return delete(physical_id, properties)

    alarm.update(create=create_and_watch, update=update_watched, delete=forget)
    threading.Thread(target=_every_minute, daemon=True).start()


def _keep(handler: Properties, kept: dict[str, Properties]) -> None:
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def create_and_keep(logical_id: str, properties: Properties, stack: str) -> Any:
        made = create(logical_id, properties, stack)
        kept[made[0]] = properties
        return made

    def update_kept(physical_id: str, old: Properties, new: Properties, *rest: Any, **named: Any) -> Any:
        kept[physical_id] = new
        return update(physical_id, old, new, *rest, **named)

    def forget(physical_id: str, properties: Properties) -> Any:
        kept.pop(physical_id, None)
        return delete(physical_id, properties)

    handler.update(create=create_and_keep, update=update_kept, delete=forget)


def _every_minute() -> None:
    began = time.monotonic()
    while True:
        time.sleep(0.1)  # polls: nothing notifies this process
        if time.monotonic() - began < _minute():
            continue
        began = time.monotonic()
        for alarm in list(_alarms.values()):
            try:
                alarm.context.run(_evaluate, alarm)
                alarm.context.run(_look_again, alarm)
            except Exception:
                log.exception("An alarm was not evaluated")


def _minute() -> float:
    file = Path(os.environ["LOCAL_AWS_MINUTE"])
    return float(file.read_text()) if file.is_file() else 60


def _evaluate(alarm: Alarm) -> None:
    told = alarm.properties
    value = _value(told["Metrics"])
    if value is None:  # as with TreatMissingData=ignore, the alarm keeps its state
        return
    alarm.values.append(value)
    periods, breaches = int(told["EvaluationPeriods"]), COMPARED[told["ComparisonOperator"]]
    last = list(alarm.values)[-periods:]
    if len(last) == periods and all(breaches(one, float(told["Threshold"])) for one in last):
        for arn in told["AlarmActions"]:
            _scale(alarm, _policies[arn], value - float(told["Threshold"]))


def _value(metrics: list[Properties]) -> float | None:
    """Return a sum of queue metrics, such as `visible + FILL(in_flight, 0)`; None if it has no data point.

    As in CloudWatch, a sum has none if one of its metrics has none. SQS reports in-flight messages only if
    there are any:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    """
    values: dict[str, float] = {}
    for one in (metric for metric in metrics if "MetricStat" in metric):
        metric = one["MetricStat"]["Metric"]
        (name,) = (dimension["Value"] for dimension in metric["Dimensions"])
        queue = sqs._queues.get(sqs._queue_url(name))
        if queue is None:
            return None
        sqs._refresh_counts(queue)
        count = float(queue["attributes"][COUNTED[metric["MetricName"]]])
        if count or metric["MetricName"] != IN_FLIGHT:
            values[one["Id"]] = count
    (expression,) = (metric["Expression"] for metric in metrics if "Expression" in metric)
    for filled in _FILL.findall(expression):
        values.setdefault(filled, 0)
    names = _FILL.sub(r"\1", expression).split(" + ")
    return sum(values[name] for name in names) if values.keys() >= set(names) else None


def _scale(alarm: Alarm, policy: Properties, beyond: float) -> None:
    """Apply the policy's step. beyond: metric minus alarm threshold, which the steps' bounds refer to."""
    target, steps = _targets[policy["ScalingTargetId"]], policy["StepScalingPolicyConfiguration"]
    if steps["AdjustmentType"] != "ExactCapacity":
        raise ValueError(f"Only ExactCapacity is implemented here, not {steps['AdjustmentType']}.")
    (wanted,) = (int(one["ScalingAdjustment"]) for one in steps["StepAdjustments"] if _holds(one, beyond))
    _, cluster, service = target["ResourceId"].split("/")
    now = ecs._services[f"{cluster}/{service}"]["desiredCount"]
    wanted = max(int(target["MinCapacity"]), min(wanted, int(target["MaxCapacity"])))
    cooling = time.monotonic() - alarm.scaled_at < float(steps["Cooldown"]) * _minute() / 60
    if wanted == now or (wanted < now and cooling):
        return
    alarm.scaled_at = time.monotonic()
    log.warning("%s from %s to %s tasks", service, now, wanted)
    ecs._update_service({"cluster": cluster, "service": service, "desiredCount": wanted})


def _look_again(alarm: Alarm) -> None:
    """Run ECS's scheduler for the alarm's service; MiniStack does not run it at intervals, as ECS does."""
    for arn in alarm.properties["AlarmActions"]:
        _, cluster, service = _targets[_policies[arn]["ScalingTargetId"]]["ResourceId"].split("/")
        ecs._reconcile_service_tasks(cluster, f"{cluster}/{service}")


def _holds(step: Properties, beyond: float) -> bool:
    """Return whether a step applies.

    From the threshold up, its lower bound is inclusive; below the threshold, its upper bound is.
    """
    lower = float(step.get("MetricIntervalLowerBound", "-inf"))
    upper = float(step.get("MetricIntervalUpperBound", "inf"))
    return lower <= beyond < upper if beyond >= 0 else lower < beyond <= upper
