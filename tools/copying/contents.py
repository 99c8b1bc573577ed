"""The files of one pattern alone, with its tests, settings and pages."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

from app import PATTERNS, STACKS
from stacks.imports import ROOT, closure
from stacks.settings import Settings
from tools.copying import pages, python_source
from tools.copying.in_tests import files_of, is_there, is_used, reachable

ALWAYS = (
    *(".gitignore", ".npmrc", "LICENSE", "package.json", "package-lock.json"),
    *("requirements.in", "requirements.txt", "requirements-build.in", "requirements-build.txt"),
    *("stacks/compile.mjs", "stacks/start.py"),
)
"""Files that are always copied, as no import of a pattern's stack leads to them."""
UPGRADES = "tests/synth/test_upgrades.py"  # reads the snapshots
PAGES = {
    "runbooks.md": "app",
    "real-aws.md": "app",
    "privileges.md": "app",
    "contract.md": "runtime.results",
    "image-service.md": "container.service.app",
    "pyramid.md": "runtime.work.scans",
    "video.md": "runtime.work.videos.videos",
    "local-aws.md": "tools.local_aws.aws",
}
"""Pages, each with the module that it is about: a page is copied if its module is.

A pattern's own page is always copied with it.
"""
WORK = {
    "LambdaPattern": "lambda_src.renditions.photos",
    "FargatePattern": "container.service.app",
    "LambdaService": "container.service.app",
    "HybridPattern": "runtime.work.scans",
    "QueuePattern": "runtime.work.scans",
    "StreamPattern": "lambda_src.views.log_lines",
}
"""For each pattern, the module with the sample work that the owner of a copy replaces."""
LOCAL_AWS = ("tools.local_aws.deployment", "tools.local_aws.docker", "tools.local_aws.emulator")
"""What a pattern's tests on the local AWS import or start, in addition to its driver."""
LOCAL_AWS_FILES = tuple(
    f"tools/local_aws/{name}"
    for name in ("requirements.in", "requirements.txt", "package.json", "package-lock.json")
)


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a copy contains.

    pattern: one of PATTERNS. with_local_aws: whether to include the local AWS and its tests.
    """

    pattern: str
    with_local_aws: bool = False

    @property
    def page(self) -> str:
        """The page that says how to make the copy your own."""
        return f"docs/{_snake(self.pattern).replace('_', '-')}.md#make-it-yours"

    @property
    def work(self) -> str:
        """The file with the sample work that the owner of a copy replaces."""
        (file,) = files_of(WORK[self.pattern])
        return file

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Every file of the copy other than its README, by path."""
        found = {name: (ROOT / name).read_bytes() for name in (*ALWAYS, *self._code, *self._locks)}
        found["stacks/settings.py"] = self._cut.apply((ROOT / "stacks/settings.py").read_text()).encode()
        found["requirements.in"] = "".join(self._requirements).encode()
        found["app.py"] = self._app.encode()
        found |= {name: text.encode() for name, text in self._tests.items()}
        if UPGRADES in self._tests:
            stacks = {*STACKS} - self._left
            found |= {file: (ROOT / file).read_bytes() for name in stacks for file in _snapshots(name)}
        found["cdk.json"] = self._context.encode()
        found["pyproject.toml"] = _project({Path(name).parts[0] for name in found}).encode()
        return found | {name: text.encode() for name, text in self._pages(found)}

    @cached_property
    def _code(self) -> list[str]:
        """Return the files of all modules that the stack needs.

        A function or image is copied whole as soon as the stack imports anything from it. `with_local_aws`
        adds the pattern's driver and the local AWS.
        """
        stack = f"stacks.{_snake(self.pattern)}.stack"
        imported = [file.relative_to(ROOT) for file in closure(stack)]
        folders = {file.parent for file in imported if file.parts[0] in ("lambda_src", "container")}
        shipped = [
            file for folder in folders if len(folder.parts) > 1 for file in (ROOT / folder).glob("*.py")
        ]
        modules = [_module(file) for file in shipped if file.name != "__init__.py"]
        if self.with_local_aws:
            modules += [f"tools.drivers.{_snake(self.pattern)}", *LOCAL_AWS]
        return [str(file.relative_to(ROOT)) for file in closure(stack, *modules)]

    @cached_property
    def _locks(self) -> list[str]:
        """Return requirements, locks and Dockerfile of each function and image, and the local AWS's locks."""
        folders = {Path(name).parent for name in self._code if name.startswith(("lambda_src/", "container/"))}
        kinds = ("requirements.in", "requirements.txt", "Dockerfile")
        locks = [
            str(folder / kind)
            for folder in sorted(folders)
            for kind in kinds
            if (ROOT / folder / kind).is_file()
        ]
        return [*locks, *(LOCAL_AWS_FILES if self.with_local_aws else ())]

    @cached_property
    def _left(self) -> frozenset[str]:
        """Return the names of what is left behind: stacks, functions, images and settings."""
        stacks = {
            name for name in STACKS if name != self.pattern and f"stacks/{_snake(name)}.py" not in self._code
        }
        kept = {Path(name).parts[1] for name in self._code if name.startswith(("lambda_src/", "container/"))}
        parts = {path.name for kind in ("lambda_src", "container") for path in (ROOT / kind).iterdir()}
        return frozenset(stacks | (parts - kept) | self._settings_left)

    @cached_property
    def _settings_left(self) -> set[str]:
        """Return settings, and properties computed from them, that no stack of the copy reads."""
        code = "".join((ROOT / name).read_text() for name in self._code if name != "stacks/settings.py")
        used = set(re.findall(r"settings\.(\w+)", code))
        computed = {name: one for name, one in vars(Settings).items() if isinstance(one, property)}
        for node in ast.walk(ast.parse((ROOT / "stacks/settings.py").read_text())):
            if isinstance(node, ast.FunctionDef) and node.name in {"stack_name", *(used & computed.keys())}:
                used |= set(re.findall(r"self\.(\w+)", ast.unparse(node)))
        return ({field.name for field in fields(Settings)} | computed.keys()) - used

    @cached_property
    def _code_left(self) -> list[str]:
        """Return modules of ours that are not copied."""
        folders = ("runtime", "stacks", "lambda_src", "container", "tools")
        files = (file for folder in folders for file in sorted((ROOT / folder).rglob("*.py")))
        names = (str(file.relative_to(ROOT)) for file in files if file.name != "__init__.py")
        return [name for name in names if name not in self._code]

    @cached_property
    def mentions(self) -> re.Pattern[str]:
        """Return a regular expression for mentions of what is left behind: patterns, settings and modules."""
        others = [name for name in PATTERNS if name != self.pattern]
        words = [
            rf"\b{name}\b|(?<![a-z]){_snake(name)}\b|\b{_snake(name).replace('_', '-')}\b" for name in others
        ]
        named = sorted(self._left - {*STACKS})
        words += [_setting(name) if name in self._settings_left else _part(name) for name in named]
        words += [rf"['\"`]{name}['\"`]" for name in self._left & {*STACKS}]
        words += [rf"\b{name.removesuffix('.py').replace('/', '[./]')}\b" for name in self._code_left]
        words += [] if self.with_local_aws else [r"\btools[./]"]
        words += [r"dev\.py", r"\.ci/", "`jobs ", r"\bchooser\b", r"\bbench\b", r"(?<![\w-])samples/"]
        return re.compile("|".join(words))

    @cached_property
    def _cut(self) -> python_source.Cut:
        return python_source.Cut(missing=self._is_missing, names=self._left, settings="Settings")

    def _is_of_others(self, text: str) -> bool:
        return bool(self.mentions.search(text))

    def _is_missing(self, module: str) -> bool:
        """Return whether a module of ours is not among the copied code; tests are handled separately."""
        files = files_of(module)
        return (
            bool(files) and not {*files} & {*self._code, *ALWAYS, "app.py"} and not module.startswith("tests")
        )

    @cached_property
    def _app(self) -> str:
        return self._cut.apply((ROOT / "app.py").read_text(), within=["compose"])

    @cached_property
    def _tests(self) -> dict[str, str]:
        """Return the tests whose imports are all copied, and what they import from tests/."""
        names = [str(file.relative_to(ROOT)) for file in sorted((ROOT / "tests").rglob("*.py"))]
        found = {
            name: (ROOT / name).read_text()
            for name in names
            if not name.startswith(self._tests_left)
            and not self.mentions.search(name)
            and not self._is_of_code_left(name)
        }
        while True:
            cut = {name: self._tests_cut(name, found) for name in found}
            kept = {name: text for name, text in cut.items() if is_used(name, text)}
            if kept == found:
                return reachable(found)
            found = kept

    @property
    def _tests_left(self) -> tuple[str, ...]:
        """Return path prefixes of tests that are not copied; tests that deploy need the local AWS."""
        return ("tests/unit/tools/",) if self.with_local_aws else ("tests/unit/tools/", "tests/local/")

    def _is_of_code_left(self, test: str) -> bool:
        """Return whether the code that a test is about is not copied.

        tests/unit/A/test_B.py is about A/B.py if there is one, else about the modules in A/.
        """
        module = test.removeprefix("tests/unit/").replace("test_", "")
        if not Path(test).name.startswith("test_"):
            return False
        if (ROOT / module).is_file():
            return module not in self._code
        tested = {str(file.relative_to(ROOT)) for file in (ROOT / module).parent.glob("*.py")}
        return test.startswith("tests/unit/") and bool(tested) and not tested & {*self._code}

    def _tests_cut(self, name: str, found: dict[str, str]) -> str:
        def is_missing(module: str) -> bool:
            return self._is_missing(module) or (module.startswith("tests.") and not is_there(module, found))

        cut = python_source.Cut(missing=is_missing, names=self._left, mentions=self._is_of_others)
        for folder in [*Path(name).parents][::-1]:
            if (outer := str(folder / "conftest.py")) in found and outer != name:
                cut.apply((ROOT / outer).read_text())
        return cut.apply(found[name])

    @property
    def _requirements(self) -> Iterator[str]:
        """Yield the lines of requirements.in, without includes of requirements that are not copied."""
        for line in (ROOT / "requirements.in").read_text().splitlines(keepends=True):
            included = line.removeprefix("-r ").strip()
            if not line.startswith("-r ") or included in self._locks:
                yield line

    @property
    def _context(self) -> str:
        lines = (ROOT / "cdk.json").read_text().splitlines(keepends=True)
        left = self._settings_left
        return "".join(line for line in lines if '"' not in line or line.split('"')[1] not in left)

    def _pages(self, copied: dict[str, bytes]) -> Iterator[tuple[str, str]]:
        own = f"docs/{_snake(self.pattern).replace('_', '-')}.md"
        pages_of_it = {
            own,
            *(f"docs/{page}" for page, about in PAGES.items() if {*files_of(about)} & copied.keys()),
        }

        def has(path: str) -> bool:
            return str((ROOT / folder / path).resolve().relative_to(ROOT)) in {*copied, *pages_of_it}

        tests = {Path(name).stem for name in self._tests} | {
            test for text in self._tests.values() for test in re.findall(r"def (test_\w+)", text)
        }

        def mentions(text: str) -> bool:
            return self._is_of_others(text) or not {*re.findall(r"\btest_\w+", text)} <= tests

        cut = pages.Cut(pattern=self.pattern, names=self._left, mentions=mentions, has=has)
        for name in sorted({*pages_of_it, "THIRD_PARTY_NOTICES.md"}):
            folder = Path(name).parent
            yield name, cut.apply((ROOT / name).read_text())


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _setting(name: str) -> str:
    """Return a regular expression for a setting as code and pages write it; its bare name has other uses."""
    return rf"""[Ss]ettings(?:\(\))?\.{name}\b|['"`]{name}['"`=]|\b{name}=['"]|-c {name}=|['"]{name}: """


def _snapshots(stack: str) -> list[str]:
    return [str(file.relative_to(ROOT)) for file in (ROOT / "tests/synth/snapshots").glob(f"{stack}*")]


def _part(name: str) -> str:
    """Return a regular expression for a function's or image's folder: the name may mean other things too."""
    return rf"""\b(?:lambda_src|container)[./]{name}\b|['"]{name}['"]"""


def _module(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")


def _project(folders: set[str]) -> str:
    """Return pyproject.toml's tool settings without folders that are not copied."""
    kept = []
    _, table, tools = (ROOT / "pyproject.toml").read_text().partition("[tool.ruff]")
    for line in f"{table}{tools}".splitlines(keepends=True):
        named = re.match(r'"(\w+)[/.]', line)
        if line.startswith("files = "):
            names = [name for name in json.loads(line.removeprefix("files = ")) if name in folders]
            kept.append(f"files = {json.dumps(names)}\n")
        elif not line.startswith("exclude = ") and not (named and not {named[1], f"{named[1]}.py"} & folders):
            kept.append(line)
    return "".join(kept)
