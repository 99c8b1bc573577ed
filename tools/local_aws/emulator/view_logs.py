"""CloudFront's real-time logs, which MiniStack lacks: one line per request into a Kinesis stream.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/real-time-logs.html
"""

import json
import time
import uuid
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import cloudfront, iam, kinesis
from ministack.services.cloudformation import provisioners

HANDLERS = provisioners._RESOURCE_HANDLERS
DISTRIBUTION, CONFIG = "AWS::CloudFront::Distribution", "AWS::CloudFront::RealtimeLogConfig"
ORDER = ("timestamp", "sc-status", "cs-method", "cs-uri-stem", "x-edge-request-id", "x-edge-result-type")
"""Supported fields in the order in which CloudFront sends them, whatever order the configuration has."""
Properties = dict[str, Any]
_configs: dict[str, Properties] = {}
"""Configurations by ARN."""
_used: dict[str, str] = {}
"""ARN of the configuration of each distribution's default behavior, by the distribution's id."""


def log_requests_as_they_come() -> None:
    """Add RealtimeLogConfig to CloudFormation, and log the requests of default behaviors that have one."""
    HANDLERS[CONFIG] = {"create": _create, "update": _update, "delete": _delete}
    distribution, answer = HANDLERS[DISTRIBUTION], cloudfront.handle_viewer_request
    create, update, delete = (distribution[way] for way in ("create", "update", "delete"))

    def create_and_note(logical_id: str, properties: Properties, stack: str) -> Any:
        made = create(logical_id, properties, stack)
        _note(made[0], properties)
        return made

    def update_and_note(physical_id: str, old: Properties, new: Properties, *more: Any, **named: Any) -> Any:
        made = update(physical_id, old, new, *more, **named)
        _note(physical_id, new)
        return made

    def delete_and_forget(physical_id: str, properties: Properties) -> None:
        delete(physical_id, properties)
        _used.pop(physical_id, None)

    async def answer_and_log(dist: Properties, method: str, path: str, raw: str, *more: Any) -> Any:
        answered = await answer(dist, method, path, raw, *more)
        _log(dist, method, path, raw, int(answered[0]))
        return answered

    distribution.update(create=create_and_note, update=update_and_note, delete=delete_and_forget)
    cloudfront.handle_viewer_request = answer_and_log


def _create(_logical_id: str, properties: Properties, _stack: str) -> Any:
    arn = f"arn:aws:cloudfront::{get_account_id()}:realtime-log-config/{properties['Name']}"
    if arn in _configs:
        raise ValueError(f"A real-time log configuration {properties['Name']} already exists.")
    if unknown := {*properties["Fields"]} - {*ORDER}:
        raise ValueError(f"These fields are not known here: {', '.join(sorted(unknown))}.")
    for end in properties["EndPoints"]:
        _try_role(end["KinesisStreamConfig"])
    _configs[arn] = properties
    return arn, {"Arn": arn}


def _try_role(end: Properties) -> None:
    """Check that CloudFront can assume the role and put records into the stream. Raises ValueError."""
    name = end["RoleArn"].rpartition("/")[2]
    role = iam._roles.get(name)
    if not role or "cloudfront.amazonaws.com" not in json.dumps(role.get("AssumeRolePolicyDocument")):
        raise ValueError(f"CloudFront cannot assume the role {name}.")
    policies = json.dumps(role.get("InlinePolicies", {}))
    if "kinesis:PutRecords" not in policies or end["StreamArn"] not in policies:
        raise ValueError(f"The role {name} may not put records into {end['StreamArn']}.")


def _update(arn: str, _old: Properties, new: Properties, _stack: str, *_: Any, **__: Any) -> Any:
    _configs[arn] = new
    return arn, {"Arn": arn}


def _delete(arn: str, _properties: Properties) -> None:
    if arn in _used.values():
        raise ValueError("RealtimeLogConfigInUse: it is attached to a distribution.")
    _configs.pop(arn, None)


def _note(distribution: str, properties: Properties) -> None:
    behavior = properties["DistributionConfig"]["DefaultCacheBehavior"]
    if arn := behavior.get("RealtimeLogConfigArn"):
        _used[distribution] = arn
    else:
        _used.pop(distribution, None)


def _log(dist: Properties, method: str, path: str, raw: str, status: int) -> None:
    config = _configs.get(_used.get(dist["Id"], ""))
    behavior = cloudfront._match_behavior(cloudfront.parse_distribution_dataplane_config(dist), path)
    if not config or not behavior or behavior["path_pattern"]:
        return
    request_id = f"{uuid.uuid4().hex}=="
    fields = {
        "timestamp": f"{time.time():.3f}",
        "sc-status": str(status),
        "cs-method": method,
        "cs-uri-stem": raw,
        "x-edge-request-id": request_id,
        "x-edge-result-type": "Miss" if status < 400 else "Error",  # nothing is cached here
    }
    line = "\t".join(fields[name] for name in ORDER if name in config["Fields"])
    for end in config["EndPoints"]:
        stream = end["KinesisStreamConfig"]["StreamArn"]
        kinesis.put_record_internal(stream, request_id, f"{line}\n".encode())
