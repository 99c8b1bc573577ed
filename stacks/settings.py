"""Every choice a deployment has, read from CDK context once: `cdk deploy -c stage=production`."""

import platform
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, get_args, get_origin

from runtime.imaging.limits import Limits


class SettingsError(Exception):
    """A setting that is not known, or a value that it cannot have; the message lists what is allowed."""


def number(default: int, *, least: int = 1, most: int) -> Any:
    """Return a field for whole numbers between the two."""
    return field(default=default, metadata={"least": least, "most": most})


def text(pattern: str, allowed: str, *, default: str = "", goes_with: str = "") -> Any:
    """Return a field for texts that match; empty as well, where that is the default.

    allowed: the same in words. goes_with: another setting that has to be given with it, and why.
    """
    return field(default=default, metadata={"pattern": pattern, "allowed": allowed, "goes_with": goes_with})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The defaults are those of a first try in a sandbox account."""

    prefix: str = text(
        r"[a-z][a-z0-9]{1,9}",
        "2 to 10 lowercase letters and digits that begin with a letter",
        default="lof",
    )
    """How the names of all stacks begin; chosen before the first deploy, as stage and zones are."""
    stage: Literal["sandbox", "production"] = "sandbox"
    """sandbox removes everything on destroy; production keeps data."""
    architecture: Literal["arm64", "x86_64"] = "arm64"
    """The CPU of every function and container."""
    zones: str = text(
        r"([a-z]{3,5}\d-az\d),(?!\1$)[a-z]{3,5}\d-az\d",
        "the ids of two different availability zones, such as use1-az1,use1-az2",
    )
    """Of the network; the first two of the account unless given, which may be without VPC origins."""
    egress: Literal["public-ip", "nat", "endpoints"] = "public-ip"
    """How tasks reach AWS: from a public IP address, by a NAT gateway, or by interface endpoints."""
    flow_logs: Literal["off", "on"] = "off"
    """Of the network, into a bucket."""
    waf: Literal["off", "on"] = "off"
    """A rate limit an address before CloudFront; the Region is then us-east-1."""
    max_tasks: int = number(4, least=2, most=1000)
    """How far the service may grow."""
    domain: str = text(
        r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}",
        "a name such as images.example.com",
        goes_with="certificate_arn",
    )
    """The service's own name; it goes with certificate_arn."""
    certificate_arn: str = text(
        r"arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate/[0-9a-f-]+",
        "the ARN of a certificate in us-east-1, where CloudFront looks",
        goes_with="domain",
    )
    """Of the domain."""
    deployments: Literal["rolling", "canary"] = "rolling"
    """Of FargatePattern: task by task, or a tenth of the requests first, and back if an alarm goes off."""
    base_image: str = text(r"[a-z0-9][a-z0-9._/:@-]*", "the name of an image")
    """What the containers' image is built on; the Dockerfiles say what it needs."""
    labels: Literal["off", "on"] = "off"
    """Amazon Rekognition labels in each manifest, billed by the photo (https://aws.amazon.com/rekognition/pricing/)"""
    max_pixels: int = number(Limits.max_pixels, most=Limits.max_pixels)
    """What one upload may have; at most what 1,769 MB hold (runtime/imaging/limits.py)."""
    max_bytes: int = number(Limits.max_bytes, most=Limits.max_bytes)
    """The same of its file."""
    max_scan_pixels: int = number(10_000_000_000, most=10_000_000_000)
    """The same of a scan for tiles, which need not fit in memory."""
    max_scan_bytes: int = number(50_000_000_000, most=80_000_000_000)
    """At most so much that twice that, and some, fit on a task's 200 GiB."""
    videos: Literal["off", "on"] = "off"
    """Videos are worked on as well as scans, by FFmpeg with x264 and x265, which are under the GPL."""
    max_video_seconds: int = number(3600, most=7200)
    """What a video may last; two hours at 1080p are as much as one PUT stores."""
    max_video_bytes: int = number(20_000_000_000, most=80_000_000_000)
    """The same of its file."""
    warm: Literal["off", "provisioned", "snapstart"] = "off"
    """LambdaService with fewer cold starts: an environment kept ready, or a snapshot of a started one."""
    stream: Literal["provisioned", "on-demand"] = "provisioned"
    """Of StreamPattern: one shard, or as many as it takes, which costs more even when idle."""
    views: Literal["off", "on"] = "off"
    """CloudFront tells StreamPattern of each request for an image or a tile, by its real-time logs."""
    spot: Literal["off", "on"] = "off"
    """First attempts of tasks ask for spare capacity, at a third of the price; it may be taken away."""
    max_concurrency: int = number(4, least=2, most=1000)
    """Maximum concurrency of each function that reads uploads; a new account has ten concurrent executions
    in all (quota L-B99A9384).

    Two functions at the default, and one execution for a stream's shard, leave one for the tracker.
    """
    exec: Literal["off", "on"] = "off"
    """ECS Exec: whoever may call it gets a shell in a running task, and all of it is logged."""
    alarm_email: str = text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")
    """Who is told when an alarm goes off; nobody while it is empty."""
    target: Literal["aws", "local"] = "aws"
    """What the functions' packages are made for; `local` is this machine, for tools/local_aws/."""

    @property
    def is_production(self) -> bool:
        """Whether data is retained and stacks are protected."""
        return self.stage == "production"

    def stack_name(self, stack: str) -> str:
        """Return the name in CloudFormation of a stack of ours, which names its stage in production.

        So production and a sandbox are different stacks, and to forget a flag touches neither.
        """
        stage = "-production" if self.is_production else ""
        return f"{self.prefix}{stage}-{stack}"

    @property
    def zone_ids(self) -> tuple[str, ...]:
        """None where the account's first two will do."""
        return tuple(self.zones.split(",")) if self.zones else ()

    @property
    def cpu(self) -> str:
        """The architecture of containers: this machine's for the local AWS, which emulates none."""
        machine = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
        return machine if self.target == "local" else self.architecture

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> "Settings":
        """Read the settings among a CDK app's context; keys with ":" or "/" are the CDK's own.

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
"""Keys that the CDK CLI keeps in the context without a prefix."""


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
