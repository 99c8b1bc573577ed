"""Writes what the chooser's code says into README and docs anew: bills, charts, and what stands at rest."""

import re

from chooser import page
from tools.commands import at_rest

MARKED = re.compile(r"(<!-- at rest: ([a-z-]+) -->\n).*?(<!-- /at rest -->)", re.DOTALL)


def filled(text: str) -> str:
    """A page with all that stands at rest. Raises KeyError for a marker of no block."""
    made = at_rest.blocks()
    return MARKED.sub(lambda found: f"{found[1]}{made[found[2]]}\n{found[3]}", text)


def main() -> None:
    page.main()
    for one in page.PAGES:
        one.write_text(filled(one.read_text()))


if __name__ == "__main__":
    main()
