"""The one image of service and worker, built by the CDK CLI when it deploys."""

from pathlib import Path

import aws_cdk.aws_ecr_assets as ecr_assets
import aws_cdk.aws_ecs as ecs

from stacks.settings import Settings

ROOT = Path(__file__).parents[2]
PLATFORMS = {"arm64": ecr_assets.Platform.LINUX_ARM64, "x86_64": ecr_assets.Platform.LINUX_AMD64}
CPUS = {"arm64": ecs.CpuArchitecture.ARM64, "x86_64": ecs.CpuArchitecture.X86_64}
USER = "10001:10001"
"""As container/Dockerfile makes it, without a name and without rights."""
SCRATCH = "/scratch"


def image(settings: Settings) -> ecs.ContainerImage:
    """container/Dockerfile for the architecture of the settings; its context is the list in .dockerignore."""
    return ecs.ContainerImage.from_asset(
        str(ROOT),
        file="container/Dockerfile",
        platform=PLATFORMS[settings.cpu],
        build_args={"BASE": settings.base_image} if settings.base_image else None,
        asset_name="containers",
    )


def runtime_platform(settings: Settings) -> ecs.RuntimePlatform:
    """The same architecture for the task, or it ends with an exec format error."""
    return ecs.RuntimePlatform(
        cpu_architecture=CPUS[settings.cpu], operating_system_family=ecs.OperatingSystemFamily.LINUX
    )
