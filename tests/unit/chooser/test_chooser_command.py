"""`python3 -m chooser`: its output formats and errors, its pages and charts, and what it must not import."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chooser import page
from chooser.__main__ import main
from chooser.candidates import considered
from chooser.choose import break_even, choose, rival
from chooser.keys import KEYS, load

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").rglob("*.toml"))
SMALL = ROOT / "examples" / "thumbnails.toml"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_is_answered(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(path)]) == 0
    said = capsys.readouterr().out
    assert "a month" in said
    assert main([str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["answer"] in said
    assert len(found["candidates"]) == len([*considered(load(str(path)))])
    assert found["inputs"]["requests"] == load(str(path)).requests
    used = {name for one in found["candidates"] for item in one["items"] for name in item["prices"]}
    assert used == {*found["prices"]}
    assert all(one["source"].startswith("https://") for one in found["prices"].values())


@pytest.mark.parametrize("text", ["name = ", "requests = 1\n", "a = " + "9" * 5000, "a = " + "[" * 5000])
def test_an_invalid_or_missing_file_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "a.toml").write_text(text)
    assert main([str(tmp_path / "a.toml")]) == 1
    assert main([str(tmp_path / "none.toml")]) == 1
    assert capsys.readouterr().err.count("Error: ") == 2


def test_the_pages_say_what_the_code_says() -> None:
    texts = [one.read_text() for one in page.PAGES]
    assert {name for text in texts for _, name, _ in page.MARKED.findall(text)} == {*page.blocks()}
    assert [page.filled(text) for text in texts] == texts, "python3 dev.py figures"


@pytest.mark.parametrize("name", page.CHARTED)
def test_the_charts_mark_the_break_even_that_the_code_finds(name: str) -> None:
    found = page.example(name)
    best = choose(found, architecture="x86_64")
    other = rival(best)
    assert other
    crossing = break_even(found, best[0][:2], other[:2])
    drawn = (page.CHARTS / f"{name}.svg").read_text()
    assert f"break-even {crossing.requests:,.3g}" in drawn if crossing else "break-even" not in drawn


@pytest.mark.parametrize(
    ("name", "begins"), [("out.svg", b"<?xml"), ("out.png", b"\x89PNG"), ("out.pdf", b"%PDF")]
)
def test_a_plot_has_the_format_of_its_name(tmp_path: Path, name: str, begins: bytes) -> None:
    assert main([str(SMALL), "--plot", str(tmp_path / name)]) == 0
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_a_plot_with_another_extension_is_refused_before_anything_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(SMALL), "--plot", str(tmp_path / "out.gif")]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.endswith("out.gif: its name must end with .svg, .png, .pdf.\n")


def test_a_decision_record_has_the_answer_its_bill_and_its_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(SMALL), "--markdown"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("# thumbnails of photos: Lambda or Fargate?\n\nDecided on ")
    for part in ("| 1,500,000 S3 writes | 7.50 |", "## What would change it", "| `memory_mb` | 1769 |"):
        assert part in said


def test_the_text_has_bill_break_even_changes_and_what_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([str(SMALL)]) == 0
    said = capsys.readouterr().out
    for part in ("the bill of lambda", "cost the same at", "What would change it", "Not in any bill"):
        assert part in said
    assert "Assumed, not measured: duration_ms.arm64." in said


def test_help_explains_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in KEYS)


def test_a_piped_answer_imports_neither_boto3_nor_matplotlib_nor_rich() -> None:
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
