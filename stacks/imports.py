"""What a module of ours imports, and what that imports, by reading the source: nothing is run."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
DATA = ("*.toml", "*.json", "*.icc")
"""Files that a package reads: they come with any of its modules."""


def closure(*modules: str, root: Path = ROOT) -> list[Path]:
    """The files of all modules of ours that some modules need, sorted, with their packages' data.

    modules: dotted names, of a package for its `__main__`. Imports within functions count; those for type
    checkers alone do not. Raises FileNotFoundError when there is no such module.
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
        for name in _imported(ast.parse(file.read_text()).body):
            todo += _files(name, root)
    data = {one for file in found for kind in DATA for one in file.parent.glob(kind) if file.parent != root}
    return sorted(found | data)


def _entry(name: str, root: Path) -> Path:
    path = root.joinpath(*name.split("."))
    file = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        raise FileNotFoundError(f"There is no module {name}: {file} does not exist.")
    return file


def _imported(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        for node in ast.walk(_without_type_checking(statement)):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _without_type_checking(statement: ast.stmt) -> ast.AST:
    skipped = isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"
    return ast.Pass() if skipped else statement


def _files(name: str, root: Path) -> list[Path]:
    path = root.joinpath(*name.split("."))
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
