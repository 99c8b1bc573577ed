"""Every setting of a deployment, read once from the CDK context: `cdk deploy -c stage=production`."""

import platform
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, get_args, get_origin

from runtime.imaging.limits import Limits


class SettingsError(Exception):
    """Raised for an unknown setting or an invalid value; the message lists what is allowed."""


def number(default: int, *, least: int = 1, most: int) -> Any:
    """Return a field for whole numbers in a range."""
    return field(default=default, metadata={"least": least, "most": most})


def text(pattern: str, allowed: str, *, default: str = "", goes_with: str = "") -> Any:
    """Return a field for text that matches a pattern; if the default is empty, the text may be empty too.

    allowed: the pattern in words. goes_with: another setting that must be given too.
    """
    return field(default=default, metadata={"pattern": pattern, "allowed": allowed, "goes_with": goes_with})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings; the defaults suit a first try in a sandbox account."""

    prefix: str = text(
        r"[a-z][a-z0-9]{1,9}",
        "2 to 10 lowercase letters and digits that begin with a letter",
        default="lof",
    )
    """First part of every stack's name; like stage and zones, to be chosen before the first deploy."""
    stage: Literal["sandbox", "production"] = "sandbox"
    """sandbox deletes everything on destroy; production keeps data."""
    architecture: Literal["arm64", "x86_64"] = "arm64"
    """CPU architecture of every function and container."""
    zones: str = text(
        r"([a-z]{3,5}\d-az\d),(?!\1$)[a-z]{3,5}\d-az\d",
        "the ids of two different Availability Zones, such as use1-az1,use1-az2",
    )
    """Availability Zones of the network; by default the account's first two, which may lack VPC origins."""
    egress: Literal["public-ip", "nat", "endpoints"] = "public-ip"
    """How tasks reach AWS: from a public IP address, through a NAT gateway or through interface endpoints."""
    flow_logs: Literal["off", "on"] = "off"
    """Whether the network's VPC flow logs are written to a bucket."""
    waf: Literal["off", "on"] = "off"
    """An AWS WAF rate limit per IP address, on each of the image service's distributions; us-east-1 only."""
    max_tasks: int = number(4, least=2, most=1000)
    """Maximum number of tasks of each service."""
    domain: str = text(
        r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}",
        "a name such as images.example.com",
        goes_with="certificate_arn",
    )
    """Custom domain of FargatePattern's service; requires certificate_arn."""
    certificate_arn: str = text(
        r"arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate/[0-9a-f-]+",
        "the ARN of a certificate in us-east-1, where CloudFront looks",
        goes_with="domain",
    )
    """Certificate of the custom domain."""
    deployments: Literal["rolling", "canary"] = "rolling"
    """How FargatePattern deploys: rolling, or as a canary with a tenth of the requests, watched by alarms."""
    base_image: str = text(r"[a-z0-9][a-z0-9._/:@-]*", "the name of an image")
    """Base image of the containers; the Dockerfiles say what it needs."""
    labels: Literal["off", "on"] = "off"
    """Amazon Rekognition labels in each photo's manifest, billed per photo:
    https://aws.amazon.com/rekognition/pricing/
    """
    max_pixels: int = number(Limits.max_pixels, most=Limits.max_pixels)
    """Maximum pixels of any image but a scan; at most what 1,769 MB can hold (runtime/imaging/limits.py)."""
    max_bytes: int = number(Limits.max_bytes, most=Limits.max_bytes)
    """Maximum file size of any image but a scan."""
    max_scan_pixels: int = number(10_000_000_000, most=10_000_000_000)
    """Maximum pixels of a scan that becomes tiles; its pixels need not fit in memory."""
    max_scan_bytes: int = number(50_000_000_000, most=80_000_000_000)
    """Maximum file size of a scan; a task's 200 GiB must hold somewhat more than twice as much."""
    videos: Literal["off", "on"] = "off"
    """Whether HybridPattern also processes videos, with an FFmpeg that is under the GPL (x264 and x265)."""
    max_video_seconds: int = number(3600, most=7200)
    """Maximum duration of a video; two hours at the highest bit rate still fit into one PUT of 5 GiB."""
    max_video_bytes: int = number(20_000_000_000, most=80_000_000_000)
    """Maximum file size of a video."""
    warm: Literal["off", "provisioned", "snapstart"] = "off"
    """Fewer or shorter cold starts for LambdaService: provisioned concurrency, or SnapStart."""
    stream: Literal["provisioned", "on-demand"] = "provisioned"
    """Capacity of StreamPattern's stream: one shard, or on demand, which costs more even when idle."""
    views: Literal["off", "on"] = "off"
    """Whether CloudFront's real-time logs tell StreamPattern of each request for an image or a tile."""
    spot: Literal["off", "on"] = "off"
    """Whether HybridPattern's first attempts request Fargate Spot, at about a third of the price.

    Spot tasks may be interrupted; without Spot capacity, the attempt runs on demand.
    """
    max_concurrency: int = number(4, least=2, most=1000)
    """Maximum concurrency of each function that reads uploads.

    A new account has ten concurrent executions in all (quota L-B99A9384).
    """
    exec: Literal["off", "on"] = "off"
    """ECS Exec: whoever may call it gets a shell in a running task; sessions are logged."""
    alarm_email: str = text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")
    """Email address that alarms notify; if empty, they notify nobody."""
    target: Literal["aws", "local"] = "aws"
    """What function packages are built for; `local` is this machine, for tools/local_aws/."""

    @property
    def is_production(self) -> bool:
        """Whether data is retained and stacks are protected."""
        return self.stage == "production"

    def stack_name(self, stack: str) -> str:
        """Return the CloudFormation name of one of our stacks, which includes the stage in production.

        Production and a sandbox are thus different stacks: a forgotten `-c stage=production` cannot change
        production.
        """
        stage = "-production" if self.is_production else ""
        return f"{self.prefix}{stage}-{stack}"

    @property
    def zone_ids(self) -> tuple[str, ...]:
        """The chosen zone ids; empty for the account's first two zones."""
        return tuple(self.zones.split(",")) if self.zones else ()

    @property
    def cpu(self) -> str:
        """CPU architecture of containers: this machine's on the local AWS, which emulates no other."""
        machine = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
        return machine if self.target == "local" else self.architecture

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> "Settings":
        """Read the settings from a CDK app's context; keys with ":" or "/" are the CDK's own.

        Raises SettingsError naming the key and what is allowed.
        """
        ours = {
            key: value for key, value in context.items() if not re.search("[:/]", key) and key not in _CDK
        }
        known = {field.name: field for field in fields(cls)}
        unknown = sorted(ours.keys() - known.keys())
        if unknown:
            raise SettingsError(f"Unknown setting {', '.join(unknown)}. There are: {', '.join(known)}.")
        settings = cls(**{key: _value(known[key], value) for key, value in ours.items()})
        for setting in known.values():
            _refuse_together(settings, setting)
        return settings


_CDK = {"acknowledged-issue-numbers", "cli-telemetry"}
"""Unprefixed context keys of the CDK CLI."""


def _refuse_together(settings: Settings, setting: "Field[Any]") -> None:
    value, other = getattr(settings, setting.name), setting.metadata.get("goes_with")
    if other and value and not getattr(settings, other):
        raise SettingsError(f"{setting.name} and {other} go together: give both, or neither.")


def _value(setting: "Field[Any]", value: Any) -> Any:
    rule = setting.metadata
    if get_origin(setting.type) is Literal:
        possible: object = value in get_args(setting.type)
        allowed = ", ".join(get_args(setting.type))
    elif setting.type is int:
        possible = re.fullmatch(r"\d+", str(value)) and rule["least"] <= int(value) <= rule["most"]
        allowed = f"whole numbers from {rule['least']:,} to {rule['most']:,}"
    else:
        optional = setting.default == ""
        possible = (optional and not value) or re.fullmatch(rule["pattern"], str(value))
        allowed = rule["allowed"] + (", or nothing" if optional else "")
    if not possible:
        raise SettingsError(f"Invalid value {setting.name}={value!r}. Allowed: {allowed}.")
    return int(value) if setting.type is int else str(value or "")
