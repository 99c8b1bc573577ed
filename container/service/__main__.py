"""Entry point of the service: `python -m container.service`, configured by its environment (settings.py)."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import contextmanager

import uvicorn

from container.service.app import Service, log
from container.service.settings import Settings
from container.service.stores import Store, store_of
from runtime.environment import VariableError

KEEP_ALIVE_SECONDS = 75
"""Longer than a load balancer's idle timeout of 60 s; otherwise the load balancer could send requests into
closed connections:
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
"""
LAST_ANSWERS_SECONDS = 18


class Server(uvicorn.Server):
    """A server without signal handlers: with uvicorn's, the exit code after a signal would not be 0."""

    @contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        """Install no signal handlers."""
        yield


async def serve(service: Service) -> None:
    """Serve until SIGTERM or SIGINT; then fail readiness for `drain_seconds`, and send the last responses."""
    settings = service.settings
    config = uvicorn.Config(
        service.application(),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=LAST_ANSWERS_SECONDS,
    )
    server = Server(config)

    async def drain(stopped: asyncio.Event) -> None:
        await stopped.wait()
        service.draining = True
        await asyncio.sleep(settings.drain_seconds)
        server.should_exit = True

    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    draining = loop.create_task(drain(stopped))
    await server.serve()
    draining.cancel()


def main(make: Callable[[Settings, Store], Service] = Service) -> int:
    """Serve until told to stop, then end the process with 0. Returns 2 for an invalid environment."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(message)s")
    log.setLevel(logging.INFO)
    try:
        settings = Settings.from_variables(os.environ)
    except VariableError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    uvicorn_loop = uvicorn.Config("", log_config=None).get_loop_factory()
    with asyncio.Runner(loop_factory=uvicorn_loop) as runner:
        runner.run(serve(make(settings, store_of(settings))))
        # Every response was sent or cut off; threads may still wait for the bucket, and need not end first.
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
