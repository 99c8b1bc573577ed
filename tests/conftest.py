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

LOCAL = "tests/local"


def pytest_report_header() -> str:
    return "No test reaches AWS: moto, templates, and a local AWS on loopback."


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skip hides what was not tested: on CI it is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Quick tests first, then whatever deploys, and last what destroys it.

    With workers (`dev.py test`) what deploys is one group and begins, for it is the longest.
    """
    deploying_first = hasattr(config, "workerinput")
    for item in items:
        group = LOCAL if LOCAL in item.nodeid else item.path.name
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(
        key=lambda item: ((LOCAL in item.nodeid) is not deploying_first, "test_destroying" in item.nodeid)
    )
