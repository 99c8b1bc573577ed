"""The kinds of work that an entry point does, and their common steps, from a job's source to its manifest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from runtime.events import ObjectEvent
from runtime.placement.placement import Estimate
from runtime.rejection import Reason, Rejected
from runtime.results import Output, source_of
from runtime.work.source import HEAD_BYTES, Source
from runtime.work.work import Progress, Results, Work

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def source_gone() -> Rejected:
    """Return the rejection of a version that was deleted before its job ended."""
    return Rejected(Reason.SOURCE_GONE, "The file was deleted before its processing ended.")


@dataclass(frozen=True, kw_only=True)
class Works:
    """Finds the work for a source and does it.

    Attributes:
        s3: a boto3 client.
        url: base URL of the distribution in front of the output.
        kinds: the first one that recognises a source processes it; if none does, `kinds[0]` rejects it.
        scratch: folder on disk for sources; the system's temporary folder by default.
    """

    s3: "S3Client"
    output: Output
    url: str
    kinds: Sequence[Work]
    scratch: Path | None = None

    def estimate(self, event: ObjectEvent) -> Estimate:
        """Return the estimate for the event's version. Raises what Work.estimate and S3 raise."""
        source = Source(s3=self.s3, event=event)
        return self._of(source).estimate(source)

    def run(
        self,
        event: ObjectEvent,
        *,
        deadline: float = math.inf,
        progress: Progress = lambda _share: None,
        placed: dict[str, Any] | None = None,
    ) -> bool:
        """Do and publish the work for the event's version; False if something newer is already shown.

        placed: where it ran and why, for the manifest.

        Raises what Work.run, S3 and `progress` raise. Before it raises Rejected, it removes what was stored
        (published results only if the source is gone).
        """
        moved = self.output.publish_again(event)
        if moved is None:
            made = self._do(event, deadline, progress)
            moved = self.output.publish(event, {**made, **({"placed": placed} if placed else {})})
        if not self.output.confirm_source(event):
            raise source_gone()
        return moved

    def _do(self, event: ObjectEvent, deadline: float, progress: Progress) -> dict[str, Any]:
        source = Source(s3=self.s3, event=event)
        results = Results(output=self.output, job_id=event.job_id, url=self.url)
        try:
            with TemporaryDirectory(dir=self.scratch) as folder:
                made = self._of(source).run(
                    source, results, folder=Path(folder), deadline=deadline, progress=progress
                )
        except Rejected:
            self.output.discard(event.job_id)
            raise
        return {**made, "source": {**source_of(event), **made.get("source", {})}}

    def _of(self, source: Source) -> Work:
        head = source.read(0, HEAD_BYTES)
        return next((work for work in self.kinds if work.recognises(head)), self.kinds[0])
