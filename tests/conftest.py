"""What every test shares: a place outside of AWS, and images made by code."""

import os

import pytest

# No test reaches an account of whoever runs it.
os.environ.update(
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    POWERTOOLS_TRACE_DISABLED="1",
)
for _name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
    os.environ.pop(_name, None)


def pytest_report_header() -> str:
    return "No test reaches AWS: moto, templates, and a local AWS on loopback."


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skip hides what was not tested: on CI it is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first, then whatever deploys, and last what destroys it."""
    items.sort(key=lambda item: ("tests/local" in item.nodeid, "test_destroying" in item.nodeid))
