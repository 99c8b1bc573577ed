"""The real CDK CLI against the local AWS."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from stacks.settings import Settings
from tools.local_aws.aws import ACCOUNT, REGION, ROOT, LocalAws, LocalAwsError

DOCKER = Path(__file__).with_name("docker.py")


@dataclass(frozen=True, kw_only=True)
class Cdk:
    """The CDK CLI, with function packages built for this machine.

    folder: for its output and log. app: the folder with cdk.json. program: overrides the app command of
        cdk.json.
    """

    aws: LocalAws
    folder: Path
    context: Sequence[str] = ()
    app: Path = ROOT
    program: str = ""

    def bootstrap(self) -> None:
        self._run("bootstrap", f"aws://{ACCOUNT}/{REGION}")

    def deploy(self, *stacks: str) -> dict[str, dict[str, str]]:
        """Deploy, and return each stack's outputs, by the stack's construct id, such as LambdaPattern.

        stacks: names, and after them further arguments of the CLI, such as the stacks' parameters.
        """
        outputs = self.folder / "outputs.json"
        self._run("deploy", *stacks, "--require-approval", "never", "--outputs-file", str(outputs))
        return read_outputs(outputs)

    def destroy(self, *stacks: str) -> None:
        self._run("destroy", *stacks, "--force")

    def _run(self, *arguments: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = ("target=local", *_base_image(), *self.context)
        context = [part for setting in settings for part in ("-c", setting)]
        program = ["--app", self.program] if self.program else []
        log = self.folder / "cdk.log"
        with log.open("ab") as output:
            begin = output.tell()
            code = subprocess.run(
                ["cdk", *arguments, *program, *context, "--output", str(self.folder / "cdk.out")],
                cwd=self.app,
                env={**os.environ, **self.aws.environment, **self.aws.containers, "CDK_DOCKER": str(DOCKER)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            ).returncode
        if code:
            said = log.read_bytes()[begin:].decode(errors="replace").strip().splitlines()
            raise LocalAwsError(f"cdk {arguments[0]} failed; the end of {log}:\n" + "\n".join(said[-15:]))


def _base_image() -> list[str]:
    """Return `base_image` from $CONTAINER_BASE (for CI), if this copy of the project has that setting."""
    base, setting = os.environ.get("CONTAINER_BASE"), "base_image"
    return [f"{setting}={base}"] if base and setting in {field.name for field in fields(Settings)} else []


def read_outputs(file: Path) -> dict[str, dict[str, str]]:
    """Return what `cdk deploy --outputs-file` wrote, by each stack's construct id, such as LambdaPattern."""
    return {name.rpartition("-")[2]: outputs for name, outputs in json.loads(file.read_text()).items()}


def stack_name(stack: str, settings: Settings | None = None) -> str:
    """Return a stack's name in CloudFormation under the given settings, by default those of cdk.json."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    return (settings or Settings.from_context(context)).stack_name(stack)


@contextmanager
def deployed(cdk: Cdk, *stacks: str) -> Iterator[dict[str, dict[str, str]]]:
    """Bootstrap and deploy for the block, then destroy; if the block raises, nothing is destroyed."""
    cdk.bootstrap()
    yield cdk.deploy(*stacks)
    cdk.destroy(*stacks)
