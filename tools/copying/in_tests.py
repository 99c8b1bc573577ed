"""Which files of tests/ belong to a copy: those that its remaining tests use."""

import ast
from pathlib import Path

from stacks.imports import ROOT
from tools.copying import python_source


def files_of(module: str) -> list[str]:
    path = module.replace(".", "/")
    return [name for name in (f"{path}.py", f"{path}/__init__.py") if (ROOT / name).is_file()]


def is_there(name: str, tests: dict[str, str]) -> bool:
    """Return whether a dotted name is a module in `tests`, a folder, or defined in a module in `tests`."""
    module, _, within = name.rpartition(".")
    if {*files_of(name)} & {*tests} or (ROOT / name.replace(".", "/")).is_dir():
        return True
    return any(within in python_source.defined(tests[file]) for file in files_of(module) if file in tests)


def is_used(name: str, text: str) -> bool:
    return not Path(name).name.startswith("test_") or python_source.has_tests(text)


def reachable(files: dict[str, str]) -> dict[str, str]:
    """Return tests, what they import from tests/ or name by path, and their packages and conftests."""
    todo = [name for name in files if Path(name).name.startswith("test_")]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name in found or name not in files:
            continue
        found.add(name)
        for folder in Path(name).parents:
            todo += [str(folder / "__init__.py"), str(folder / "conftest.py")]
        for node in ast.walk(ast.parse(files[name])):
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
                todo += [file for module in modules for file in files_of(module)]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):  # a script, by its path
                todo += [node.value, str(Path(name).parent / node.value)]
    return {name: files[name] for name in sorted(found)}
