"""`python3 dev.py pages`: runs the commands in README, CONTRIBUTING and docs, and compares their output.

It runs those that need no account, in a copy of this checkout against a local AWS, so that a page's
`cdk deploy` and `aws s3 cp` work as shown.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pyvips

from tools.drivers.fargate_pattern import ServiceDriver
from tools.local_aws.aws import ROOT, LocalAws, LocalAwsError, local_aws
from tools.local_aws.deployment import DOCKER

PAGES = ("README.md", "CONTRIBUTING.md", *sorted(f"docs/{page.name}" for page in ROOT.glob("docs/*.md")))
SKIPPED = {
    "python3 dev.py test": "CI runs it separately",
    "python3 dev.py test -m slow": "CI runs it separately",
    "python3 dev.py test --under-load": "CI runs it separately",
    "python3 dev.py check": "CI runs it separately",
    "python3 dev.py pages": "it is this command",
    "python3 dev.py bench chooser --against HEAD": "CI compares separately; a copy has no history",
    'aws sqs start-message-move-task --source-arn "$dead"': "MiniStack does not have it",
    "aws application-autoscaling describe-scaling-activities --service-namespace ecs"
    ' --resource-id "service/$CLUSTER_NAME/$SERVICE_NAME" --max-results 5': "MiniStack does not have it",
    "python3 dev.py preflight": "needs an account",
    "python3 dev.py compare": "a slow test runs it in its smallest form",
    "aws service-quotas get-service-quota --service-code fargate --quota-code L-3032A538": "needs an account",
}
"""Commands that are not run here, and why."""
BEFORE = {"docs/runbooks.md": "python3 dev.py cdk bootstrap && python3 dev.py cdk deploy --all"}
"""Commands that a page's reader has run already."""
UNTIL_CTRL_C = (
    "python3 -m chooser serve examples/image-service.toml",
    "python3 dev.py service --folder PHOTOS",
    "python3 dev.py demo --keep",
)
READY_SECONDS, LAST_LINE_SECONDS = 900, 5
"""Maximum wait for all lines shown, and for a last line that may appear only after Ctrl-C."""
LATER_SECONDS = 60
MARK = "= ended with "


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command of a page, and its output as shown: `...` means any lines, and a number means any number."""

    page: str
    block: int
    command: str
    expected_output: tuple[str, ...] = ()


def steps(page: str) -> Iterator[Step]:
    """Yield the commands in a page's console blocks, in order."""
    if page in BEFORE:
        yield Step(page=page, block=-1, command=BEFORE[page])
    blocks = re.findall(r"^ *```console\n(.*?)^ *```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    for number, block in enumerate(blocks):
        for part in re.split(r"^ *\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.replace("\\\n", "").splitlines()
            command = re.sub(r"\s{2,}#.*", "", command).strip()
            yield Step(page=page, block=number, command=command, expected_output=tuple(filter(None, shown)))


def benches() -> Iterator[Step]:
    """Yield the benchmarks that docs/benchmarks.md names."""
    page = "docs/benchmarks.md"
    for name in dict.fromkeys(re.findall(r"`(python3 dev\.py bench \w+)", (ROOT / page).read_text())):
        yield Step(page=page, block=0, command=name)


def first_missing_line(shown: Sequence[str], printed: str) -> str | None:
    """Return the first expected line that was not printed in order, or None if all were."""
    lines = iter(printed.splitlines())
    for line in shown:
        if line.strip() != "..." and not any(_pattern(line).search(one) for one in lines):
            return line
    return None


def _pattern(line: str) -> re.Pattern[str]:
    """Return a pattern in which a number matches any number, and spaces any spaces, as widths vary."""
    parts = re.split(r"([\d.,]*\d|\s+|─+|\.\.\.)", line.strip())
    anything = {"...": ".*"}
    return re.compile("".join(anything.get(part) or _part(part) for part in parts))


def _part(part: str) -> str:
    if re.fullmatch(r"[\d.,]*\d", part):
        return r"[\d.,]+"
    return r"\s+" if part.isspace() else "─+" if part.startswith("─") else re.escape(part)


class Shell:
    """A bash process in which the commands of one block run in sequence."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )

    def run(self, command: str) -> tuple[int, str]:
        """Run a command; return exit code and output."""
        assert self._bash.stdin
        assert self._bash.stdout
        # A group, which bash reads whole before running it; the command must not read from our pipe.
        self._bash.stdin.write(f'{{ {command}\n}} </dev/null\nprintf "\\n{MARK}%s\\n" $?\n')
        self._bash.stdin.flush()
        printed: list[str] = []
        for line in self._bash.stdout:
            if line.startswith(MARK):
                return int(line.removeprefix(MARK)), "".join(printed)
            printed.append(line)
        return 1, "".join(printed)

    def close(self) -> None:
        """Stop the shell, and everything that it still runs."""
        for stream in (self._bash.stdin, self._bash.stdout):
            if stream:
                stream.close()
        os.killpg(self._bash.pid, signal.SIGTERM)
        self._bash.wait()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py pages", description=__doc__)
    parser.add_argument("page", nargs="*", default=PAGES, help="such as README.md (default: all pages)")
    parser.add_argument("--benches", action="store_true", help="also run the benchmarks: half an hour")
    options = parser.parse_args(arguments)
    if unknown := [page for page in options.page if page not in PAGES]:
        print(f"Error: {', '.join(unknown)}: no such page. There are: {', '.join(PAGES)}.", file=sys.stderr)
        return 1
    wanted = [step for page in options.page for step in steps(page)]
    if "README.md" not in options.page:  # every reader begins there
        wanted.insert(0, Step(page="README.md", block=-1, command="python3 dev.py synth"))
    wanted += benches() if options.benches else ()
    scratch = Path(tempfile.mkdtemp(prefix="pages-"))
    try:
        with local_aws(scratch / "local-aws.log") as aws:
            return _run(wanted, copy(scratch / "checkout"), aws)
    except LocalAwsError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; nothing is left running.")
        return 130
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def copy(folder: Path) -> Path:
    """Copy this checkout without what set-up made, and add a reader's own files.

    Raises LocalAwsError if it is not a Git checkout.
    """
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        raise LocalAwsError(f"This needs a Git checkout: {listed.stderr.strip()}")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    shutil.copyfile(ROOT / "samples" / "rocket.jpg", folder / "photo.jpg")
    pyvips.Image.new_from_file(str(ROOT / "samples" / "earth-night.jpg")).tiffsave(str(folder / "scan.tif"))
    (folder / "PHOTOS").symlink_to("samples")
    return folder


def _run(wanted: Sequence[Step], folder: Path, aws: LocalAws) -> int:
    failed = 0
    for _, block in groupby(wanted, key=lambda step: (step.page, step.block)):
        with closing(Shell(folder, _environment(aws))) as shell:
            failed += sum(not _is_as_shown(step, shell, folder, aws) for step in block)
    print(f"{len(wanted)} commands; {failed} did not do what their page says.")
    return 1 if failed else 0


def _is_as_shown(step: Step, shell: Shell, folder: Path, aws: LocalAws) -> bool:
    """Run a step, print the result, and return whether the output is as shown."""
    if reason := SKIPPED.get(step.command):
        print(f"- {step.page}: {step.command} (not here: {reason})", flush=True)
        return True
    started = time.monotonic()
    command = _substitute_outputs(step.command, aws, folder)
    if step.command in UNTIL_CTRL_C:
        code, printed = _until_ctrl_c(step, command, folder, _environment(aws))
    else:
        code, printed = _run_until_ready(shell, command)
    absent = first_missing_line(step.expected_output, printed)
    mark = "✗" if code or absent else "✓"
    print(f"{mark} {step.page}: {step.command} ({time.monotonic() - started:.0f} s)", flush=True)
    if code or absent:
        why = f"ended with {code}" if code else f"does not print: {absent}"
        print(f"  It {why}. The end of what it printed:\n{printed.strip()[-2000:]}", flush=True)
    return not (code or absent)


def _until_ctrl_c(step: Step, command: str, folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command, press Ctrl-C after its last shown line; return exit code (0 if by Ctrl-C) and output."""
    with tempfile.NamedTemporaryFile() as output:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        end = time.monotonic() + READY_SECONDS
        try:
            while process.poll() is None and time.monotonic() < end:
                time.sleep(0.2)
                printed = Path(output.name).read_text(errors="replace")
                if step.expected_output and not first_missing_line(step.expected_output, printed):
                    break
                if printed and not first_missing_line(step.expected_output[:-1], printed):
                    end = min(end, time.monotonic() + LAST_LINE_SECONDS)
        finally:
            for sent in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
                with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                    os.killpg(process.pid, sent)
                    process.wait(timeout=LATER_SECONDS)
        code, printed = process.wait(), Path(output.name).read_text(errors="replace")
        return (0 if code in (0, 130, -signal.SIGINT) else code), printed


def _run_until_ready(shell: Shell, command: str) -> tuple[int, str]:
    """Run a command; if it reads an upload's result, repeat it until that is there, for at most a minute."""
    end = time.monotonic() + LATER_SECONDS
    code, printed = shell.run(command)
    while code and command.startswith(("aws s3 cp s3:", "curl")) and time.monotonic() < end:
        time.sleep(1)
        code, printed = shell.run(command)
    return code, printed


def _substitute_outputs(command: str, aws: LocalAws, folder: Path) -> str:
    """Return the command with stacks' outputs in place of uppercase names, and a scratch folder as `~`."""
    known = {"~": str(folder.parent)}
    stacks = aws.client("cloudformation").describe_stacks()["Stacks"]
    for stack in sorted(stacks, key=lambda one: one["CreationTime"]):
        outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
        if stack["StackName"].endswith("-FargatePattern") and "Url" in outputs:
            service = ServiceDriver(client=aws.client, outputs=outputs, endpoint=aws.url)
            service.wait_until_steady()
            outputs["Url"] = service.browser_url
        for key, value in outputs.items():
            known[re.sub(r"(?<=.)([A-Z])", r"_\1", key).upper()] = value
    return re.sub(r"\$?\b([A-Z_]{3,})\b|~", lambda found: known.get(found[1] or "~", found[0]), command)


def _environment(aws: LocalAws) -> dict[str, str]:
    """Return the environment of a reader who has credentials and confirms the CDK's questions."""
    bin_folder = aws.log.parent / "bin"
    bin_folder.mkdir(exist_ok=True)
    # The aws CLI on PyPI is version 1, which ignores AWS_ENDPOINT_URL for SQS.
    cli = ROOT / ".ministack" / "bin" / "aws"
    (bin_folder / "aws").write_text(f'#!/bin/sh\nexec "{cli}" --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n')
    (bin_folder / "aws").chmod(0o755)
    path = [part for part in os.environ["PATH"].split(os.pathsep) if not part.startswith(str(ROOT))]
    answers = {"CDK_REQUIRE_APPROVAL": "never", "CDK_FORCE": "true", "CDK_CONTEXT": "target=local"}
    inherited = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return {
        **inherited,
        **aws.environment,
        **aws.containers,
        **answers,
        "CDK_DOCKER": str(DOCKER),
        "PATH": os.pathsep.join([str(bin_folder), *path]),
    }


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what it started is stopped
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    sys.exit(main(sys.argv[1:]))
