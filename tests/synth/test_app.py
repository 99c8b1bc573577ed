"""The real app, synthesised by the real CDK CLI."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PATHS = f"{BIN}:{os.environ['PATH']}"
CDK, NODE = (Path(shutil.which(name, path=PATHS) or BIN / name) for name in ("cdk", "node"))

NO_NETWORK = """
const fs = require("fs"), net = require("net"), dns = require("dns"), connect = net.Socket.prototype.connect;
const refuse = (what) => {
    fs.appendFileSync(process.env.NETWORK_LOG, `${what}\\n`);
    throw new Error(`network: ${what}`);
};
net.Socket.prototype.connect = function (...all) {
    return all[0] && all[0].path ? connect.apply(this, all) : refuse(JSON.stringify(all[0]));
};
dns.lookup = (name) => refuse(name);
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for outputs, with the script that keeps Node off the network."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "no-network.cjs").write_text(NO_NETWORK)
    return folder


def synth(
    folder: Path, output: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `cdk synth` with PATH and HOME, with Node and pip kept off the network, and with `environment`."""
    environment = {
        "PATH": f"{BIN}:{CDK.parent}:{NODE.parent}:/usr/bin:/bin",
        "HOME": str(output.parent / "home"),
        "NODE_OPTIONS": f"--require={output.parent / 'no-network.cjs'}",
        "NETWORK_LOG": str(output.parent / "network.log"),
        "https_proxy": "http://127.0.0.1:9",
        **environment,
    }
    return subprocess.run(
        ["cdk", "synth", "--quiet", "--output", str(output), *arguments],
        cwd=folder,
        env=environment,
        executable=CDK,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def output(place: Path) -> Path:
    """Return what `cdk synth` writes with the defaults; it fails on any finding of CDK's validation."""
    done = synth(ROOT, place / "out")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return place / "out"


def test_the_app_is_valid_with_an_empty_environment_and_no_network(output: Path) -> None:
    report = json.loads((output / "validation-report.json").read_text())
    assert [found for plugin in report["pluginReports"] for found in plugin["violations"]] == []
    assert not (output.parent / "network.log").exists(), "something asked for the network and went on without"


@pytest.mark.slow
def test_the_lambda_pattern_synthesised_in_two_folders_is_the_same_to_the_byte(
    output: Path, place: Path
) -> None:
    copy = place / "elsewhere"
    left_out = {".git", ".venv", ".ministack", "node_modules", "build", "cdk.out", "tests"}
    shutil.copytree(ROOT, copy, ignore=lambda _, names: left_out & set(names))
    (copy / "node_modules").symlink_to(ROOT / "node_modules")
    packages = copy / "build" / "packages"  # another worker may be making one
    shutil.copytree(ROOT / "build" / "packages", packages, ignore=shutil.ignore_patterns(".making-*"))
    done = synth(copy, place / "out-elsewhere", CDK_VALIDATION="false")
    assert done.returncode == 0, done.stderr
    name = "LambdaPattern.template.json"
    assert (place / "out-elsewhere" / name).read_bytes() == (output / name).read_bytes()


def test_the_template_contains_no_local_path_and_no_cdk_metadata(output: Path) -> None:
    text = (output / "LambdaPattern.template.json").read_text()
    for word in (str(ROOT), str(Path.home()), "CDKMetadata"):
        assert word not in text


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("stage=prod", "Error: Invalid value stage='prod'. Allowed: sandbox, production."),
        ("stages=production", "Error: Unknown setting stages. There are: prefix, stage, architecture"),
    ],
)
def test_a_wrong_setting_is_an_error_without_a_traceback(place: Path, setting: str, says: str) -> None:
    done = synth(ROOT, place / "wrong", "-c", setting)
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr
