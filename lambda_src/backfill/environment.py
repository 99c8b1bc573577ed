"""Environment variables of the backfill function, set by its stack."""

from dataclasses import dataclass

from runtime.environment import Environment


@dataclass(frozen=True, kw_only=True)
class BackfillEnvironment(Environment):
    """The pattern to feed.

    Attributes:
        queue_url: URL of the pattern's queue of uploads.
        job_table: table of a pattern that takes jobs off its queue before they are done; "" for others.
    """

    source_bucket: str
    output_bucket: str
    queue_url: str
    job_table: str = ""
