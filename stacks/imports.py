"""Import closures of our modules, found by parsing: no code is run."""

import ast
from functools import cache
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).parent.parent
DATA = ("*.toml", "*.json", "*.icc", "*.js", "*.sh")
"""Data files that ship with any module of their package."""


def closure(*modules: str, root: Path = ROOT) -> list[Path]:
    """Return the sorted files of the given modules and of those they import, with their packages' data.

    modules: dotted names; the name of a package stands for its `__main__`. Imports within functions count;
    those for type checkers alone do not. Raises FileNotFoundError when there is no such module.
    """
    found: set[Path] = set()
    todo = [_entry(name, root) for name in modules]
    while todo:
        file = todo.pop()
        if file in found:
            continue
        found.add(file)
        for folder in file.relative_to(root).parents[:-1]:
            todo += [init] if (init := root / folder / "__init__.py").is_file() else []
        for name in _imported(file.read_text()):
            todo += _files(name, root)
    data = {one for file in found for kind in DATA for one in file.parent.glob(kind) if file.parent != root}
    return sorted(found | data)


def _entry(name: str, root: Path) -> Path:
    path = root.joinpath(*name.split("."))
    file = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        raise FileNotFoundError(f"There is no module {name}: {file} does not exist.")
    return file


@cache
def _imported(source: str) -> tuple[str, ...]:
    """Return the dotted names that a file imports; cached, since functions and images share most imports."""
    names: list[str] = []
    todo: list[ast.AST] = [ast.parse(source)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            inner = node.orelse if _is_for_type_checkers(node) else ast.iter_child_nodes(node)
            todo += [child for child in inner if isinstance(child, _MAY_HOLD_IMPORTS)]
    return tuple(names)


_MAY_HOLD_IMPORTS = (ast.stmt, ast.excepthandler, ast.match_case)
"""Syntax nodes to descend into; expressions cannot contain imports."""


def _is_for_type_checkers(node: ast.AST) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@cache
def _files(name: str, root: Path) -> list[Path]:
    path = root.joinpath(*name.split("."))
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
