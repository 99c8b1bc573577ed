"""Packages as `cdk deploy` ships them: their size, CPU, bytecode and licences."""

import zipfile
from pathlib import Path

import pytest

from stacks import bundling
from stacks.bundling import ROOT, Runtime, bundle


def test_a_pyvips_that_was_built_against_this_machines_libvips_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its extension would have the name of pyvips-binary's, and run on this machine only."""

    def install(command: list[str], **_: object) -> None:
        described = Path(command[command.index("--target") + 1], "pyvips-3.2.0.dist-info")
        described.mkdir()
        (described / "WHEEL").write_text("Root-Is-Purelib: false\n")

    monkeypatch.setattr(bundling, "BUILD", tmp_path)
    monkeypatch.setattr(bundling, "_run", install)
    with pytest.raises(bundling.BundlingError, match="remove pkgconfig"):
        bundling.packages(ROOT / "lambda_src" / "renditions" / "requirements.txt", Runtime.aws("arm64"))


def test_a_program_that_is_missing_is_an_error_that_names_it(tmp_path: Path) -> None:
    missing = str(tmp_path / "node")
    with pytest.raises(bundling.BundlingError, match=r"Could not compile: there is no .*node"):
        bundling._run([missing], what="compile")


@pytest.mark.parametrize(("architecture", "machine"), [("arm64", b"\xb7\0"), ("x86_64", b"\x3e\0")])
@pytest.mark.parametrize(
    ("function", "client", "most"), [("renditions", "urllib3", 15_000_000), ("iiif", "mangum", 20_000_000)]
)
def test_the_real_package_is_whole_small_compiled_and_for_its_cpu(
    tmp_path: Path, architecture: str, machine: bytes, function: str, client: str, most: int
) -> None:
    folder = bundle(function, Runtime.aws(architecture)).path
    libraries = [path for path in folder.rglob("*.so*") if path.is_file()]
    assert {path.read_bytes()[18:20] for path in libraries} == {machine}  # e_machine of the ELF header
    assert "Root-Is-Purelib: true" in next(folder.glob("pyvips-*/WHEEL")).read_text()
    sources = [path for path in folder.rglob("*.py") if path.parent != folder]
    for source in sources:
        assert (source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc").exists(), source
    assert {path.name for path in folder.iterdir()} >= {
        "lambda_src",
        "runtime",
        "pyvips",
        client,
        "_libvips.abi3.so",
    }
    assert not {"boto3", "botocore", "tests", "stacks"} & {path.name for path in folder.iterdir()}
    zipped = tmp_path / "function.zip"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder))
    assert zipped.stat().st_size < most


@pytest.mark.slow
def test_the_package_with_ffmpeg_is_below_what_a_function_may_have() -> None:
    """Lambda's limits: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    folder = bundle("dispatcher_videos", Runtime.aws("arm64")).path
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{size / 1e6:,.0f} MB unzipped")
    assert size < 250_000_000
    assert list(folder.glob("av.libs/libx264*")), "docs/video.md says that it is GPL"
    assert not list(bundle("dispatcher", Runtime.aws("arm64")).path.glob("av*"))


def test_the_packages_keep_their_licences() -> None:
    folder = bundle("renditions", Runtime.aws("arm64")).path
    assert list(folder.glob("pyvips_binary-*.dist-info/licenses/LICENSE"))
