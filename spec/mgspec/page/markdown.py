"""Write Markdown as lines: escaped text, tables, links, and the texts written by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

# Not escaped is what means nothing in its place, such as _ within a name or < before a space:
# people read the source, too.
SPECIAL = re.compile(r"[\\*\[~]|(?<!\w)_|<(?=[\w/!?])")
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")


def as_it_is(text: str) -> str:
    """Escape every special character outside of `code`, so that the text renders as it is."""
    parts = text.split("`")
    parts[::2] = [SPECIAL.sub(r"\\\g<0>", part) for part in parts[::2]]
    return "`".join(parts)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], centred: bool = False) -> list[str]:
    """Return the lines of a table. centred: centre every column but the first."""
    marks = ["---"] + [":-:" if centred else "---"] * (len(header) - 1)
    escaped = ([cell.replace("|", r"\|") for cell in cells] for cells in (header, marks, *rows))
    return [f"| {' | '.join(cells)} |" for cells in escaped]


def code(names: Iterable[str]) -> str:
    """Return the names as code: "`batch`, `grid`", or "none"."""
    return ", ".join(f"`{name}`" for name in names) or "none"


def anchor(heading: str) -> str:
    """Return the anchor that code-hosting sites give to a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")


def link(heading: str) -> str:
    """Return a link to a section of the page."""
    return f"[{heading}](#{anchor(heading)})"


def without_links(lines: Iterable[str]) -> list[str]:
    """Replace links to sections and files by their text, for a terminal."""
    return [
        LINK.sub(lambda found: found[0] if found[2].startswith("http") else found[1], line)
        for line in lines
    ]


def written(name: str) -> list[str]:
    """Return the lines of a text written by hand. Raise FileNotFoundError if there is none."""
    path = Path(__file__).parent / f"{name}.md"
    return path.read_text(encoding="utf-8").strip().splitlines()
