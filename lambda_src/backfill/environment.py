"""What the backfill's function is told by its stack."""

from dataclasses import dataclass

from runtime.environment import Environment


@dataclass(frozen=True, kw_only=True)
class BackfillEnvironment(Environment):
    """The pattern that is fed.

    Attributes:
        queue_url: of its uploads.
        job_table: of a pattern that takes jobs off its queue before they are done; others have none.
    """

    source_bucket: str
    output_bucket: str
    queue_url: str
    job_table: str = ""
