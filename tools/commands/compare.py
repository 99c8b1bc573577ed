"""`python3 dev.py compare`: the same image service as a function and as a service, under the same requests.

--target local: the local AWS. --target aws: an account of yours, after a price estimate and your
confirmation. The stacks are destroyed afterwards.
"""

import itertools
import math
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import pyvips
from rich import box
from rich.console import Console
from rich.table import Table

from chooser.candidates import Candidate, a_million, total
from chooser.prices import as_of
from stacks.settings import Settings
from tools import load
from tools.commands import at_rest, trial
from tools.commands.costs import workload
from tools.commands.trial import Deployed, Trial
from tools.drivers.fargate_pattern import ServiceDriver
from tools.drivers.viewer import Viewer
from tools.load import Answers, Asked
from tools.local_aws.aws import ROOT

STACKS = ("Network", "FargatePattern", "LambdaService")
SIDES = {"FargatePattern": "Fargate", "LambdaService": "Lambda"}
DRIVERS = {"FargatePattern": ServiceDriver, "LambdaService": Viewer}
CANDIDATES = {"FargatePattern": Candidate.SERVICE, "LambdaService": Candidate.LAMBDA}
PHOTO = ROOT / "samples" / "earth-blue-marble.jpg"
WIDTH, HEIGHT = 4096, 2048
"""Size of the photo."""
APART = 10_000
"""Distance between the numbers of two steps' first paths; no step requests that many paths."""
BROWSER = 6
"""Connections of a browser to one host with HTTP/1.1; with HTTP/2, it may request more at once."""
SESSION = 40
"""Tiles that a viewer's session requests."""
HUGE = 10_000
"""Edge in pixels of a square image of 100 megapixels, the maximum that the services accept."""
MONTHS = (10_000, 1_000_000, 20_000_000)
"""Monthly requests that reach the origin."""
HOURS, EXTRA_USD = 1.0, 0.50
PAGE = 130
"""Width of the tables, which are Markdown to paste into a page."""
CANNOT_SHOW = (
    "The local AWS has no network, no TLS and no cache at its edge. Function and task are processes of one "
    "machine: a burst shares its cores, a task has no image to pull and (without Docker) all cores, and "
    "a cold start has no package to fetch. Compare the sides with each other, not with AWS."
)


@dataclass(frozen=True, kw_only=True)
class Extent:
    """Amount of load. rates: requests per second, by step; 0 means half of the slower side's capacity.

    seconds: duration of each of those steps. burst: requests that are sent at once.
    """

    seconds: float
    rates: tuple[float, ...]
    burst: int


EXTENTS = {
    "local": Extent(seconds=10, rates=(1, 5, 0), burst=20),
    "aws": Extent(seconds=60, rates=(1, 10, 50), burst=100),
}


Step = Callable[[Viewer], Answers]


def plan(target: str) -> str:
    """Return what will be done and, in an account, its cost; needs no credentials."""
    asked = EXTENTS[target]
    rates = ", ".join(f"{rate:g}" for rate in asked.rates if rate)
    rates += " requests per second"
    rates += "" if all(asked.rates) else ", and half the lower capacity,"
    lines = [
        f"1. cdk deploy {' '.join(STACKS)}",
        f"2. both get the same requests: cold, a first image, a viewer's session, {rates} for "
        f"{asked.seconds:g} s each, {asked.burst} at once, 100 megapixels, an answer too big for a function",
        "3. cdk destroy what this run created, even if something before it failed",
    ]
    if target == "aws":
        standing = sum(
            item.usd for item in at_rest.items(stage="sandbox", egress="public-ip", architecture="arm64")
        )
        usd = standing / 730 * HOURS + EXTRA_USD
        lines += [
            f"It takes about {HOURS:g} hour and about ${usd:.2f} by list prices (us-east-1, {as_of()}).",
            "It needs Docker, and an account and Region that are bootstrapped (cdk bootstrap).",
        ]
    return "\n".join(lines)


def compare(deployed: Deployed, extent: Extent | None = None) -> None:
    """Send the same requests to the function and to the tasks, and print the results as Markdown tables."""
    extent = extent or EXTENTS["local" if deployed.endpoint else "aws"]
    say = partial(deployed.console.print, markup=False, soft_wrap=True)
    viewers: dict[str, Viewer] = {}
    for stack, kind in DRIVERS.items():
        outputs = deployed.outputs[stack]
        endpoint = deployed.endpoint or outputs["Url"]
        viewers[stack] = kind(client=deployed.client, outputs=outputs, endpoint=endpoint)
    service = viewers["FargatePattern"]
    assert isinstance(service, ServiceDriver)
    service.wait_until_steady(timeout=900)
    with deployed.console.status("Uploading images ...") as status:
        images = pictures()
        for viewer in viewers.values():
            for key, data in images.items():
                viewer.upload(key, data)
        taken: dict[str, dict[str, Answers]] = {}
        for name, step in steps(viewers, extent):
            status.update(f"{name} ...")
            taken[name] = {stack: step(viewer) for stack, viewer in viewers.items()}
    page = Console(file=deployed.console.file, width=PAGE)
    page.print(report(taken))
    if not deployed.endpoint:
        starting = [(one["startedAt"] - one["createdAt"]).total_seconds() for one in service.tasks()]
        say(f"A task was running {max(starting):.0f} s after it was asked for.")
    limits = deployed.client("lambda").get_account_settings()["AccountLimit"]
    say(f"This account may have {limits['ConcurrentExecutions']:,} concurrent executions of functions.")
    work = {stack: work_of(taken, stack) for stack in viewers}
    page.print(costs(work, deployed.settings))
    say(f"USD for what the cache does not answer: {deployed.settings.cpu}, list prices of {as_of()}.")
    if deployed.endpoint:
        say(f"\n{CANNOT_SHOW}")


def steps(viewers: Mapping[str, Viewer], extent: Extent) -> Iterator[tuple[str, Step]]:
    """Yield each step's name, and a function that sends its requests to one side.

    Both sides get the same requests. No image path repeats on a side, so CloudFront answers none from its
    cache; the servers' own caches do help.
    """
    starts = itertools.count(0, APART)
    for name in ("first answer (/live)", "the next (/live)"):
        yield name, lambda viewer: load.at_once(asker(viewer), ["/live"], clients=1)
    yield "first image", partial(_each, key="first.jpg", asked="full/600,/0/default.jpg")
    yield "viewer's session", lambda viewer: load.at_once(asker(viewer), session(viewer), clients=BROWSER)
    least = 0.0
    for rate in extent.rates:
        if not rate:
            start = next(starts)
            least = least or min(
                load.capacity(asker(one), parts(one, start), clients=4, seconds=extent.seconds / 2)
                for one in viewers.values()
            )
        at = rate or max(1, least / 2)

        def steadily(viewer: Viewer, at: float = at, start: int = next(starts)) -> Answers:
            paths = parts(viewer, start)
            return load.steady(asker(viewer), paths, per_second=at, seconds=extent.seconds)

        yield f"{at:.3g} per second", steadily

    def burst(viewer: Viewer, start: int = next(starts)) -> Answers:
        paths = [*itertools.islice(parts(viewer, start), extent.burst)]
        return load.at_once(asker(viewer), paths, clients=extent.burst)

    yield f"{extent.burst} at once", burst
    for name, key, asked in (
        ("100 megapixels, whole", "huge.jpg", "full/600,/0/default.jpg"),
        ("100 megapixels, a part", "huge.jpg", "4000,4000,900,900/300,/0/default.jpg"),
        ("an answer of 15 MB", "noise.png", "full/max/0/default.png"),
    ):
        yield name, partial(_each, key=key, asked=asked)


def _each(viewer: Viewer, *, key: str, asked: str) -> Answers:
    return load.at_once(asker(viewer), [f"{viewer.image(key)}/{asked}"], clients=1)


def asker(viewer: Viewer) -> load.Ask:
    """Return a function that requests a path and measures the time."""

    def ask(path: str) -> Asked:
        began = time.perf_counter()
        answer = viewer.get(path)
        seconds = time.perf_counter() - began
        taken = re.findall(r"(\w+);dur=([\d.]+)", answer.headers.get("server-timing", ""))
        work = sum(float(ms) for step, ms in taken if step in ("parse", "fetch", "decode", "work"))
        return Asked(status=answer.status, seconds=seconds, work_ms=work)

    return ask


def session(viewer: Viewer) -> list[str]:
    """Return the first tiles of the photo, level by level from the coarsest, row by row."""
    paths = []
    for factor in (8, 4, 2, 1):
        edge = 512 * factor
        for y in range(0, HEIGHT, edge):
            for x in range(0, WIDTH, edge):
                width, height = min(edge, WIDTH - x), min(edge, HEIGHT - y)
                size = f"{-(-width // factor)},{-(-height // factor)}"
                paths.append(f"{viewer.image('photo.jpg')}/{x},{y},{width},{height}/{size}/0/default.jpg")
    return paths[:SESSION]


def parts(viewer: Viewer, start: int) -> Iterator[str]:
    """Yield paths that never repeat: alternately a tile, and the whole photo at another size.

    start: number of the first path; the starts of two series differ by at least APART.
    """
    photo = viewer.image("photo.jpg")
    for number in itertools.count(start):
        if number % 2:
            x, y = number % (WIDTH - 1024), number // (WIDTH - 1024)
            yield f"{photo}/{x},{y},1024,1024/512,/0/default.jpg"
        else:
            width = 200 + number % 1200
            yield f"{photo}/full/{width},{width // 2 + number // 1200}/0/default.jpg"


def pictures() -> dict[str, bytes]:
    """Return images by key: a photo, a copy to request first, an image of 100 megapixels, and noise."""
    photo = PHOTO.read_bytes()
    image = pyvips.Image.new_from_buffer(photo, "")
    huge = image.resize(HUGE / image.width, vscale=HUGE / image.height)
    noise = pyvips.Image.gaussnoise(2600, 2000, mean=128, sigma=60, seed=23).cast("uchar")
    return {
        "photo.jpg": photo,
        "first.jpg": photo,
        "huge.jpg": huge.write_to_buffer(".jpg", Q=80),
        "noise.png": noise.bandjoin([noise.rot180(), noise.fliphor()]).write_to_buffer(".png", compression=1),
    }


def report(taken: Mapping[str, Mapping[str, Answers]]) -> Table:
    """Return a Markdown table with a row per step and side."""
    table = Table(box=box.MARKDOWN, pad_edge=False)
    for heading in ("step", "service"):
        table.add_column(heading, no_wrap=True)
    for heading in ("requests", "p50, ms", "p95, ms", "longest, ms", "throttled", "refused, failed"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, sides in taken.items():
        for stack, answers in sides.items():
            times = (answers.milliseconds(share) for share in (0.5, 0.95, 1))
            shown = ["" if math.isnan(ms) else f"{ms:,.0f}" for ms in times]
            counts = [f"{number:,}" for number in (answers.throttled, answers.failed)]
            table.add_row(name, SIDES[stack], f"{len(answers.all):,}", *shown, *counts)
    return table


def work_of(taken: Mapping[str, Mapping[str, Answers]], stack: str) -> float:
    """Return the mean milliseconds of work per request, as the server reports them for the steady load."""
    steady = [
        one for name, sides in taken.items() if name.endswith(" per second") for one in sides[stack].good
    ]
    return Answers(all=steady).work_ms


def costs(work: Mapping[str, float], settings: Settings) -> Table:
    """Return a table with a row per side: work per request, cost per extra million, cost of whole months."""
    table = Table(box=box.MARKDOWN, pad_edge=False)
    table.add_column("side", no_wrap=True)
    headings = ("work per request, ms", "per extra million", *(f"{month:,} per month" for month in MONTHS))
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for stack, milliseconds in work.items():
        where = CANDIDATES[stack]
        one = workload(milliseconds, architecture=settings.cpu, settings=settings)
        one = one._replace(load_balancer="internal", addresses=1, production=settings.is_production)
        if where is Candidate.LAMBDA:
            one = one._replace(task_vcpus=0, task_memory_gb=0, front_door="cloudfront")
        months = (one._replace(requests=month) for month in MONTHS)
        usd = [a_million(where, one, settings.cpu), *(total(where, month, settings.cpu) for month in months)]
        table.add_row(SIDES[stack], f"{milliseconds:,.0f}", *(f"${one:,.2f}" for one in usd))
    return table


COMPARE = Trial(name="compare", about=__doc__, stacks=STACKS, plan=plan, use=compare)


if __name__ == "__main__":
    sys.exit(trial.run(COMPARE, sys.argv[1:]))
