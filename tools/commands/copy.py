"""`python3 dev.py copy PATTERN FOLDER`: one pattern alone, with its tests, for you to adapt."""

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from app import PATTERNS
from stacks.imports import ROOT
from stacks.settings import Settings, SettingsError
from tools.copying.contents import Contents

README = """# {pattern}

Copied from lambda-or-fargate. With Python 3.11 or newer and Node 22 or newer (`node --version`), this takes
about two minutes plus the time of the tests:

    python3 -m venv .venv && . .venv/bin/activate
    pip install --require-hashes --no-deps --only-binary=:all: -r requirements-build.txt
    pip install --require-hashes --no-deps --no-build-isolation -r requirements.txt
    npm ci && export PATH=$PWD/node_modules/.bin:$PATH
    pytest -m "not slow"    # without -m: all of them
    cdk synth
    cdk deploy --all        # with credentials, a Region, Docker (for containers); cdk bootstrap once before
    cdk destroy --all       # in a sandbox, this deletes all data
{local}
In a new shell, activate .venv and set PATH again. Settings are in cdk.json. What to change to make it
yours: {page}.
"""
LOCAL = """
The tests in tests/local deploy it into a local AWS (docs/local-aws.md). Before the first `pytest`:

    python3 -m venv .ministack
    .ministack/bin/pip install --require-hashes --only-binary=:all: -r tools/local_aws/requirements.txt
    npm ci --prefix tools/local_aws
"""
RUFF = Path(sys.executable).with_name("ruff")
PREFIX = Settings().prefix.encode()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py copy", description=__doc__)
    parser.add_argument("pattern", choices=PATTERNS)
    parser.add_argument("folder", type=Path, help="new or empty")
    parser.add_argument("--name", type=_name, help="prefix of the stacks' names")
    parser.add_argument("--with-local-aws", action="store_true", help="include tests that deploy it locally")
    parser.add_argument("--from", dest="start", type=Path, default=Path(), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    folder = options.start / options.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        print(f"Error: {folder} is a file or is not empty: name a new folder.", file=sys.stderr)
        return 1
    contents = Contents(pattern=options.pattern, with_local_aws=options.with_local_aws)
    files = named(contents.files, options.name) if options.name else contents.files
    local = LOCAL if options.with_local_aws else ""
    readme = README.format(pattern=contents.pattern, page=contents.page, local=local)
    write({**files, "README.md": readme.encode()}, folder)
    print(f"{len(files) + 1} files in {folder}; its README.md says what to do next.")
    print(f"The work to replace is in {contents.work}: {contents.page} says how.")
    return 0


def named(files: dict[str, bytes], name: str) -> dict[str, bytes]:
    """Return the files with `name` in place of the default prefix and of the description in package.json."""
    kinds = (".py", ".md", ".json")
    renamed = {
        path: re.sub(rb"\b%s\b" % PREFIX, name.encode(), content) if path.endswith(kinds) else content
        for path, content in files.items()
    }
    package = re.sub(rb'("description": ").*(")', rb"\g<1>%s\g<2>" % name.encode(), files["package.json"])
    return {**renamed, "package.json": package}


def write(files: dict[str, bytes], folder: Path) -> None:
    """Write the files, remove unused imports, and format the code."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        if (ROOT / name).is_file():
            (folder / name).chmod((ROOT / name).stat().st_mode)
    for command in (("check", "--fix-only", "--select", "F401,I001"), ("format",)):
        subprocess.run([RUFF, *command, "--quiet", "--no-cache", folder], check=True)


def _name(text: str) -> str:
    try:
        return Settings.from_context({"prefix": text}).prefix
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
