"""Random workloads from a seed."""

import random
from collections.abc import Iterator

from chooser.changes import RANGES
from chooser.keys import BALANCERS, FRONT_DOORS, parse
from chooser.workload import ARCHITECTURES, Workload

REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1")


def workloads(by: random.Random, count: int) -> Iterator[Workload]:
    """Yield `count` workloads, cheap and expensive ones."""
    for number in range(count):
        durations = {one: round(10 ** by.uniform(0, 6), 2) for one in ARCHITECTURES if by.random() < 0.8}
        values: dict[str, object] = {
            "name": f"seeded {number}",
            "requests": round(10 ** by.uniform(0, 9)),
            "duration_ms": durations or {"arm64": 20},
            "memory_mb": by.choice((128, 512, 1769, 3008, 10_240)),
        }
        more: dict[str, object] = {
            "region": by.choice(REGIONS),
            "hours": [by.randint(0, 9) for _ in range(23)] + [1],
            "payload_out_mb": round(10 ** by.uniform(-4, 2), 4),
            "internet": True,
            "front_door": by.choice(FRONT_DOORS),
            "load_balancer": by.choice(BALANCERS),
            "start_seconds": by.choice((0.1, 1, 60, 600)),
            "interruptible": True,
            "production": False,
            "puts": by.randint(0, 9),
            **{key: round(by.uniform(*ends), 3) for key, ends in RANGES.items()},
        }
        values |= {key: value for key, value in more.items() if by.random() < 0.4}
        yield parse(values)
