"""`python -m tools.local_aws.emulator FD`: serves on an inherited socket until its standard input ends."""

import asyncio
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

from tools.local_aws.emulator import (
    account,
    containers,
    function_urls,
    patches,
    protection,
    rekognition,
    scaling,
    shards,
    state_machines,
    streams,
    tasks,
    types,
    view_logs,
)

PATCHES: tuple[Callable[[], None], ...] = (
    patches.keep_bucket_tags,
    patches.refuse_to_delete_a_full_bucket,
    patches.name_the_version_in_events,
    patches.ask_the_queue_policy,
    patches.miss_images_that_are_not_there,
    patches.authorize_on_the_repositories_named,
    patches.authorize_batches_as_single_messages,
    patches.miss_tiles_that_are_not_there,
    patches.heed_the_range_of_a_version,
    patches.hide_messages_no_longer_than_told,
    types.tell_the_range_of_a_vpc,
    types.make_vpc_origins,
    types.ask_vpc_origins_as_they_say,
    types.record_alarms_on_expressions,
    types.record_the_rest,
    streams.read_streams_as_event_sources_do,
    rekognition.label_pictures,
    view_logs.log_requests_as_they_come,
    function_urls.sign_requests_for_function_urls,
    shards.keep_shards_that_are_closed,
    account.heed_the_modes_of_packages,
    account.lead_custom_runtimes_here,
    account.keep_vpc_origins_to_their_zones,
    containers.run_containers_as_fargate_does,
    containers.give_tasks_their_role,
    containers.wait_until_targets_are_healthy,
    containers.wait_for_the_stop_timeout,
    tasks.size_tasks_as_they_are_asked,
    tasks.keep_to_a_quota,
    tasks.remember_client_tokens,
    tasks.end_tasks_as_fargate_does,
    tasks.tell_of_tasks_that_stopped,
    tasks.authorize_tasks_as_ecs_does,
    protection.answer_as_the_agent_of_a_task,
    protection.protect_tasks_from_scale_in,
    protection.end_services_while_others_are_answered,
    scaling.scale_services_by_alarms,
    state_machines.run_children_on_batches,
    state_machines.write_the_results_of_map_runs,
    state_machines.stop_a_map_run_with_its_execution,
    state_machines.authorize_state_machines_by_their_role,
)


def end_with_the_parent() -> None:
    """End when our standard input closes, which happens however the parent ends."""

    def wait() -> None:
        sys.stdin.buffer.read()
        containers.remove_all()
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
    application: Any = app.app if "assume_tls" in without else patches.assume_tls(app.app)
    application = patches.answer_to_localhost(application)
    if PERSIST_STATE:
        asyncio.run(serve_until_terminated(application, config))
    else:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        asyncio.run(serve(application, config))


async def serve_until_terminated(application: Any, config: Config) -> None:
    """Serve until SIGTERM, then let MiniStack save its state; main uses this only with a state folder."""
    terminated = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminated.set)
    await serve(application, config, shutdown_trigger=terminated.wait)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
