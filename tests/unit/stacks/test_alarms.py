"""The share of failed requests, on which two error alarms are set at 5 %."""

import pytest

from stacks.constructs.alarms import error_percent


@pytest.mark.parametrize(
    ("failed", "asked", "is_alarm"),
    [
        (0, 0, False),
        (1, 1, False),
        (1, 39, False),
        (2, 2, True),
        (2, 40, True),
        (4, 100, False),
        (5, 100, True),
    ],
)
def test_one_error_among_a_few_requests_is_below_five_percent_and_two_are_not(
    failed: int, asked: int, is_alarm: bool
) -> None:
    names = {"IF": lambda condition, then, otherwise: then if condition else otherwise}
    share = eval(error_percent("failed", "asked"), {**names, "failed": failed, "asked": asked})  # noqa: S307
    assert (share >= 5) is is_alarm
