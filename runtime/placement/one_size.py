"""Whether a job fits a task whose size was chosen beforehand. Pure, like placement.py."""

from dataclasses import dataclass

from runtime.placement.placement import DISK_GIB, MB, SYSTEM_MB, Estimate


@dataclass(frozen=True, kw_only=True)
class TaskSize:
    """The size of every task of a service.

    Attributes:
        disk_gib: ephemeral storage; DISK_GIB and twice the estimate's disk_mb must fit, as in `place`.
        seconds: longest time for one job.
    """

    vcpus: float
    memory_mb: int
    disk_gib: int
    seconds: int

    def refusal(self, found: Estimate) -> str:
        """Return why a job with the estimate `found` does not fit, as a sentence; "" if it fits."""
        bounds = (
            (found.memory_mb + SYSTEM_MB, self.memory_mb, "MB of memory"),
            (DISK_GIB + 2 * found.disk_mb * MB / 2**30, self.disk_gib, "GiB of disk"),
            (found.cpu_seconds / min(found.vcpus, self.vcpus), self.seconds, "seconds"),
        )
        for needed, there, what in bounds:
            if needed > there:
                return f"A {found.subject} needs {needed:,.0f} {what}, and a task has {there:,}."
        return ""
