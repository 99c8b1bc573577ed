"""The answer as text, as terminal tables, as a decision record, or as JSON for programs."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from chooser.candidates import FUNCTIONS, Reason, size
from chooser.changes import Change, changes
from chooser.choose import BreakEven, Verdict, break_even, choose, rival, sentence
from chooser.notes import NOT_MODELLED, borrowed, elsewhere, sizing, unmeasured, warnings
from chooser.prices import Price, as_of
from chooser.workload import Workload

HEAD = ("candidate", "USD a month", "")
UNITS = {
    "seconds": "s",
    "synchronous_seconds": "s",
    "memory_mb": "MB",
    "disk_mb": "MB of disk",
    "disk_gib": "GiB of disk",
    "image_gb": "GB of image",
    "request_mb": "MB per request",
    "response_mb": "MB per response",
    "function_response_mb": "MB per request or response",
    "message_mb": "MB per message",
    "event_mb": "MB per event",
    "streamed_response_mb": "MB per streamed response",
    "priced_memory_mb": "MB in the one instance priced here",
    "starts_a_second": "starts per second",
}
WORDS = {
    "gpu": "has no GPU",
    "priced_gpu": "no GPU instance is priced here",
    "priced_x86_64": "no x86_64 instance is priced here",
    "connections": "keeps no connections open",
    "called": "does not answer a caller",
    "interruptible": "may be stopped at two minutes' notice (set interruptible if the work allows it)",
}


class Answer(NamedTuple):
    """Everything that is reported about a workload."""

    load: Workload
    verdicts: list[Verdict]
    text: str
    crossing: BreakEven | None
    other: Verdict | None
    flips: list[Change]
    steady: list[str]

    @property
    def best(self) -> Verdict:
        """The cheapest possible candidate, or the cheapest of those ruled out if none is possible."""
        return self.verdicts[0]

    @property
    def notes(self) -> list[str]:
        """Notes on the cheapest candidate: sizing, caveats, borrowed prices, unmeasured assumptions."""
        load, best = self.load, self.best
        names = {why.quantity for one in self.verdicts for why in one.violations}
        assumed = unmeasured(load, late="start_seconds" in names)
        if not best.possible:
            return [*assumed]
        found = [sizing(load, best), *warnings(load, best), *borrowed(load, best), *assumed]
        return [one for one in found if one]


def answer(load: Workload, *, architecture: str = "", free: bool = False) -> Answer:
    """Return everything about one workload."""
    verdicts = choose(load, architecture=architecture, free=free)
    best, other = verdicts[0], rival(verdicts) if verdicts[0].possible else None
    crossing = None
    if other:
        crossing = break_even(
            load,
            (best.candidate, best.architecture),
            (other.candidate, other.architecture),
            free=free,
        )
    flips, steady = changes(load, verdicts, architecture=architecture, free=free)
    return Answer(load, verdicts, sentence(verdicts), crossing, other, flips, steady)


def reason(one: Reason) -> str:
    """Return why a candidate is ruled out, with the limit's number, date and confidence."""
    what = one.quantity
    if what in WORDS:
        said = WORDS[what]
    elif what in ("start_seconds", "init_ms"):
        said = f"starts in {one.value:g} s, wanted within {one.asked:g} s"
    else:
        said = f"at most {one.value:,.10g} {UNITS[what]}, wanted {one.asked:,.6g}"
    return f"{said} ({one.bound.date}, {one.bound.confidence})" if one.bound else said


def reasons(verdict: Verdict) -> str:
    """Return everything that rules a candidate out."""
    return "; ".join(map(reason, verdict.violations))


def rows(verdicts: Sequence[Verdict]) -> list[tuple[str, str, str]]:
    """Return rows of candidate, USD per month, and a remark."""
    found = []
    for one in verdicts:
        usd = f"{one.usd:,.2f}" if one.possible else "-"
        low, high = one.spread
        wide = round(low, 2) != round(high, 2)
        remark = reasons(one) or (f"{low:,.2f} to {high:,.2f}: prices are unverified" if wide else "")
        found.append((f"{one.candidate}, {one.architecture}", usd, remark))
    return found


def details(verdicts: Sequence[Verdict]) -> list[tuple[str, str, str]]:
    """Return what `rows` does, with every item of the bill after a possible candidate's row."""
    found = []
    for one, row in zip(verdicts, rows(verdicts), strict=True):
        found.append(row)
        for item in one.items if one.possible else ():
            remark = f"unverified: {', '.join(item.unverified)}" if item.unverified else ""
            found.append((f"  {item.what}", f"{item.usd:,.2f}", remark))
    return found


def crossing_in_words(found: Answer) -> str:
    """Return where two bills cross, in words."""
    if not found.other or not found.load.requests:
        return ""
    function = found.best if found.best.candidate in FUNCTIONS else found.other
    tasks = found.other if function is found.best else found.best
    if not found.crossing:
        cheaper, dearer = found.best.candidate, found.other.candidate
        return f"None: {cheaper} stays cheaper than {dearer} from 1/10,000 to 10,000 times this load."
    at = found.crossing
    busy = f"{at.busy:.0%} of one" if at.busy < 1 else f"{at.busy:,.1f}"
    return (
        f"{function.candidate} and {tasks.candidate} cost the same at {at.requests:,.0f} requests a month: "
        f"{at.per_second:,.3g} a second, {busy} function environment{'s' * (at.busy >= 1)} busy all month. "
        f"Below, {at.below} is cheaper; above, {at.above}.{_more(at)}"
    )


def _more(at: BreakEven) -> str:
    if not at.others:
        return ""
    low, high = at.others
    return f" Whole tasks make them cross more than once between {low:,.0f} and {high:,.0f}."


def paragraphs(found: Answer) -> Iterator[tuple[str, list[str]]]:
    """Yield titles with lines, for text and for the decision record."""
    if crossing := crossing_in_words(found):
        yield "Break-even", [crossing]
    lines = [
        f"{one.key} {one.now} -> {one.then}: {one.best.candidate} on {one.best.architecture}"
        + (f", ${one.best.usd:,.2f}" if one.key in found.load._fields or "." in one.key else "")
        for one in found.flips
    ]
    if found.steady:
        lines.append(f"No change from any of these alone: {', '.join(found.steady)}.")
    yield "What would change it", lines
    if found.notes:
        yield "Keep in mind", found.notes
    if other := [*elsewhere(found.load)]:
        yield "Other AWS options, not priced here", other
    yield "Not in any bill", [f"{NOT_MODELLED[:1].upper()}{NOT_MODELLED[1:]}."]


def plain(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Format a table without any library, for pipes and logs."""
    wide = [max(len(row[column]) for row in (head, *lines)) for column in range(2)]
    texts = (f"{row[0]:<{wide[0]}}  {row[1]:>{wide[1]}}  {row[2]}".rstrip() for row in (head, *lines))
    return "\n".join(texts)


def pretty(head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print a table on a terminal."""
    try:
        from rich import box
        from rich.console import Console
        from rich.table import Table
    except ImportError:  # without the project's environment
        print(plain(head, lines))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(head[0], no_wrap=True)
    table.add_column(head[1], justify="right", no_wrap=True)
    table.add_column(head[2])
    for row in lines:
        table.add_row(*row, style="dim" if row[1] == "-" else None)
    Console().print(table)


def as_markdown(found: Answer, today: date) -> str:
    """Return a decision record: question, answer with its bill, what would change it, and inputs."""
    bill = [("| | USD a month |"), "|---|---:|"]
    bill += [f"| {item.what} | {item.usd:,.2f} |" for item in found.best.items if found.best.possible]
    others = [f"| {name} | {usd} | {remark} |" for name, usd, remark in rows(found.verdicts)]
    inputs = [
        f"| `{key}` | {str(getattr(found.load, key)).replace('|', '/')} |"
        for key in found.load._fields
        if key in found.load.given
    ]
    parts = [
        f"# {found.load.name.replace('|', '/')}: Lambda or Fargate?",
        f"Decided on {today} with list prices of {found.load.region} as of {as_of(found.load.region)}.",
        f"**{found.text}**",
        "\n".join(bill),
        "\n".join([f"| {' | '.join(HEAD)} |", "|---|---:|---|", *others]),
    ]
    for title, lines in paragraphs(found):
        parts.append(f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines))
    names = sorted({name for item in found.best.items for name in item.names})
    used = map(found.load.price, names)
    sources = [
        f"| {one.name} | {one.usd:.10g} | {one.date}, {one.confidence} | <{one.source}> |" for one in used
    ]
    head = ["## Prices\n", "| price | USD | read, confidence | source |", "|---|---:|---|---|"]
    parts.append("\n".join([*head, *sources]))
    parts.append("\n".join(["## Inputs\n", "| key | value |", "|---|---|", *inputs]))
    return "\n\n".join(parts)


def as_json(found: Answer) -> str:
    """Return `as_data` as JSON, for programs."""
    import json

    return json.dumps(as_data(found), indent=1, allow_nan=False)


def as_data(found: Answer) -> dict[str, object]:
    """Return the whole answer: inputs, results, and prices and limits with their sources and dates."""
    names = sorted({name for one in found.verdicts for item in one.items for name in item.names})
    used = map(found.load.price, names)
    load = {key: value for key, value in found.load._asdict().items() if key != "given"}
    return {
        "workload": found.load.name,
        "answer": found.text,
        "region": found.load.region,
        "prices_as_of": str(as_of(found.load.region)),
        "candidates": [_candidate(found.load, one) for one in found.verdicts],
        "break_even": found.crossing and {**found.crossing._asdict(), "in_words": crossing_in_words(found)},
        "changes": [
            {"key": one.key, "now": one.now, "then": one.then, "candidate": one.best.candidate}
            for one in found.flips
        ],
        "unchanged_by": found.steady,
        "notes": found.notes,
        "elsewhere": [*elsewhere(found.load)],
        "not_modelled": NOT_MODELLED,
        "inputs": {**load, "given": sorted(found.load.given)},
        "prices": {one.name: _price(one) for one in used},
    }


def _price(one: Price) -> dict[str, object]:
    tiers = [(None if bound == float("inf") else bound, usd) for bound, usd in one.tiers]
    return {**one._asdict(), "date": str(one.date), "tiers": tiers}


def _candidate(load: Workload, one: Verdict) -> dict[str, object]:
    found, (low, high) = size(one.candidate, load, one.architecture), one.spread
    return {
        "candidate": one.candidate,
        "kind": "function" if one.candidate in FUNCTIONS else "tasks",
        "architecture": one.architecture,
        "possible": one.possible,
        "usd_a_month": round(one.usd, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "items": [{"what": item.what, "usd": round(item.usd, 4), "prices": item.names} for item in one.items],
        "task": found and {"vcpus": found.vcpus, "memory_gb": found.memory_gb, "tasks": found.tasks},
        "against": [
            {
                "limit": why.name,
                "value": why.value,
                "asked": why.asked,
                "source": why.bound.source if why.bound else "the workload",
                "date": str(why.bound.date) if why.bound else None,
                "confidence": why.bound.confidence if why.bound else None,
            }
            for why in one.violations
        ],
        "unverified_prices": one.unverified,
    }
