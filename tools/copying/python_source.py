"""Python source without what a copy leaves behind: imports, table rows, settings, and what needs them."""

import ast
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

_Placed = ast.expr | ast.alias


@dataclass(kw_only=True)
class Cut:
    """What is left behind.

    missing: returns whether a dotted name is a module that is not copied.
    names: names of what is left behind, as keys of tables, elements of lists and fields of settings.
    mentions: returns whether a statement's source mentions anything else that is left behind.
    settings: the class whose fields may be among the names.
    fixtures: pytest fixtures left behind, which no module imports; `apply` adds those that it removes.
    """

    missing: Callable[[str], bool]
    names: Container[str]
    mentions: Callable[[str], bool] = lambda _: False
    settings: str = ""
    fixtures: set[str] = field(default_factory=set)

    def apply(self, source: str, *, within: Sequence[str] = ()) -> str:
        """Return the source without what is left behind.

        within: functions that may lose single statements; any other function is kept or removed whole.
        """
        gone = {
            alias.asname or alias.name
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if self._is_missing(node, alias)
        }
        source = self._without_rows(source)
        tree, lines = ast.parse(source), source.splitlines(keepends=True)
        fixtures = self.fixtures - {name for node in tree.body for name in _binds(node)}
        spans: list[tuple[int, int]] = []
        composed = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in within)
        for body in (tree.body, *(node.body for node in composed)):
            kept = list(body)
            while lost := [node for node in kept if self._goes(node, lines, gone, fixtures, within)]:
                for node in lost:
                    kept.remove(node)
                    gone |= set(_binds(node))
                    self.fixtures |= {name for name in _binds(node) if _is_fixture(node)}
                    spans += [_lines(node, body)]
        return _without_lines(source, spans)

    def _goes(
        self, node: ast.stmt, source: list[str], gone: set[str], fixtures: set[str], within: Sequence[str]
    ) -> bool:
        if isinstance(node, ast.Import | ast.ImportFrom):
            return self._is_missing_import(node)
        if isinstance(node, ast.FunctionDef) and node.name in within:
            return False
        first, last = _lines(node, [node])
        text = "".join(source[first:last])
        return bool(_reads(node) & gone or _asks_for(node) & fixtures) or self.mentions(text)

    def _is_missing_import(self, node: ast.Import | ast.ImportFrom) -> bool:
        if isinstance(node, ast.Import):
            return any(self.missing(alias.name) for alias in node.names)
        return all(self._is_missing(node, alias) for alias in node.names)

    def _is_missing(self, node: ast.ImportFrom, alias: ast.alias) -> bool:
        return self.missing(node.module or "") or self.missing(f"{node.module}.{alias.name}")

    def _without_rows(self, source: str) -> str:
        """Remove dictionary entries; elements of tuples, lists and sets; imported names; and settings.

        An entry (by its key) or an element is removed if it is in `names` or mentions something left behind,
        an imported name if it is missing, and a field of `settings` if it is in `names`. Of functions, only
        decorators are searched, so that `parametrize` may lose single cases; a function whose body mentions
        something left behind is removed whole by `apply`.
        """
        spans: list[tuple[int, int]] = []
        # Ends of the last elements of tuples that keep only one: the comma may be missing there.
        alone: list[int] = []
        starts, text = _starts(source), source.encode()

        def written(node: ast.expr) -> str:
            return text[_offset(node, starts) : _end(node, starts)].decode()

        for node in _outside_of_functions(ast.parse(source)):
            if isinstance(node, ast.Dict):
                pairs = zip(node.keys, node.values, strict=True)
                rows = [(key or value, value, self._is_left(key, written)) for key, value in pairs]
                spans += _rows(rows, starts, text)
            elif isinstance(node, ast.Tuple | ast.List | ast.Set):
                rows = [(one, one, self._is_left(one, written)) for one in node.elts]
                spans += _rows(rows, starts, text)
                if isinstance(node, ast.Tuple) and [goes for *_, goes in rows if not goes] == [False]:
                    alone.append(_end(node.elts[-1], starts))
            elif isinstance(node, ast.ImportFrom) and not self._is_missing_import(node):
                spans += _rows([(one, one, self._is_missing(node, one)) for one in node.names], starts, text)
            elif isinstance(node, ast.ClassDef) and node.name == self.settings:
                fields = [one for one in node.body if any(name in self.names for name in _binds(one))]
                lines = [_lines(one, node.body) for one in fields]
                spans += [(starts[first], starts[last]) for first, last in lines]
        lost = _outermost(spans)
        commas = [
            (end, end, b",")
            for end in alone
            if text[end : end + 1] != b"," and not any(start <= end <= last for start, last in lost)
        ]
        edits = [*((*span, b"") for span in lost), *commas]
        for start, end, new in sorted(edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text.decode()

    def _is_left(self, node: ast.expr | None, source: Callable[[ast.expr], str]) -> bool:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in self.names:
            return True
        is_case = isinstance(node, ast.Tuple | ast.Call | ast.Dict | ast.Constant)
        return is_case and node is not None and self.mentions(source(node))


def _outside_of_functions(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every node outside the bodies of functions."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            todo += node.decorator_list
        else:
            todo += ast.iter_child_nodes(node)


def defined(source: str) -> set[str]:
    """Return the names that other modules may import from this source."""
    return {name for node in ast.parse(source).body for name in _binds(node)}


def has_tests(source: str) -> bool:
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
        for node in ast.parse(source).body
    )


def _reads(node: ast.AST) -> set[str]:
    """Return the names that a node uses, and the fixtures that it requests as a test or fixture."""
    names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}
    return names | _asks_for(node)


def _asks_for(node: ast.AST) -> set[str]:
    """Return the fixtures that a node requests by arguments or by `pytest.mark.usefixtures`."""
    calls = (one for one in ast.walk(node) if isinstance(one, ast.Call))
    named = (one for call in calls if ast.unparse(call.func).endswith("usefixtures") for one in call.args)
    arguments = {one.arg for one in ast.walk(node) if isinstance(one, ast.arg)}
    return arguments | {str(one.value) for one in named if isinstance(one, ast.Constant)}


def _binds(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement defines for other statements or modules."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))


def _is_fixture(node: ast.stmt) -> bool:
    return any("fixture" in ast.unparse(one) for one in getattr(node, "decorator_list", ()))


def _lines(node: ast.stmt, body: Sequence[ast.stmt]) -> tuple[int, int]:
    """Return a statement's 0-based, half-open line range, with its decorators and a field's docstring."""
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    following = body[body.index(node) + 1 :][:1]
    is_documented = isinstance(node, ast.Assign | ast.AnnAssign) and following and _is_text(following[0])
    last = following[0] if is_documented else node
    return first - 1, last.end_lineno or last.lineno


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _without_lines(source: str, spans: Sequence[tuple[int, int]]) -> str:
    lines = source.splitlines(keepends=True)
    for first, last in _outermost(spans):
        del lines[first:last]
    return "".join(lines)


def _starts(source: str) -> list[int]:
    """Return the byte offset of each line, and the end of the last."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _offset(node: _Placed, starts: list[int]) -> int:
    return starts[node.lineno - 1] + node.col_offset


def _end(node: _Placed, starts: list[int]) -> int:
    return starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)


def _rows(
    rows: Sequence[tuple[_Placed, _Placed, bool]], starts: list[int], source: bytes
) -> Iterator[tuple[int, int]]:
    """Yield the byte ranges of elements to remove, each with its comma.

    rows: for each, its first and last node, and whether to remove it.
    """
    kept: _Placed | None = None
    for place, (first, last, goes) in enumerate(rows):
        if not goes:
            kept = last
        elif place + 1 < len(rows):
            following = rows[place + 1][0]
            yield _offset(first, starts), _offset(following, starts)
        else:
            end = _end(last, starts)
            following_text = source[end : end + 1]
            if kept is None:
                yield _offset(first, starts), end + (following_text == b",")
            else:  # keep a tuple's comma: it may be left with one element
                yield _end(kept, starts) + (following_text == b")"), end


def _outermost(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans that are inside no other, the last first; overlapping ones are merged."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found[::-1]
