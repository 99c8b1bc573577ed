"""Sets of settings with which templates are swept."""

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
    "domain": ("", "images.example.com"),
    "stream": ("provisioned", "on-demand"),
    "views": ("off", "on"),
    "videos": ("off", "on"),
    "warm": ("off", "provisioned", "snapstart"),
}


def pairwise(choices: Mapping[str, tuple[str, ...]]) -> Iterator[dict[str, str]]:
    """Few sets of settings in which every two values of two settings meet."""
    wanted = {
        frozenset({(a, x), (b, y)})
        for a, b in itertools.combinations(choices, 2)
        for x, y in itertools.product(choices[a], choices[b])
    }

    def meets(row: dict[str, str]) -> int:
        return sum(pair <= row.items() for pair in wanted)

    rows = [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
    while wanted:
        best = max(rows, key=meets)
        wanted -= {pair for pair in wanted if pair <= best.items()}
        yield best


SETTINGS = list(pairwise(CHOICES))
CERTIFICATE = "arn:aws:acm:us-east-1:111111111111:certificate/11111111-2222-3333-4444-555555555555"
GO_TOGETHER = {
    "domain": {"certificate_arn": CERTIFICATE},
}


def complete(settings: dict[str, str]) -> dict[str, str]:
    """With what goes with some of them."""
    return {
        **settings,
        **{k: v for name, more in GO_TOGETHER.items() if settings[name] for k, v in more.items()},
    }
