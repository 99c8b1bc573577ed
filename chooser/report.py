"""The answer as text, as tables for a terminal, or as JSON for programs."""

from collections.abc import Sequence

from chooser.choose import Verdict
from chooser.prices import as_of
from chooser.workload import Workload

UNITS = {
    "seconds": "s",
    "memory_mb": "MB",
    "disk_mb": "MB of disk",
    "disk_gib": "GiB of disk",
    "request_mb": "MB a request",
    "response_mb": "MB an answer",
    "priced_memory_mb": "MB in the one instance priced here",
    "starts_a_second": "starts a second",
}
NONE = {
    "gpu": "has no GPU",
    "priced_gpu": "no price here with a GPU",
    "priced_x86_64": "no price here on x86_64",
    "connections": "keeps no connections open",
}


def against(verdict: Verdict) -> str:
    """Why a candidate is ruled out, each limit with its number, source and date."""
    parts = []
    for bound, asked in verdict.against:
        what = bound.name.partition(".")[2]
        if what in NONE:
            said = NONE[what]
        elif what == "start_seconds":
            said = f"starts in {bound.value:g} s, wanted within {asked:g} s"
        else:
            said = f"at most {bound.value:,.10g} {UNITS[what]}, wanted {asked:,.10g}"
        parts.append(f"{said} ({bound.date}, {bound.confidence})")
    return "; ".join(parts)


def rows(verdicts: Sequence[Verdict]) -> list[tuple[str, str, str]]:
    """Candidate, USD a month, and a remark."""
    found = []
    for one in verdicts:
        usd = f"{one.usd:,.2f}" if one.possible else "-"
        remark = against(one) if one.against else "some prices are unverified" if one.unverified else ""
        found.append((f"{one.candidate}, {one.architecture}", usd, remark))
    return found


def details(verdicts: Sequence[Verdict]) -> list[tuple[str, str, str]]:
    """The same with every item of each bill."""
    found = []
    for one, row in zip(verdicts, rows(verdicts), strict=True):
        found.append(row)
        for item in one.items if one.possible else ():
            marked = [name for name in item.prices if name in one.unverified]
            remark = f"unverified: {', '.join(marked)}" if marked else ""
            found.append((f"  {item.what}", f"{item.usd:,.2f}", remark))
    return found


def plain(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table without any library, for pipes and logs."""
    wide = [max(len(row[column]) for row in (head, *lines)) for column in range(2)]
    texts = (f"{row[0]:<{wide[0]}}  {row[1]:>{wide[1]}}  {row[2]}".rstrip() for row in (head, *lines))
    return "\n".join(texts)


def pretty(head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """The same on a terminal."""
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


def as_json(load: Workload, verdicts: Sequence[Verdict], answer: str) -> str:
    """Everything, with the source and date of each limit."""
    import json

    found = {
        "workload": load.name,
        "answer": answer,
        "prices_as_of": str(as_of()),
        "candidates": [
            {
                "candidate": str(one.candidate),
                "architecture": one.architecture,
                "possible": one.possible,
                "usd_a_month": round(one.usd, 4),
                "items": [{"what": item.what, "usd": round(item.usd, 4)} for item in one.items],
                "against": [
                    {
                        "limit": bound.name,
                        "value": bound.value,
                        "asked": asked,
                        "source": bound.source,
                        "date": str(bound.date),
                        "confidence": bound.confidence,
                    }
                    for bound, asked in one.against
                ],
                "unverified_prices": list(one.unverified),
            }
            for one in verdicts
        ],
    }
    return json.dumps(found, indent=1)
