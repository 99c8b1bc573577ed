"""Function packages: what changes their hash, and what is in them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.work import scans
from runtime.work.videos import videos
from stacks import bundling
from stacks.bundling import ROOT, Runtime, bundle, context
from stacks.imports import closure


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy our code, so that its files can be touched; nothing is installed or compiled."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("chooser", "container", "lambda_src", "runtime", "stacks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "requirements-build.txt", tmp_path)
    (tmp_path / "packages").mkdir()
    monkeypatch.setattr(bundling, "ROOT", tmp_path)
    monkeypatch.setattr(bundling, "BUILD", tmp_path / "build")
    monkeypatch.setattr(
        bundling, "_RECIPE", tuple(tmp_path / "stacks" / one.name for one in bundling._RECIPE)
    )
    monkeypatch.setattr(bundling, "packages", lambda lock, runtime: tmp_path / "packages")
    monkeypatch.setattr(bundling, "_compile", lambda folder, names, runtime: None)
    return tmp_path


FUNCTIONS = ("backfill", "renditions", "dispatcher", "dispatcher_videos", "iiif", "tracker", "views")
IMAGES = {"service": ("container.service.healthy",), "worker": (), "worker_videos": (), "queue_worker": ()}
DISPATCHERS, WORKERS = {"dispatcher", "dispatcher_videos"}, {"worker", "worker_videos"}
TILERS = {*WORKERS, "queue_worker"}
SERVICES = {"service", "iiif"}
PATTERNS = {
    "LambdaPattern": {"renditions"},
    "FargatePattern": {"service"},
    "LambdaService": {"iiif"},
    "HybridPattern": {*DISPATCHERS, "tracker", *WORKERS},
    "QueuePattern": {"queue_worker"},
    "StreamPattern": {"views"},
}
EVERYTHING = {*FUNCTIONS, *IMAGES}


def test_every_function_and_every_image_is_tested_here() -> None:
    assert {*FUNCTIONS} == {handler.parent.name for handler in ROOT.glob("lambda_src/*/handler.py")}
    assert {*IMAGES} == {file.parent.name for file in ROOT.glob("container/*/Dockerfile")}


def made() -> dict[str, Path]:
    """Return the folder of every package and build context; its name has the digest of what went into it."""
    functions = {name: bundle(name, Runtime.aws("arm64")).path for name in FUNCTIONS}
    return functions | {name: context(name, *modules) for name, modules in IMAGES.items()}


@pytest.mark.parametrize(
    ("touched", "shipped_in"),
    [
        ("runtime/imaging/renditions.py", {"renditions"}),
        ("runtime/imaging/pyramid.py", {*DISPATCHERS, *SERVICES, *TILERS}),
        ("runtime/imaging/headers/png.py", {"renditions", *DISPATCHERS, *SERVICES, *TILERS}),
        ("runtime/events.py", {*FUNCTIONS, *TILERS} - {"views", "iiif"}),
        ("runtime/jobs/record.py", {*PATTERNS["HybridPattern"], "backfill"}),
        ("runtime/jobs/wake_ups.py", {*DISPATCHERS, "tracker"}),
        ("runtime/placement/limits.toml", {*PATTERNS["HybridPattern"], "queue_worker", "backfill"}),
        ("runtime/placement/placement.py", {*DISPATCHERS, *TILERS}),
        (str(Path(scans.__file__).relative_to(ROOT)), {*DISPATCHERS, *TILERS}),
        (str(Path(videos.__file__).relative_to(ROOT)), {"dispatcher_videos", "worker_videos"}),
        ("runtime/slim_s3.py", {"renditions", *TILERS}),
        ("runtime/sqs_batch.py", {*FUNCTIONS} - {"backfill", "views", "iiif"}),
        ("lambda_src/views/counters.py", PATTERNS["StreamPattern"]),
        ("lambda_src/iiif/viewer.py", PATTERNS["LambdaService"]),
        ("lambda_src/renditions/upload.py", {"renditions"}),
        ("lambda_src/renditions/requirements.txt", {"renditions"}),
        ("lambda_src/tracker/track.py", {"tracker"}),
        ("container/service/app.py", SERVICES),
        ("container/service/healthy.py", {"service"}),
        ("container/service/requirements.txt", {"service"}),
        ("container/worker/Dockerfile", {"worker"}),
        ("stacks/compile.mjs", EVERYTHING),
        ("stacks/bundling.py", EVERYTHING),
        ("chooser/prices.toml", set()),
        ("chooser/prices.py", set()),
        ("docs/page.md", set()),
        ("stacks/settings.py", set()),
        ("runtime/notes.md", set()),
    ],
)
def test_touching_a_file_changes_only_the_packages_that_ship_it(
    tree: Path, touched: str, shipped_in: set[str]
) -> None:
    before = made()
    with (tree / touched).open("a") as file:
        file.write("\n")
    after = made()
    assert {name for name in after if after[name] != before[name]} == shipped_in


LAUNCH = ("CLUSTER", "TASK_DEFINITION", "SUBNETS", "SECURITY_GROUP")
LIMITS = {"MAX_PIXELS": "1", "MAX_BYTES": "1"}
TOLD = {
    "backfill": {
        "SOURCE_BUCKET": "source",
        "OUTPUT_BUCKET": "output",
        "QUEUE_URL": "queue",
        "JOB_TABLE": "jobs",
    },
    "renditions": {"OUTPUT_BUCKET": "a", **LIMITS, "LABELS": "off"},
    "dispatcher": {
        **dict.fromkeys(("JOB_TABLE", "OUTPUT_BUCKET", "TILES_URL", *LAUNCH), "a"),
        **LIMITS,
        **dict.fromkeys(("LAMBDA_SECONDS", "LAMBDA_DISK_MB", "TASK_SECONDS"), "1"),
        **dict.fromkeys(("SPOT", "PUBLIC_IP"), "off"),
    },
    "dispatcher_videos": {"MAX_VIDEO_SECONDS": "1", "MAX_VIDEO_BYTES": "1"},
    "iiif": {"SOURCE_BUCKET": "a"},
    "tracker": dict.fromkeys(("JOB_TABLE", "CLUSTER", "DISTRIBUTION", "DISPATCHER_QUEUE"), "a"),
    "views": dict.fromkeys(("TABLE", "SET_ASIDE_BUCKET"), "a"),
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_is_imported_from_its_package_alone(function: str, tmp_path: Path) -> None:
    package = bundle(function, Runtime.local()).path
    told = {**TOLD[function.removesuffix("_videos")], **TOLD[function]}
    imported = imports(f"lambda_src.{function}.handler", package, tmp_path, **told)
    ours = {"lambda_src", "runtime", *(["container"] if function in SERVICES else [])}
    assert {file.parts[0] for file in imported} == ours


@pytest.mark.parametrize("image", IMAGES)
def test_what_a_container_runs_is_imported_from_its_context_alone(image: str, tmp_path: Path) -> None:
    for module in (f"container.{image}.__main__", *IMAGES[image]):
        imported = imports(module, context(image, *IMAGES[image]), tmp_path)
        assert {file.parts[0] for file in imported} <= {"container", "runtime"}


def imports(module: str, folder: Path, place: Path, **variables: str) -> set[Path]:
    """Import a folder's module in a Python that has no other code of ours; return our files that it loads."""
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); import {module}; print(*sorted("
        f"one.__file__ for one in sys.modules.values() if getattr(one, '__file__', None)), sep='\\n')"
    )
    environment = {**os.environ, **variables, "AWS_REGION": "us-east-1", "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=place, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    files = [Path(line) for line in done.stdout.splitlines()]
    elsewhere = {ROOT / name for name in ("lambda_src", "container", "runtime", "chooser", "stacks", "tools")}
    assert not [file for file in files if elsewhere & {*file.parents}]
    found = {file.relative_to(folder) for file in files if file.is_relative_to(folder)}
    return {file for file in found if (ROOT / file.parts[0]).is_dir()}


def test_no_code_that_is_shipped_imports_dynamically() -> None:
    modules = [f"lambda_src.{name}.handler" for name in FUNCTIONS] + [f"container.{name}" for name in IMAGES]
    code = {file: file.read_text() for file in closure(*modules) if file.suffix == ".py"}
    assert [file for file, text in code.items() if "importlib" in text or "__import__" in text] == []


def test_architecture_python_and_target_each_have_a_package_of_their_own(tree: Path) -> None:
    runtimes = [
        Runtime(target=target, python=python, architecture=architecture)
        for target in ("aws", "local")
        for python in ("3.12", "3.13")
        for architecture in ("arm64", "x86_64")
    ]
    assert len({bundle("renditions", runtime).digest for runtime in runtimes}) == 8


def test_a_package_that_could_not_be_made_is_not_left_half_done(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise bundling.BundlingError("no compiler")

    monkeypatch.setattr(bundling, "_compile", fail)
    with pytest.raises(bundling.BundlingError):
        bundle("renditions", Runtime.aws("arm64"))
    assert [path for path in (tree / "build").rglob("*") if path.is_file()] == []


COPIES = (
    "COPY mine app/mine",
    "COPY --chmod=0755 ./mine/ app/mine/",
    'COPY ["mine", "app/mine"]',
    "add mine \\\n  app/mine",
    "COPY ./ app",
)


@pytest.mark.parametrize("line", COPIES)
def test_an_imported_package_that_the_dockerfile_leaves_out_is_refused(tree: Path, line: str) -> None:
    image, main = tree / "container/service", tree / "container/service/__main__.py"
    (tree / "mine").mkdir()
    (tree / "mine/__init__.py").touch()
    main.write_text(f"import mine\n{main.read_text()}")
    dockerfile = f"{(image / 'Dockerfile').read_text()}COPY --link --from=packages mine /app/mine\n"
    (image / "Dockerfile").write_text(dockerfile)
    with pytest.raises(bundling.BundlingError, match="COPY mine app/mine"):
        context("service")
    (image / "Dockerfile").write_text(dockerfile.replace("COPY runtime", f"{line}\nCOPY runtime"))
    assert (context("service") / "mine/__init__.py").is_file()


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("package", ["container", "runtime"])
def test_each_dockerfile_copies_both_of_our_packages(tree: Path, image: str, package: str) -> None:
    dockerfile = tree / "container" / image / "Dockerfile"
    line = f"COPY {package} app/{package}\n"
    assert line in dockerfile.read_text()
    dockerfile.write_text(dockerfile.read_text().replace(line, ""))
    with pytest.raises(bundling.BundlingError, match=f"add the line COPY {package}"):
        context(image, *IMAGES[image])


@pytest.fixture
def umask_077(tree: Path) -> Iterator[None]:
    """Set a umask of 077 for checkout and bundling."""
    before = os.umask(0o077)
    for path in (tree, *tree.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)
    yield
    os.umask(before)


def test_a_package_made_under_any_umask_can_be_read_by_every_user(tree: Path, umask_077: None) -> None:
    (tree / "packages" / "run.sh").touch(0o700)
    for folder in made().values():
        paths = [folder, *folder.rglob("*")]
        modes = {path.relative_to(folder).as_posix(): path.stat().st_mode & 0o777 for path in paths}
        assert len(modes) > 10
        wanted = {name: 0o755 if (folder / name).is_dir() or name == "run.sh" else 0o644 for name in modes}
        assert modes == wanted
