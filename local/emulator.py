"""Runs MiniStack on a socket it inherits, with the gaps filled that these templates meet.

Runs in .ministack, never in .venv. One function a gap; tests/local/test_gaps.py fails for each one that a
newer MiniStack closes, and then the function goes. Nothing here changes a call that MiniStack gets right.
"""

import asyncio
import contextvars
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app
from ministack.core.persistence import PERSIST_STATE
from ministack.core.responses import get_account_id
from ministack.services import eventbridge, s3, sqs
from ministack.services.cloudformation import provisioners

log = logging.getLogger("local.emulator")


def assume_tls(application: Any) -> Any:
    """Plain HTTP on loopback would trip every TLS-only policy: it counts as TLS that ended upstream."""

    async def wrapped(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not any(name == b"x-forwarded-proto" for name, _ in scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
        await application(scope, receive, send)

    return wrapped


def keep_bucket_tags() -> None:
    """MiniStack drops a bucket's tags, by which CDK's auto-delete knows that it may empty the bucket."""
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
    """MiniStack drops the objects with the bucket; CloudFormation fails."""
    bucket = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    delete = bucket["delete"]

    def delete_if_empty(name: str, properties: dict[str, Any]) -> Any:
        if (s3._buckets.get(name) or {}).get("objects"):
            raise ValueError(f"The bucket you tried to delete is not empty: {name}")
        return delete(name, properties)

    bucket["delete"] = delete_if_empty


def name_the_version_in_events() -> None:
    """S3's events name the version-id of an object in a versioned bucket; MiniStack's do not."""
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
    """EventBridge delivers only where the queue's policy lets the rule in; MiniStack always delivers."""
    rule_arn: contextvars.ContextVar[str] = contextvars.ContextVar("rule_arn", default="")
    invoke, deliver = eventbridge._invoke_target, eventbridge._dispatch_to_sqs

    def invoke_for_rule(target: Any, event: Any, rule: dict[str, Any], *rest: Any, **named: Any) -> Any:
        rule_arn.set(rule.get("Arn") or "")
        return invoke(target, event, rule, *rest, **named)

    def deliver_if_allowed(queue: Any, *rest: Any, **named: Any) -> None:
        if sqs.queue_policy_allows(str(queue), "events.amazonaws.com", rule_arn.get(), get_account_id()):
            deliver(queue, *rest, **named)
        else:
            log.warning("%s does not let %s in", queue, rule_arn.get())

    eventbridge._invoke_target, eventbridge._dispatch_to_sqs = invoke_for_rule, deliver_if_allowed


PATCHES: tuple[Callable[[], None], ...] = (
    keep_bucket_tags,
    refuse_to_delete_a_full_bucket,
    name_the_version_in_events,
    ask_the_queue_policy,
)


def end_with_the_parent() -> None:
    """The parent holds the other end of our standard input: however it ends, we read the end of file and
    go.
    """

    def wait() -> None:
        sys.stdin.buffer.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def main(socket_fd: int) -> None:
    without = set(filter(None, os.environ.get("LOCAL_AWS_WITHOUT", "").split(",")))
    for patch in PATCHES:
        if patch.__name__ not in without:
            patch()
    config = Config()
    config.bind = [f"fd://{socket_fd}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    logging.getLogger().setLevel(logging.WARNING)
    config.graceful_timeout = 1
    end_with_the_parent()
    application = app.app if "assume_tls" in without else assume_tls(app.app)
    if PERSIST_STATE:
        asyncio.run(serve_until_terminated(application, config))
    else:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        asyncio.run(serve(application, config))


async def serve_until_terminated(application: Any, config: Config) -> None:
    """Lets MiniStack write its state before it ends; without a state it ends at once."""
    terminated = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminated.set)
    await serve(application, config, shutdown_trigger=terminated.wait)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
