"""`python3 -m chooser`: its errors, its pages and charts, and what an answer costs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chooser import page
from chooser.__main__ import main
from chooser.choose import break_even
from chooser.costs import Candidate

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_is_answered(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(path)]) == 0
    said = capsys.readouterr().out
    assert "a month" in said
    assert main([str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["answer"] in said
    assert len(found["candidates"]) == len(Candidate)


@pytest.mark.parametrize("text", ["name = ", "requests = 1\n", "a = " + "9" * 5000, "a = " + "[" * 5000])
def test_a_file_that_is_none_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "a.toml").write_text(text)
    assert main([str(tmp_path / "a.toml")]) == 1
    assert main([str(tmp_path / "none.toml")]) == 1
    assert capsys.readouterr().err.count("Error: ") == 2


def test_the_pages_say_what_the_code_says() -> None:
    texts = [one.read_text() for one in page.PAGES]
    assert {name for text in texts for _, name, _ in page.MARKED.findall(text)} == {*page.blocks()}
    assert [page.filled(text) for text in texts] == texts, "python3 -m chooser.page"


@pytest.mark.parametrize("name", page.CHARTED)
def test_the_charts_mark_the_break_even_that_the_code_finds(name: str) -> None:
    crossing = break_even(page.example(name), Candidate.LAMBDA, Candidate.SERVICE, "x86_64")
    drawn = (page.CHARTS / f"{name}.svg").read_text()
    assert f"break-even {crossing:,.0f}" in drawn if crossing else "break-even" not in drawn


def test_a_plot_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "out.svg"
    assert main([str(EXAMPLES[0]), "--plot", str(out)]) == 0
    assert "requests a month" in out.read_text()


def test_an_answer_imports_neither_boto3_nor_matplotlib_nor_rich() -> None:
    code = (
        "import sys; from chooser.__main__ import main; main([sys.argv[1]]);"
        "print({'boto3', 'matplotlib', 'rich', 'pyvips', 'dataclasses'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, EXAMPLES[0]], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"


def test_a_file_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing.toml"]) == 1
    assert capsys.readouterr().err == "Error: nothing.toml: No such file or directory\n"
