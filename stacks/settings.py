"""Every choice a deployment has, read from CDK context once: `cdk deploy -c stage=production`."""

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_origin

from runtime.imaging.limits import Limits


class SettingsError(Exception):
    """A setting that is not known, or a value that it cannot have; the message lists what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The defaults are those of a first try in a sandbox account.

    prefix: how the names of all stacks begin; chosen before the first deploy, as stage and zones are.
    stage: sandbox removes everything on destroy; production keeps data.
    architecture: the CPU of every function and container.
    zones: ids of the two availability zones of the network, such as `use1-az1,use1-az2`; the first two of the
        account unless given, which may be zones without VPC origins (docs/real-aws.md).
    egress: how tasks reach AWS; docs/fargate-pattern.md has what each costs.
    flow_logs: of the network, into a bucket.
    waf: a rate limit an address before CloudFront; the Region is then us-east-1.
    max_tasks: how far the service may grow.
    domain, certificate_arn: the service's own name, and its certificate in us-east-1; both or none.
    base_image: what the containers' image is built on; the Dockerfiles say what it needs.
    labels: Amazon Rekognition labels in each manifest, billed by the photo (https://aws.amazon.com/rekognition/pricing/).
    max_pixels, max_bytes: what one upload may have: docs/lambda-pattern.md#limits.
    max_scan_pixels, max_scan_bytes: the same of a scan for tiles, which need not fit in memory.
    spot: first attempts of tasks ask for spare capacity, at a third of the price; it may be taken away.
    max_concurrency: of the function of LambdaPattern, and of the dispatcher; a new account has ten for all
        functions together (quota L-B99A9384).
    alarm_email: who is told when an alarm goes off; nobody while it is empty.
    target: what the functions' packages are made for; `local` is this machine, for tools/local_aws/.
    """

    prefix: str = "lof"
    stage: Literal["sandbox", "production"] = "sandbox"
    architecture: Literal["arm64", "x86_64"] = "arm64"
    zones: str = ""
    egress: Literal["public-ip", "nat", "endpoints"] = "public-ip"
    flow_logs: Literal["off", "on"] = "off"
    waf: Literal["off", "on"] = "off"
    max_tasks: int = 4
    domain: str = ""
    certificate_arn: str = ""
    base_image: str = ""
    labels: Literal["off", "on"] = "off"
    max_pixels: int = Limits.max_pixels
    max_bytes: int = Limits.max_bytes
    max_scan_pixels: int = 10_000_000_000
    max_scan_bytes: int = 50_000_000_000
    spot: Literal["off", "on"] = "off"
    max_concurrency: int = 5
    alarm_email: str = ""
    target: Literal["aws", "local"] = "aws"

    @property
    def is_production(self) -> bool:
        return self.stage == "production"

    def stack_name(self, stack: str) -> str:
        """The name in CloudFormation of a stack of ours, which says its stage where that is production.

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
        """Reads the settings among a CDK app's context; keys with ":" or "/" are the CDK's own.

        Raises SettingsError naming the key and what is allowed.
        """
        ours = {
            key: value for key, value in context.items() if not re.search("[:/]", key) and key not in _CDK
        }
        known = {field.name: field for field in fields(cls)}
        unknown = sorted(ours.keys() - known.keys())
        if unknown:
            raise SettingsError(f"Unknown setting {', '.join(unknown)}. There are: {', '.join(known)}.")
        settings = cls(**{key: _value(key, known[key].type, value) for key, value in ours.items()})
        if settings.labels == "on" and settings.target == "local":
            raise SettingsError(
                "labels=on needs Amazon Rekognition, which the local AWS lacks: leave it off."
            )
        if bool(settings.domain) != bool(settings.certificate_arn):
            raise SettingsError(
                "domain and certificate_arn go together: CloudFront takes no name without its certificate."
            )
        return settings


def _value(key: str, kind: Any, value: Any) -> Any:
    if get_origin(kind) is Literal:
        allowed = get_args(kind)
        if value not in allowed:
            raise SettingsError(f"{key}={value!r} is not possible. Allowed: {', '.join(allowed)}.")
        return value
    if kind is int:
        low, high = _RANGES[key]
        if not re.fullmatch(r"\d+", str(value)) or not low <= int(value) <= high:
            raise SettingsError(
                f"{key}={value!r} is not possible. Allowed: whole numbers from {low:,} to {high:,}."
            )
        return int(value)
    pattern, described = _TEXTS[key]
    nothing = "" if key in _NEEDED else ", or nothing"
    if (value or key in _NEEDED) and not re.fullmatch(pattern, str(value)):
        raise SettingsError(f"{key}={value!r} is not possible. Allowed: {described}{nothing}.")
    return str(value)


# Keys that the CDK CLI keeps in the context without a prefix.
_CDK = {"acknowledged-issue-numbers", "cli-telemetry"}
# The upper ends are what the function's 1,769 MB can hold: docs/lambda-pattern.md#limits
_RANGES = {
    "max_concurrency": (2, 1000),
    "max_pixels": (1, Limits.max_pixels),
    "max_bytes": (1, Limits.max_bytes),
    "max_scan_pixels": (1, 10_000_000_000),
    "max_scan_bytes": (1, 80_000_000_000),  # twice that, and some, must fit on a task's 200 GiB
    "max_tasks": (2, 1000),
}
_NEEDED = {"prefix"}
_TEXTS = {
    "prefix": (r"[a-z][a-z0-9]{1,9}", "2 to 10 lowercase letters and digits that begin with a letter"),
    "zones": (
        r"([a-z]{3,5}\d-az\d),(?!\1$)[a-z]{3,5}\d-az\d",
        "the ids of two different availability zones, such as use1-az1,use1-az2",
    ),
    "alarm_email": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
    "domain": (r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", "a name such as images.example.com"),
    "certificate_arn": (
        r"arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate/[0-9a-f-]+",
        "the ARN of a certificate in us-east-1, where CloudFront looks",
    ),
    "base_image": (r"[a-z0-9][a-z0-9._/:@-]*", "the name of an image"),
}
