"""The kinds of work that dispatcher and worker contain, and their configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

from container import worker, worker_videos
from lambda_src import dispatcher, dispatcher_videos
from runtime.work.environment import ScanEnvironment, VideoEnvironment
from stacks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Works:
    """Entry points that register the kinds of work: `lambda_src/{dispatcher}` and `container/{worker}`.

    variables: environment variables with the kinds' limits. text: the kinds in words, for descriptions.
    """

    dispatcher: str
    worker: str
    variables: Mapping[str, str]
    text: str


def works(settings: Settings) -> Works:
    """Return the entry points for scans, or for scans and videos; a kind that is off is not shipped."""
    scans = ScanEnvironment(max_pixels=settings.max_scan_pixels, max_bytes=settings.max_scan_bytes)
    if settings.videos == "off":
        return Works(
            dispatcher=_name(dispatcher), worker=_name(worker), variables=scans.as_variables(), text="scan"
        )
    videos = VideoEnvironment(
        max_video_seconds=settings.max_video_seconds, max_video_bytes=settings.max_video_bytes
    )
    return Works(
        dispatcher=_name(dispatcher_videos),
        worker=_name(worker_videos),
        variables={**scans.as_variables(), **videos.as_variables()},
        text="scan or video",
    )


def _name(entry_point: ModuleType) -> str:
    """Return the name of the entry point's folder, which names its package or image."""
    return entry_point.__name__.rpartition(".")[2]
