#!/usr/bin/env python3
"""The stand-in for `docker` that the CDK CLI calls when it deploys into the local AWS (CDK_DOCKER).

Images go into this machine's Docker daemon and to no registry; without a daemon, `build` keeps the build
context for tools/local_aws/emulator/processes.py.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

IMAGES = Path(os.environ["LOCAL_AWS_IMAGES"])


def main(command: str, arguments: Sequence[str]) -> int:
    if command in ("login", "push"):  # the tag is all that the local AWS needs
        return 0
    if os.environ["LOCAL_AWS_CONTAINERS"] == "docker":
        host = ["--network=host"] if command == "build" else []
        return subprocess.run(["docker", command, *host, *arguments]).returncode
    match command:
        case "inspect":
            return 0 if folder(arguments[-1]).is_dir() else 1
        case "build":
            keep(Path(arguments[-1]), arguments[list(arguments).index("--tag") + 1])
        case "tag":
            keep(folder(arguments[0]), arguments[1])
        case _:
            sys.exit(f"docker {command} needs a Docker daemon.")
    return 0


def folder(name: str) -> Path:
    return IMAGES / quote(name, safe="")


def keep(found: Path, name: str) -> None:
    shutil.copytree(found, folder(name), dirs_exist_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
