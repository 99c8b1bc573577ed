"""Markdown without the sections, table rows and sentences about what a copy leaves behind."""

import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

OF = re.compile(r"^\*Of ([A-Za-z, ]+)\.\*$")
"""A line that names the patterns to which the text below applies, up to the next heading or such line."""
LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]*)(#[^)\s]*)?\)")
SENTENCE = re.compile(r"(?<=[.:!?)])\s+(?=[A-Z`*\[$])")


@dataclass(frozen=True, kw_only=True)
class Cut:
    """How a page is cut for the copy of one pattern.

    Attributes:
        pattern: the copied one.
        names: of what is left behind; a table row is removed if its first cell is one of them.
        mentions: whether a text mentions something left behind.
        has: whether a link's path leads to a file of the copy.
    """

    pattern: str
    names: Container[str]
    mentions: Callable[[str], bool]
    has: Callable[[str], bool]

    def apply(self, text: str) -> str:
        """Return the page without what is left behind; headings without content are removed too."""
        kept: list[str] = []
        is_other = False
        for block in _blocks(text):
            if block.startswith("#"):
                is_other = False
                kept.append(block)
            elif of := OF.match(block):
                is_other = self.pattern not in of[1].split(", ")
            elif not is_other and (rest := self._block(block)):
                kept.append(rest)
        return "\n\n".join(_without_empty_sections(kept)) + "\n"

    def _block(self, block: str) -> str:
        if block.lstrip().startswith("```"):
            return "" if self.mentions(block) else block
        if "\n|" in f"\n{block}":
            return self._table(block.splitlines())
        return "\n".join(filter(None, map(self._item, _items(block))))

    def _table(self, lines: list[str]) -> str:
        """Return a table and the lines around it without what is left behind; nothing if no row remains."""
        head = next(place for place, line in enumerate(lines) if line.startswith("|")) + 2
        around = [
            self._link(line) for line in lines[:head] if line.startswith("|") or not self.mentions(line)
        ]
        kept = [row for row in map(self._row, lines[head:]) if row is not None]
        return "\n".join([*around, *kept]) if any(row.startswith("|") for row in kept) else ""

    def _row(self, line: str) -> str | None:
        row = self._link(line)
        is_named = row.startswith("|") and row.split("|")[1].strip(" `*") in self.names
        return None if is_named or self.mentions(row) else row

    def _item(self, item: str) -> str:
        """Return a paragraph or list item without the sentences that mention something left behind."""
        mark = re.match(r"\s*(?:[-*]|\d+\.)\s+|\s*", item)
        start = mark[0] if mark else ""
        sentences = [self._link(one) for one in SENTENCE.split(item[len(start) :])]
        kept = [one for one in sentences if not self.mentions(one)]
        return (
            start + (" ".join(kept) if len(kept) < len(sentences) else self._link(item[len(start) :]))
            if kept
            else ""
        )

    def _link(self, text: str) -> str:
        """Replace each link to a page or file that is not copied with the text of the link."""

        def linked(found: re.Match[str]) -> str:
            path = found[2]
            return found[0] if not path or "://" in path or self.has(path) else found[1]

        return LINK.sub(linked, text)


def _blocks(text: str) -> Iterator[str]:
    """Yield headings, paragraphs, lists, tables and code blocks, separated by blank lines."""
    block: list[str] = []
    is_code = False
    for line in [*text.splitlines(), ""]:
        is_code ^= line.lstrip().startswith("```")
        ends = not line.strip() and not is_code
        if (ends or line.startswith("#")) and not is_code and block:
            yield "\n".join(block)
            block = []
        if not ends:
            block.append(line)
        if (line.startswith("#") and not is_code) or OF.match(line):
            yield "\n".join(block)
            block = []


def _items(block: str) -> list[str]:
    return re.split(r"\n(?=\s*(?:[-*]|\d+\.)\s)", block)


def _without_empty_sections(blocks: Sequence[str]) -> list[str]:
    """Remove headings that have no content before the next heading of their level or above, or the end."""
    kept: list[str] = []
    for block in reversed(blocks):
        level = len(block) - len(block.lstrip("#"))
        following = len(kept[-1]) - len(kept[-1].lstrip("#")) if kept else 1
        if not level or not (not kept or 0 < following <= level):
            kept.append(block)
    return kept[::-1]
