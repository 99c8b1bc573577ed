"""The structure of the tree: imports go downwards, and files are short."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS: dict[str, set[str]] = {
    "runtime": set(),
    "container": {"runtime"},
    "lambda_src": {"runtime", "container"},
    "chooser": {"runtime"},
    "stacks": {"runtime", "lambda_src", "container", "chooser"},
    "app": {"stacks"},
    "examples": {"stacks", "lambda_src", "container", "runtime"},
    "tools": {"app", "stacks", "lambda_src", "container", "runtime", "chooser"},
}
"""What each layer may import besides itself; tests and bench may import everything.

lambda_src may import container because one function runs the image service, a container's application.
"""
FILES = {layer: sorted(ROOT.glob(f"{layer}/**/*.py")) or [ROOT / f"{layer}.py"] for layer in LAYERS}
WITHIN_RUNTIME = {
    "imaging": {"deadline", "rejection"},
    "placement": set(),
    "jobs": {"contention", "environment", "events", "exits", "placement", "results"},
}
"""What some packages of runtime/, which must stay independent, may import from the rest of it."""


def imported(file: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports; `from a import b` gives a.b."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(file: Path) -> set[tuple[str, ...]]:
    names = {tuple(name.split(".")) for name in imported(file)}
    return {name for name in names if name[0] in {*LAYERS, "tests", "bench", "dev"}}


def test_only_lambda_src_iiif_imports_from_container() -> None:
    those = {
        str(file.parent.relative_to(ROOT))
        for file in FILES["lambda_src"]
        for name in ours(file)
        if name[0] == "container"
    }
    assert those == {"lambda_src/iiif"}


@pytest.mark.parametrize("layer", LAYERS)
def test_no_import_goes_upwards(layer: str) -> None:
    assert FILES[layer]
    upwards = {
        (str(file.relative_to(ROOT)), ".".join(name))
        for file in FILES[layer]
        for name in ours(file)
        if name[0] not in {layer, *LAYERS[layer]}
    }
    assert upwards == set()


def test_no_patterns_folder_imports_anothers() -> None:
    patterns = {path.parent.name for path in ROOT.glob("stacks/*/stack.py")}
    assert len(patterns) >= 3
    others = {
        (str(file.relative_to(ROOT)), name[1])
        for pattern in patterns
        for file in ROOT.glob(f"stacks/{pattern}/*.py")
        for name in ours(file)
        if name[0] == "stacks" and name[1] in patterns - {pattern}
    }
    shared = {
        (str(file.relative_to(ROOT)), name[1])
        for file in ROOT.glob("stacks/constructs/*.py")
        for name in ours(file)
        if name[0] == "stacks" and name[1] in patterns
    }
    assert others | shared == set()


def test_the_chooser_imports_only_the_limits_from_elsewhere() -> None:
    names = {name[:3] for file in FILES["chooser"] for name in ours(file) if name[0] != "chooser"}
    assert names == {("runtime", "placement", "limits")}


@pytest.mark.parametrize("package", WITHIN_RUNTIME)
def test_the_packages_of_runtime_import_only_those_that_are_listed(package: str) -> None:
    names = {name[1] for file in ROOT.glob(f"runtime/{package}/**/*.py") for name in ours(file)}
    assert names <= {package, *WITHIN_RUNTIME[package]}


def test_every_construct_is_used_by_at_least_two_patterns() -> None:
    users: dict[str, set[str]] = {path.stem: set() for path in ROOT.glob("stacks/constructs/[!_]*.py")}
    files = {file: file.relative_to(ROOT / "stacks").parts[0] for file in ROOT.glob("stacks/**/*.py")}
    direct = {
        file: {name[2] for name in ours(file) if name[:2] == ("stacks", "constructs")} for file in files
    }
    for file, folder in files.items():
        if folder == "constructs":
            continue
        todo = [*direct[file]]
        while todo:
            construct = todo.pop()
            if folder not in users[construct]:
                users[construct].add(folder)
                todo += direct[ROOT / "stacks" / "constructs" / f"{construct}.py"]
    assert {name: who for name, who in users.items() if len(who) < 2} == {}


def test_no_file_is_longer_than_its_limit() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text().splitlines())
        for folder in (*LAYERS, "tests", "bench")
        for file in (ROOT.glob(f"{folder}/**/*.py") if (ROOT / folder).is_dir() else [ROOT / f"{folder}.py"])
    }
    allowed = dict.fromkeys(lengths, 300)
    allowed |= {name: 150 for name in lengths if name.startswith("stacks/") and name.count("/") > 1}
    allowed |= {name: 80 for name in lengths if name.endswith("/stack.py")} | {"app.py": 40}
    assert {name: length for name, length in lengths.items() if length > allowed[name]} == {}
