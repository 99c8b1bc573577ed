"""Regenerates what the code computes for README and docs: bills, charts, idle costs, plans and formats."""

import re

from chooser import page
from tools.commands import at_rest, backfill_plan, formats

MARKED = re.compile(r"(<!-- (at rest|formats|backfill): ([a-z-]+) -->\n).*?(<!-- /\2 -->)", re.DOTALL)


def filled(text: str) -> str:
    """Return a page with its idle costs, formats and backfill plans up to date.

    Raises KeyError for a marker of these kinds that has no block. The chooser's blocks are left as they are.
    """
    made = {"at rest": at_rest.blocks(), "formats": formats.blocks(), "backfill": backfill_plan.blocks()}
    return MARKED.sub(lambda found: f"{found[1]}{made[found[2]][found[3]]}\n{found[4]}", text)


def main() -> None:
    page.main()
    for one in page.PAGES:
        one.write_text(filled(one.read_text()))


if __name__ == "__main__":
    main()
