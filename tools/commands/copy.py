"""`python3 dev.py copy LambdaPattern FOLDER`: one pattern alone, with its tests, to be made one's own."""

import argparse
import ast
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from app import STACKS
from stacks.imports import DATA
from tools.local_aws.aws import ROOT

PATTERN = "LambdaPattern"
OTHERS = tuple(stack for stack in STACKS if stack != PATTERN)
ROOTS = ("app.py", "lambda_src/renditions/handler.py", "stacks/bundling.py", "tests/conftest.py")
TESTS = (
    *(
        "unit/runtime/test_results.py",
        "unit/lambda_src/renditions/test_handler.py",
        "unit/lambda_src/renditions/test_job.py",
        "unit/runtime/imaging/test_probe.py",
    ),
    *(
        "unit/runtime/imaging/test_renditions.py",
        "unit/runtime/test_slim_s3.py",
        "unit/runtime/test_slim_s3_answers.py",
        "unit/runtime/test_events.py",
        "unit/stacks/test_settings.py",
    ),
    *("synth/test_lambda_pattern.py", "synth/test_bundling.py"),
)
FILES = (
    *("docs/runbooks.md", "docs/contract.md", "docs/lambda-pattern.md"),
    *(".gitignore", ".npmrc", "LICENSE", "THIRD_PARTY_NOTICES.md", "cdk.json", "pyproject.toml"),
    *("package.json", "package-lock.json", "requirements.txt", "requirements-build.txt"),
    *(
        "stacks/compile.mjs",
        "lambda_src/renditions/requirements.txt",
        "lambda_src/renditions/requirements.in",
    ),
)
"""What no import names."""
README = """# {pattern}

Copied from lambda-or-fargate. With Python 3.11 and Node 22 or newer:

    python3 -m venv .venv && . .venv/bin/activate
    pip install --require-hashes --no-deps --only-binary=:all: -r requirements-build.txt
    pip install --require-hashes --no-deps --no-build-isolation -r requirements.txt
    npm ci && export PATH=$PWD/node_modules/.bin:$PATH
    pytest          # a minute
    cdk synth
    cdk deploy      # with credentials and a Region; cdk bootstrap once before
    cdk destroy     # in a sandbox with everything that is in it

Settings are in cdk.json; those of the other patterns (egress, domain, waf, spot, ...) change nothing
here. Yours to change is the work: runtime/imaging/, and lambda_src/renditions/job.py, which calls it.
Alarms and comments refer to docs/.
"""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py copy", description=__doc__)
    parser.add_argument("pattern", choices=(PATTERN,))
    parser.add_argument("folder", type=Path, help="new or empty")
    parser.add_argument("--from", dest="start", type=Path, default=Path(), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    folder = options.start / options.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        print(f"Error: {folder} is not empty: name a new folder.", file=sys.stderr)
        return 1
    copied = copy(folder)
    print(f"{len(copied)} files in {folder}; its README.md says how to go on.")
    return 0


def copy(folder: Path) -> list[str]:
    """Copies the pattern, all that it imports and its tests; returns the files."""
    found = sorted({*FILES, *closure([*ROOTS, *(f"tests/{name}" for name in TESTS)])})
    for name in found:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "app.py").write_text(alone((ROOT / "app.py").read_text()))
    (folder / "README.md").write_text(README.format(pattern=PATTERN))
    return found


def closure(names: Sequence[str]) -> set[str]:
    """Files of ours that some files import, and so on, with the packages that they are in and their data."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        text = (ROOT / name).read_text()
        todo += _imported(ast.parse(alone(text) if name == "app.py" else text))
        for package in Path(name).parents:
            if (ROOT / package / "__init__.py").is_file():
                todo.append(str(package / "__init__.py"))
            if (ROOT / package / "conftest.py").is_file():
                todo.append(str(package / "conftest.py"))
    packages = {Path(name).parent for name in found} - {Path()}
    data = (file for package in packages for kind in DATA for file in (ROOT / package).glob(kind))
    return found | {str(file.relative_to(ROOT)) for file in data}


def alone(app: str) -> str:
    """app.py with the one pattern."""
    names = "|".join(OTHERS)
    others = re.compile(rf"\b({names})\(|import ({names})$")
    alone = "\n".join(line for line in app.splitlines() if not others.search(line)) + "\n"
    alone = re.sub(r"^PATTERNS = .*$", f'PATTERNS = ("{PATTERN}",)', alone, flags=re.MULTILINE)
    return re.sub(r"^STACKS = .*$", "STACKS = PATTERNS", alone, flags=re.MULTILINE)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (file for alias in node.names for file in _files(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from _files(node.module)
            yield from (file for alias in node.names for file in _files(f"{node.module}.{alias.name}"))


def _files(module: str) -> Iterator[str]:
    path = module.replace(".", "/")
    for name in (f"{path}.py", f"{path}/__init__.py"):
        if (ROOT / name).is_file():
            yield name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
