"""Writes into README and docs anew what the code says: bills, charts, what stands at rest, and formats."""

import re

from chooser import page
from tools.commands import at_rest, formats

MARKED = re.compile(r"(<!-- (at rest|formats): ([a-z-]+) -->\n).*?(<!-- /\2 -->)", re.DOTALL)


def filled(text: str) -> str:
    """A page with what stands at rest and what is read. Raises KeyError for a marker of no block."""
    made = {"at rest": at_rest.blocks(), "formats": formats.blocks()}
    return MARKED.sub(lambda found: f"{found[1]}{made[found[2]][found[3]]}\n{found[4]}", text)


def main() -> None:
    page.main()
    for one in page.PAGES:
        one.write_text(filled(one.read_text()))


if __name__ == "__main__":
    main()
