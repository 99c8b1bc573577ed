"""What every test shares: isolation from AWS, the order of tests, and their distribution to workers."""

import os
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

LOCAL = "tests/local"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "POWERTOOLS_TRACE_DISABLED": "1",
}
# Keep tests out of the AWS account of whoever runs them.
for _name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
    os.environ.pop(_name, None)
os.environ.update(ENVIRONMENT)
settings.register_profile("repeatable", derandomize=True, max_examples=300, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def outside_of_aws() -> None:
    """Set the dummy AWS variables again before each test, since `local_aws` deletes them."""
    os.environ.update(ENVIRONMENT)


def pytest_report_header() -> str:
    return "Tests use moto, templates, and a local AWS on loopback; none reaches AWS."


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session on CI if a test was skipped: a skip hides what was not tested."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order tests: quick ones first, then those that deploy, and last those that destroy.

    An xdist worker begins with those that deploy. If LOCAL_AWS_CONTAINERS is `processes`, tests marked
    `containers` are deselected, not skipped.
    """
    if os.environ.get("LOCAL_AWS_CONTAINERS") == "processes":
        of_containers = [item for item in items if item.get_closest_marker("containers")]
        config.hook.pytest_deselected(items=of_containers)
        items[:] = [item for item in items if item not in of_containers]
    first = hasattr(config, "workerinput")
    items.sort(key=lambda item: ((LOCAL in item.nodeid) is not first, "test_destroying" in item.nodeid))


class ByDeployment(LoadScopeScheduling):  # type: ignore[misc]
    """Keep the tests of each folder in tests/local on one worker, since they share a deployment.

    The files in tests/local itself are such a group too; other files may go to any worker.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file.rpartition("/")[0] if file.startswith(LOCAL) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByDeployment:
    """Return `ByDeployment`, for any number of workers."""
    return ByDeployment(config, log)
