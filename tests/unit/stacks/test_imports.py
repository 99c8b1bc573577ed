"""Import closures, of files written for the purpose."""

from pathlib import Path

import pytest

from stacks.imports import closure


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import b", True),
        ("def f():\n    import b", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import b", False),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    import b", True),
    ],
)
def test_imports_for_type_checkers_alone_do_not_count(tmp_path: Path, source: str, found: bool) -> None:
    (tmp_path / "a.py").write_text(source)
    (tmp_path / "b.py").write_text("")
    assert (tmp_path / "b.py" in closure("a", root=tmp_path)) is found
