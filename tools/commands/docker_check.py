"""A check of this machine: whether it can build images."""

import os
import shutil
import subprocess

from tools.commands.account_checks import Finding, Level, fine


def docker(cpu: str) -> Finding:
    """Check whether this machine can build images for `cpu`, which patterns with containers require."""
    about, command = "Docker", os.environ.get("CDK_DOCKER", "docker")
    platform = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}[cpu]
    todo = "Patterns with containers build images: install Docker, or name a replacement in CDK_DOCKER."
    if not shutil.which(command):
        return Finding(about=about, level=Level.FAILS, found=f"there is no {command}", todo=todo)
    info = _said(command, "info", "--format", "{{.Architecture}}").strip()
    if not info:
        return Finding(about=about, level=Level.FAILS, found="no daemon answers", todo="Start it.")
    own = {"aarch64": "arm64", "arm64": "arm64"}.get(info, "x86_64")
    if own == cpu or platform in _said(command, "buildx", "inspect"):
        return fine(about, f"builds {platform}{'' if own == cpu else ', by emulation'}")
    todo = (
        f'Put "architecture": "{own}" into cdk.json; or emulate: '
        f"docker run --privileged --rm tonistiigi/binfmt --install {platform.partition('/')[2]}"
    )
    found = f"this {own} machine cannot build {platform}, which the settings require"
    return Finding(about=about, level=Level.FAILS, found=found, todo=todo)


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode else done.stdout
