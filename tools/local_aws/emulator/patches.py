"""Patches for gaps in MiniStack, mostly in how its services interact. One function per gap."""

import contextvars
import json
import logging
import os
import re
from pathlib import Path
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import ecr, eventbridge, s3, sqs
from ministack.services.cloudformation import provisioners

log = logging.getLogger(__name__)


def assume_tls(application: Any) -> Any:
    """Treat plain HTTP on loopback as TLS terminated upstream; otherwise TLS-only policies deny requests."""

    async def wrapped(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not any(name == b"x-forwarded-proto" for name, _ in scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
        await application(scope, receive, send)

    return wrapped


def answer_to_localhost(application: Any) -> Any:
    """Serve LABEL.cloudfront.localhost, which browsers resolve to loopback; MiniStack serves only .net."""

    async def wrapped(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            name = re.compile(rb"(.*\.cloudfront)\.localhost(:\d+)?")
            headers = [
                (key, name.sub(rb"\1.net", value) if key == b"host" else value)
                for key, value in scope["headers"]
            ]
            scope = {**scope, "headers": headers}
        await application(scope, receive, send)

    return wrapped


def keep_bucket_tags() -> None:
    """Keep a bucket's tags, which CDK's auto-delete checks before emptying it; MiniStack drops them."""
    bucket = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create, update = bucket["create"], bucket["update"]

    def keep(name: str, properties: dict[str, Any]) -> None:
        s3._bucket_tags[name] = {tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags") or []}

    def create_with_tags(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        created = create(logical_id, properties, stack)
        keep(created[0], properties)
        return created

    def update_with_tags(
        name: str, old: dict[str, Any], new: dict[str, Any], *rest: Any, **named: Any
    ) -> Any:
        updated = update(name, old, new, *rest, **named)
        keep(updated[0], new)
        return updated

    bucket.update(create=create_with_tags, update=update_with_tags)


def refuse_to_delete_a_full_bucket() -> None:
    """Refuse to delete a bucket with objects, as CloudFormation does; MiniStack deletes both."""
    bucket = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    delete = bucket["delete"]

    def delete_if_empty(name: str, properties: dict[str, Any]) -> Any:
        if (s3._buckets.get(name) or {}).get("objects"):
            raise ValueError(f"The bucket you tried to delete is not empty: {name}")
        return delete(name, properties)

    bucket["delete"] = delete_if_empty


def name_the_version_in_events() -> None:
    """Add the version-id to S3's events of versioned buckets; MiniStack leaves it out."""
    version: contextvars.ContextVar[str | None] = contextvars.ContextVar("version", default=None)
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_with_version(*arguments: Any, **named: Any) -> None:
        version.set(named.get("version_id"))
        fire(*arguments, **named)

    def dispatch_with_version(event: dict[str, Any], *rest: Any, **named: Any) -> None:
        if event.get("Source") == "aws.s3" and version.get():
            detail = json.loads(event["Detail"])
            detail["object"].setdefault("version-id", version.get())
            event = {**event, "Detail": json.dumps(detail)}
        dispatch(event, *rest, **named)

    s3._fire_s3_event, eventbridge._dispatch_event = fire_with_version, dispatch_with_version


def ask_the_queue_policy() -> None:
    """Deliver EventBridge events to a queue only if its policy allows the rule; MiniStack always delivers."""
    rule_arn: contextvars.ContextVar[str] = contextvars.ContextVar("rule_arn", default="")
    invoke, deliver = eventbridge._invoke_target, eventbridge._dispatch_to_sqs

    def invoke_for_rule(target: Any, event: Any, rule: dict[str, Any], *rest: Any, **named: Any) -> Any:
        rule_arn.set(rule.get("Arn") or "")
        return invoke(target, event, rule, *rest, **named)

    def allows(queue: str) -> bool:
        iam_evaluator.pin_request_origin("127.0.0.1", True)  # AWS's own services speak TLS
        return bool(sqs.queue_policy_allows(queue, "events.amazonaws.com", rule_arn.get(), get_account_id()))

    def deliver_if_allowed(queue: Any, *rest: Any, **named: Any) -> None:
        if contextvars.copy_context().run(allows, str(queue)):
            deliver(queue, *rest, **named)
        else:
            log.warning("The policy of %s does not allow %s", queue, rule_arn.get())

    eventbridge._invoke_target, eventbridge._dispatch_to_sqs = invoke_for_rule, deliver_if_allowed


def miss_images_that_are_not_there() -> None:
    """Answer an unknown tag in DescribeImages with an error; given an empty list, CDK skips the build."""
    describe = ecr._describe_images

    def describe_or_miss(data: dict[str, Any]) -> Any:
        name = data.get("repositoryName", "")
        for image in data.get("imageIds") or []:
            if name in ecr._repositories and not ecr._find_image(name, image):
                return error_response_json("ImageNotFoundException", f"No image {image} in {name}.", 400)
        return describe(data)

    ecr._describe_images = describe_or_miss
    for table in (value for value in list(vars(ecr).values()) if isinstance(value, dict)):
        for operation, function in list(table.items()):
            if function is describe:
                table[operation] = describe_or_miss


def miss_tiles_that_are_not_there() -> None:
    """Answer 404 for a missing object behind CloudFront if listing is allowed; MiniStack answers 403."""
    fetch = s3.serve_cloudfront_origin_fetch

    def fetch_or_miss(bucket: str, key: str, *rest: Any, **named: Any) -> Any:
        answer = fetch(bucket, key, *rest, **named)
        may_list = "s3:ListBucket" in json.dumps(s3._bucket_policies.get(bucket) or "")
        if answer[0] == 403 and may_list and key not in s3._buckets[bucket]["objects"]:
            return s3._error("NoSuchKey", "The specified key does not exist.", 404, f"/{bucket}/{key}")
        return answer

    s3.serve_cloudfront_origin_fetch = fetch_or_miss


def heed_the_range_of_a_version() -> None:
    """Serve the requested range of an object version; MiniStack serves all of it, which breaks downloads."""
    get = s3._get_object

    def get_part(bucket: str, key: str, headers: dict[str, str], query: Any = None) -> Any:
        status, answered, body = get(bucket, key, headers, query)
        asked = headers.get("range")
        if status != 200 or not asked:
            return status, answered, body
        found = s3._parse_range(asked, len(body))
        if found is None:
            return s3._error(
                "InvalidRange", "The requested range is not satisfiable", 416, f"/{bucket}/{key}"
            )
        start, end = found
        kept = {name: value for name, value in answered.items() if "checksum" not in name.lower()}
        kept["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
        kept["Content-Length"] = str(end + 1 - start)
        return 206, kept, body[start : end + 1]

    s3._get_object = get_part


def authorize_batches_as_single_messages() -> None:
    """Authorize SQS's batch calls like single ones; MiniStack requires a batch action that AWS lacks."""
    find = iam_actions.extract_iam_action

    def find_single(*arguments: Any, **named: Any) -> Any:
        action = find(*arguments, **named)
        is_batch = action and action.startswith("sqs:") and action.endswith("Batch")
        return action.removesuffix("Batch") if is_batch else action

    iam_actions.extract_iam_action = find_single


def hide_messages_no_longer_than_told() -> None:
    """Shorten visibility timeouts of minutes to seconds for tests.

    This closes no gap. The file that LOCAL_AWS_MOST_HIDDEN names, if a test writes it, holds the maximum in
    seconds.
    """
    change = sqs._HANDLERS["ChangeMessageVisibility"]

    def change_within(data: dict[str, Any], queue: str) -> Any:
        file = Path(os.environ["LOCAL_AWS_MOST_HIDDEN"])
        if file.is_file():
            most = int(file.read_text())
            data = {**data, "VisibilityTimeout": min(int(data.get("VisibilityTimeout", 30)), most)}
        return change(data, queue)

    sqs._HANDLERS["ChangeMessageVisibility"] = change_within


def authorize_on_the_repositories_named() -> None:
    """Authorize DescribeRepositories on the first repository requested; MiniStack authorizes it on `*`."""
    find = iam_actions.extract_resource_arn

    def find_repository(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> Any:
        names = json.loads(body or b"{}").get("repositoryNames") if service == "ecr" else None
        if names:
            return f"arn:aws:ecr:{get_region()}:{get_account_id()}:repository/{names[0]}"
        return find(service, method, path, headers, body, *rest)

    iam_actions.extract_resource_arn = find_repository
