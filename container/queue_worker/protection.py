"""Scale-in protection: ECS does not stop a task of a service while the task says that it is busy.

Without it, a scale-in may stop any task, even one in the middle of a job:
https://github.com/aws/aws-cdk/issues/20706
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

PAUSES = (1, 2, 4, 8)
"""Seconds between tries. ECS refuses to protect a task that it already chose to stop; SIGTERM follows."""


@dataclass(frozen=True, kw_only=True)
class Protection:
    """Scale-in protection of this task.

    Attributes:
        agent: $ECS_AGENT_URI; empty outside ECS, where nothing scales in.
        minutes: time after which it expires by itself, in case this process dies. 1 to 2,880.
        wait: sleeps for the given seconds; returns True if no further attempt is to be made.
    """

    agent: str
    minutes: int
    wait: Callable[[float], bool]

    def begin(self) -> str:
        """Protect this task. Returns "" on success, else the reason."""
        why = self._put({"ProtectionEnabled": True, "ExpiresInMinutes": self.minutes})
        for pause in PAUSES:
            if not why or self.wait(pause):
                break
            why = self._put({"ProtectionEnabled": True, "ExpiresInMinutes": self.minutes})
        return why

    def end(self) -> str:
        """End the protection.

        Returns "" on success, else the reason; the protection then expires after `minutes`.
        """
        return self._put({"ProtectionEnabled": False})

    def _put(self, state: dict[str, object]) -> str:
        if not self.agent:
            return ""
        request = urllib.request.Request(  # noqa: S310 - link-local
            f"{self.agent}/task-protection/v1/state",
            data=json.dumps(state).encode(),
            headers={"Content-Type": "application/json"},
            method="PUT",
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            return f"{error}: {error.read().decode(errors='replace')}"
        except (OSError, ValueError) as error:
            return str(error)
        return "" if "protection" in said else json.dumps(said)
