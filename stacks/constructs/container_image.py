"""Container images, built by the CDK CLI at deploy time."""

import aws_cdk.aws_ecr_assets as ecr_assets
import aws_cdk.aws_ecs as ecs

from stacks.bundling import context
from stacks.settings import Settings

PLATFORMS = {"arm64": ecr_assets.Platform.LINUX_ARM64, "x86_64": ecr_assets.Platform.LINUX_AMD64}
CPUS = {"arm64": ecs.CpuArchitecture.ARM64, "x86_64": ecs.CpuArchitecture.X86_64}
USER = "10001:10001"
"""The unprivileged user, without a name, that containers run as; the Dockerfiles set the same one."""
SCRATCH = "/scratch"


def container_image(name: str, *modules: str, settings: Settings) -> ecs.ContainerImage:
    """Return the image of `container/{name}/Dockerfile`, built for the architecture of the settings.

    modules: modules that run in the container in addition to `container.{name}`.
    """
    return ecs.ContainerImage.from_asset(
        str(context(name, *modules)),
        file=f"container/{name}/Dockerfile",
        platform=PLATFORMS[settings.cpu],
        build_args={"BASE": settings.base_image} if settings.base_image else None,
        asset_name=name,
    )


def runtime_platform(settings: Settings) -> ecs.RuntimePlatform:
    """Return the platform that the image was built for; on another, tasks end with an exec format error."""
    return ecs.RuntimePlatform(
        cpu_architecture=CPUS[settings.cpu], operating_system_family=ecs.OperatingSystemFamily.LINUX
    )
