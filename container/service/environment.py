"""Environment variables of the service: docs/image-service.md."""

from dataclasses import dataclass, field

from runtime.environment import Environment
from runtime.imaging.limits import Limits


@dataclass(frozen=True, kw_only=True)
class ServiceEnvironment(Environment):
    """Where the images are, what may be asked for, and what it may take.

    Attributes:
        source_bucket, source_folder: where the images are; exactly one of the two is set.
        metrics_namespace: of what it counts, in CloudWatch.
        public_base_url: the absolute address that `id`, redirects and Link headers begin with.
        trust_forwarded_host: where that is empty, it is https and the host in X-Forwarded-Host: behind a
            proxy that always writes this header, and nowhere else.
        workers: threads that decode and encode; 0 is one per processor.
        queue: requests that may wait for them.
        deadline_seconds: after which a request is given up.
        drain_seconds: for which a stopping service fails readiness and closes each connection.
        cache_mb: of files and decoded images that are kept.
        spare_mb: beyond that, of those that only requests hold.
        fresh_seconds: in which a source is not looked at again.
        max_age_seconds: that caches may keep an answer.
        formats: that are written; all unless given.
        sizes: of whole images and squares, as in URLs; any unless given.
        max_width, max_area: of an answer, in pixels.
        max_answer_bytes: of the body of an image; 0 is no limit.
        max_pixels, max_bytes: of a source.
    """

    source_bucket: str = ""
    source_folder: str = ""
    public_base_url: str = ""
    trust_forwarded_host: bool = False
    metrics_namespace: str = "ImageService"
    host: str = "0.0.0.0"  # noqa: S104 - in a container; tools/commands/service.py says 127.0.0.1
    port: int = 8080
    workers: int = 0
    queue: int = 32
    deadline_seconds: float = field(default=15, metadata={"least": 0.01})
    drain_seconds: float = 3
    cache_mb: int = 512
    spare_mb: int = field(default=256, metadata={"least": 1})
    fresh_seconds: float = 60
    max_age_seconds: int = 3600
    formats: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    max_width: int = field(default=6_000, metadata={"least": 1})
    max_area: int = field(default=20_000_000, metadata={"least": 1})
    max_answer_bytes: int = 0
    max_pixels: int = field(default=Limits.max_pixels, metadata={"least": 1})
    max_bytes: int = field(default=Limits.max_bytes, metadata={"least": 1})
