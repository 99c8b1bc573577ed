"""Environment variables of the service: docs/image-service.md."""

from dataclasses import dataclass, field

from runtime.environment import Environment
from runtime.imaging.limits import Limits


@dataclass(frozen=True, kw_only=True)
class ServiceEnvironment(Environment):
    """Source of the images, allowed requests, and limits.

    Attributes:
        source_bucket, source_folder: where the images are; exactly one of the two is set.
        metrics_namespace: CloudWatch namespace of the service's metrics.
        public_base_url: base URL of `id` and Link headers.
        trust_forwarded_host: if public_base_url is empty, use https and the host in X-Forwarded-Host; only
            behind a proxy that always sets this header.
        workers: threads that decode and encode; 0 means one per processor.
        queue: maximum number of requests that wait for a worker, and of those that wait for the store.
        deadline_seconds: time limit of a request.
        drain_seconds: how long a stopping service fails readiness before it stops accepting connections.
        cache_mb: cache size for files and decoded images.
        spare_mb: additional memory for files and images that requests hold but the cache does not.
        fresh_seconds: how long a source is served before the store is asked whether it changed.
        max_age_seconds: max-age of an answer; without a version in its URL, at most fresh_seconds.
        formats: allowed output formats; all by default.
        sizes: allowed sizes of whole images and squares, as in URLs; any by default.
        max_width, max_area: largest answer, in pixels.
        max_answer_bytes: largest body of an image; 0 means no limit.
        max_pixels, max_bytes: largest source.
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
