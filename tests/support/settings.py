"""Sets of settings with which the tests synthesise every template."""

import itertools
from collections.abc import Iterator, Mapping

CHOICES = {
    "stage": ("sandbox", "production"),
    "architecture": ("arm64", "x86_64"),
    "labels": ("off", "on"),
    "alarm_email": ("", "ops@example.com"),
    "egress": ("public-ip", "nat", "endpoints"),
    "flow_logs": ("off", "on"),
    "waf": ("off", "on"),
    "deployments": ("rolling", "canary"),
    "domain": ("", "images.example.com"),
    "stream": ("provisioned", "on-demand"),
    "views": ("off", "on"),
    "videos": ("off", "on"),
    "exec": ("off", "on"),
    "warm": ("off", "provisioned", "snapstart"),
}


Pair = dict[str, str]
"""Values of two settings."""


def pairwise(choices: Mapping[str, tuple[str, ...]]) -> Iterator[dict[str, str]]:
    """Yield a few sets of settings, so that each pair of values of two settings occurs in at least one."""
    wanted = [
        {a: x, b: y}
        for a, b in itertools.combinations(choices, 2)
        for x, y in itertools.product(choices[a], choices[b])
    ]
    while wanted:
        row = dict(wanted[0])
        for name, values in choices.items():
            row.setdefault(name, max(values, key=lambda value: _meets(wanted, row, name, value)))
        wanted = [pair for pair in wanted if not pair.items() <= row.items()]
        yield {name: row[name] for name in choices}


def _meets(wanted: list[Pair], row: Mapping[str, str], name: str, value: str) -> tuple[int, int]:
    """Return how many wanted pairs `row` and a value complete together, and how many contain the value."""
    with_it = {**row, name: value}
    ahead = [pair for pair in wanted if pair.get(name) == value]
    return sum(pair.items() <= with_it.items() for pair in ahead), len(ahead)


SETTINGS = list(pairwise(CHOICES))
CERTIFICATE = "arn:aws:acm:us-east-1:111111111111:certificate/11111111-2222-3333-4444-555555555555"
GO_TOGETHER = {
    "domain": {"certificate_arn": CERTIFICATE},
}


def complete(settings: dict[str, str]) -> dict[str, str]:
    """Return the settings, plus those that some of them require."""
    return {
        **settings,
        **{k: v for name, more in GO_TOGETHER.items() if settings[name] for k, v in more.items()},
    }
