"""docs/adding-a-pattern.md is complete: following it adds a pattern to a copy of the tree."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "adding-a-pattern.md").read_text()
NOT_COPIED = shutil.ignore_patterns(".*", "build", "cdk.out", "node_modules", "__pycache__")
SWEEPS = ("upgrades", "nag", "rules", "metric_rules", "bundling", "privileges", "runbooks")
"""Tests of tests/synth that look at every pattern."""
STACK = """\"\"\"The smallest pattern: a function that counts uploads.\"\"\"

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_lambda_event_sources as event_sources
from constructs import Construct

from lambda_src.counter.metrics import SERVICE, Metric
from stacks.constructs.alarms import Alarms
from stacks.constructs.event_queue import EventQueue, of_function
from stacks.constructs.private_bucket import PrivateBucket
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.s3_events import uploads_and_deletions
from stacks.settings import Settings

TIMEOUT = cdk.Duration.seconds(10)


class CountPattern(cdk.Stack):
    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name(construct_id),
            termination_protection=settings.is_production,
        )
        alarms = Alarms(self, "Alarms", email=settings.alarm_email)
        source = PrivateBucket(self, "Source", versioned=True, events=True, retain=settings.is_production)
        uploads = EventQueue(
            self,
            "Uploads",
            pattern=uploads_and_deletions(source),
            visibility=of_function(TIMEOUT),
            alarms=alarms,
        )
        function = PythonFunction(
            self,
            "Function",
            name="counter",
            description="Counts uploads",
            timeout=TIMEOUT,
            memory_size=256,
            environment={},
            settings=settings,
            alarms=alarms,
        )
        function.add_event_source(
            event_sources.SqsEventSource(uploads.queue, report_batch_item_failures=True)
        )
        alarms.add(
            "Many",
            metric=cloudwatch.Metric(
                namespace=self.stack_name, metric_name=Metric.COUNTED, dimensions_map={"service": SERVICE}
            ),
            threshold=1000,
            why="A thousand uploads in five minutes.",
            runbook="many-uploads",
        )
        for name, value in {
            "Queue": uploads.queue.queue_url,
            "DeadLetters": uploads.dead_letters.queue_url,
            "Undelivered": uploads.undelivered.queue_url,
            "LogGroup": function.log_group.log_group_name,
        }.items():
            cdk.CfnOutput(self, name, value=value)
"""
METRICS = """\"\"\"What the function counts.\"\"\"

from enum import StrEnum

SERVICE = "counter"


class Metric(StrEnum):
    COUNTED = "Counted"
"""
HANDLER = """\"\"\"Counts the messages of its queue.\"\"\"

from lambda_src.counter.metrics import Metric
from runtime.sqs_batch import Outcome, each_message

handler = each_message(lambda message, context: Outcome(metric=Metric.COUNTED))
"""
REST = {
    "tests/synth/test_upgrades.py": {'    "Operations": set': '    "CountPattern": {"Source71E471F1"},\n'},
    "tests/synth/test_nag.py": {
        '    "HybridPattern": {': """    "CountPattern": {
        ("Source", "S1"),
        ("Uploads/Undelivered", "SQS3"),
        ("Function", "L1"),
        ("FunctionRole/DefaultPolicy", "IAM5"),
    },
"""
    },
    "tests/synth/metric_rules.py": {
        "from runtime.jobs import metrics as jobs": "from lambda_src.counter import metrics as counter\n",
        '    "HybridPattern": (jobs': '    "CountPattern": (counter.Metric, {counter.SERVICE}),\n',
    },
    "tests/synth/test_bundling.py": {
        '"iiif", "tracker", "views")': '"counter", ',
        '    "tracker": dict.fromkeys(': '    "counter": {},\n',
        '    "HybridPattern": {*DISPATCHERS': '    "CountPattern": {"counter"},\n',
        '        ("lambda_src/tracker/track.py"': '        ("lambda_src/counter/metrics.py", {"counter"}),\n',
    },
    "tests/support/privileges.py": {
        '    "HybridPattern": {': '    "CountPattern": {"counter": "FunctionRole"},\n',
        '    "tracker": {': '    "counter": _FUNCTION,\n',
    },
    "docs/runbooks.md": {
        "| HybridPattern: Uploads, D": (
            "| CountPattern: Uploads, Function | Queue | DeadLetters | Undelivered | LogGroup |\n"
        ),
        "## Dead letters\n": "## Many uploads\n\nLook.\n\n",
    },
}
"""What the page asks for beyond the pattern's own files and app.py: by file, a text and what to insert
before it.
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy with the pattern's own files, and its lines in app.py."""
    folder = tmp_path_factory.mktemp("adding") / "tree"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    for shared in ("build", "node_modules"):
        (folder / shared).symlink_to(ROOT / shared)
    lock = (ROOT / "lambda_src" / "tracker" / "requirements.txt").read_text()
    for file, text in {
        "stacks/count_pattern/__init__.py": "",
        "stacks/count_pattern/stack.py": STACK,
        "lambda_src/counter/__init__.py": "",
        "lambda_src/counter/metrics.py": METRICS,
        "lambda_src/counter/handler.py": HANDLER,
        "lambda_src/counter/requirements.txt": lock,
    }.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(text)
    app = folder / "app.py"
    insert(app, "from stacks.hybrid_pattern", "from stacks.count_pattern.stack import CountPattern\n")
    insert(app, "    Operations(", '    CountPattern(scope, "CountPattern", settings=settings)\n')
    insert(app, '"LambdaPattern", *', '"CountPattern", ')
    return folder


def insert(file: Path, before: str, text: str) -> None:
    whole = file.read_text()
    assert whole.count(before) == 1, (file, before)
    file.write_text(whole.replace(before, text + before))


def failing(tree: Path, *sweeps: str, **environment: str) -> set[str]:
    """Run these sweeps in the copy, and the tests of its structure; return those in which something fails."""
    named = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "-m", "not slow"]
    command += ["tests/test_imports.py", *(f"tests/synth/test_{sweep}.py" for sweep in sweeps)]
    done = subprocess.run(command, cwd=tree, env={**named, **environment}, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout[-3000:] + done.stderr[-3000:]
    print(done.stdout[-3000:])
    return set(re.findall(r"^(?:FAILED|ERROR) tests/(?:synth/)?test_(\w+)\.py", done.stdout, re.MULTILINE))


@pytest.mark.slow
def test_a_pattern_is_complete_once_the_files_of_the_page_are_touched(tree: Path) -> None:
    assert failing(tree, *SWEEPS) == {*SWEEPS}
    held, _, _ = PAGE.partition("Yours to remember")
    for file, additions in REST.items():
        assert f"`{file}`" in held, file
        for before, text in additions.items():
            insert(tree / file, before, text)
    failing(tree, "upgrades", "privileges", UPDATE_SNAPSHOTS="1")
    assert failing(tree, *SWEEPS) == set()
