"""What the pages say: links lead somewhere, tests and commands exist, what can be run ends as it is shown."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dev

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text() for page in PAGES}
TESTS = {
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in (file.stem, *re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE))
}


@pytest.mark.parametrize("page", TEXTS)
def test_every_link_to_a_file_leads_to_one(page: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", TEXTS[page])
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", TEXTS)
def test_every_link_to_a_heading_leads_to_one(page: str) -> None:
    missing = []
    for file, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)", TEXTS[page]):
        target = (ROOT / page).parent.joinpath(file) if file else ROOT / page
        if anchor not in anchors(target.read_text()):
            missing.append(f"{file}#{anchor}")
    assert missing == []


@pytest.mark.parametrize("page", TEXTS)
def test_every_test_that_is_named_exists(page: str) -> None:
    named = re.findall(r"`(?:[\w/]*/)?(test_\w+)(\.\.\.)?(?:\.py)?`", TEXTS[page])
    assert [
        name
        for name, cut in named
        if name not in TESTS and not (cut and any(one.startswith(name) for one in TESTS))
    ] == []


@pytest.mark.parametrize("page", TEXTS)
def test_every_command_of_dev_py_exists(page: str) -> None:
    found = re.findall(r"python3 dev\.py (\w+)(?: (\w+))?", TEXTS[page])
    assert [command for command, _ in found if command not in dev.COMMANDS] == []
    measured = {which for command, which in found if command == "bench"}
    assert measured <= {*dev.BENCHES, "NAME", ""}


def run(command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True)  # noqa: S602


def shown(page: str) -> list[tuple[str, str]]:
    """Commands of a page's console blocks, each with what the page shows after it."""
    blocks = re.findall(r"```console\n(.*?)```", TEXTS[page], re.DOTALL)
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part]
    return [
        (command.partition(" #")[0].strip(), output)
        for command, _, output in (p.partition("\n") for p in parts)
    ]


QUICK = ("python3 -m chooser examples", ". .venv/bin/activate && python3 -m chooser examples", "printf ")
"""Beginnings of commands that need neither an account nor minutes."""


@pytest.mark.parametrize(
    ("command", "output"),
    [
        pytest.param(command.replace(". .venv/bin/activate && ", ""), output, id=f"{page}: {command[:60]}")
        for page in TEXTS
        for command, output in shown(page)
        if command.startswith(QUICK) and "--plot" not in command
    ],
)
def test_what_can_be_run_at_once_ends_as_the_page_says(command: str, output: str) -> None:
    done = run(command)
    assert done.returncode == 0, done.stderr
    assert output.strip() in done.stdout


def test_the_readme_lists_the_settings_that_there_are() -> None:
    from dataclasses import fields

    from stacks.settings import Settings

    rows = re.findall(r"^\| (`[^|]+) \|", TEXTS["README.md"].partition("## Settings")[2], re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert listed == {field.name for field in fields(Settings)} - {"target"}
