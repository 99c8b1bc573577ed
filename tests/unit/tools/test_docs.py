"""The docs: links lead somewhere, tests and commands exist, and quick commands print what is shown."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dev
from bench.__main__ import NAMES as BENCHES
from tools.commands import docs_check as pages

ROOT = Path(__file__).parents[3]
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
    """Return anchors as GitHub makes them from headings."""
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
    assert measured <= {*BENCHES, "NAME", "all", ""}


def run(command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True)  # noqa: S602


QUICK = ("python3 -m chooser examples", "printf ")
"""Beginnings of the commands that are run here; `dev.py pages` runs all commands not in its SKIPPED."""
STEPS = [step for page in pages.PAGES for step in pages.steps(page)]


@pytest.mark.parametrize(
    "step",
    [step for step in STEPS if step.command.startswith(QUICK) and "--plot" not in step.command],
    ids=lambda step: f"{step.page}: {step.command[:60]}",
)
def test_a_command_that_can_be_run_at_once_ends_as_the_page_says(step: pages.Step) -> None:
    done = run(step.command)
    assert done.returncode == 0, done.stderr
    assert pages.first_missing_line(step.expected_output, done.stdout) is None


def test_commands_are_read_with_what_is_shown_below_them_and_without_remarks() -> None:
    found = {step.command: step.expected_output for step in pages.steps("README.md")}
    assert found["python3 -m chooser examples/thumbnails.toml"][0].startswith("thumbnails of photos")
    assert found["cdk bootstrap"] == ()
    dead = [step.command for step in STEPS if step.command.startswith("dead=")]
    assert dead
    assert all(command.endswith("--output text)") for command in dead)


@pytest.mark.parametrize(
    ("shown", "printed", "absent"),
    [
        (["a  12 kB", "...", "b"], "a 3 kB\nx\nb\n", None),
        (["─── 1,024 ms"], "───── 7 ms", None),
        (["take ... it"], "take what is in it", None),
        (["a", "b"], "b\na\n", "b"),
        (["1 done"], "none done", "1 done"),
        (["a.b"], "a-b", "a.b"),
    ],
)
def test_figures_and_columns_may_differ_from_the_page_and_nothing_else(
    shown: list[str], printed: str, absent: str | None
) -> None:
    assert pages.first_missing_line(shown, printed) == absent


def test_every_command_in_a_text_is_one_that_is_run() -> None:
    """The exceptions are in NOT_RUN and docs_check.SKIPPED; `dev.py pages --benches` runs the benchmarks."""
    texts = {page: re.sub(r"```.*?```", "", TEXTS[page], flags=re.DOTALL) for page in pages.PAGES}
    named = {one for text in texts.values() for one in re.findall(r"`(python3 [^`]+)`", text)}
    run_somewhere = {step.command for step in [*STEPS, *pages.benches()]}
    assert {one for one in named if not any(known.startswith(one) for known in run_somewhere)} == NOT_RUN


NOT_RUN = {
    "python3 dev.py backfill --pattern LambdaPattern --target aws",
    "python3 -m container.service.healthy",
    "python3 dev.py bench NAME",
    "python3 dev.py bench all --smallest",
    "python3 dev.py jobs retry ID --target aws",
    "python3 dev.py jobs show ID --target aws",
    "python3 dev.py lock",
}
"""Each needs a value, an account, a failed job or a container, takes too long, or changes locked versions."""


def test_the_readme_lists_the_settings_that_there_are() -> None:
    from dataclasses import fields

    from stacks.settings import Settings

    rows = re.findall(r"^\| (`[^|]+) \|", TEXTS["README.md"].partition("## Settings")[2], re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert listed == {field.name for field in fields(Settings)} - {"target"}


def test_the_indices_name_every_page_and_every_decision_has_a_status_and_a_date() -> None:
    for index in ("docs/README.md", "docs/decisions/README.md"):
        folder = (ROOT / index).parent
        pages = {page.name for page in folder.glob("*.md")} - {"README.md"}
        assert pages <= {*re.findall(r"\]\(([^)/]+\.md)\)", TEXTS[index])}
    for page, text in TEXTS.items():
        if re.match(r"docs/decisions/\d", page):
            assert re.match(r"# \d+\. .+\n\n\*Accepted.*, 2026-\d\d-\d\d\.\*\n\n", text), page


def test_ci_and_the_workflow_run_steps_that_there_are() -> None:
    steps = {*re.findall(r"^    (\w+)\)", (ROOT / ".ci" / "steps").read_text(), re.MULTILINE)}
    for caller in (".ci/run", ".github/workflows/test.yml"):
        called = re.findall(r"\.ci/steps ((?:\w+ ?)+)", (ROOT / caller).read_text())
        assert called
        assert {one for line in called for one in line.split()} <= steps
    pinned = re.findall(r"uses: (\S+)(.*)", (ROOT / ".github" / "workflows" / "test.yml").read_text())
    assert all(re.search(r"@[0-9a-f]{40}$", action) and " # v" in version for action, version in pinned)
