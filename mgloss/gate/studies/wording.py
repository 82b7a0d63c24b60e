"""Words and marks that several studies share."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.text import Text


def join_names(names: Iterable[str]) -> str:
    """Return "a", "a and b", or "a, b and c"; there must be at least one name."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def embolden(text: str) -> Text:
    """Return a text with the parts between backticks in bold, without the backticks."""
    parts = re.split("`([^`]*)`", text)
    return Text.assemble(
        *((part, "bold") if position % 2 else part for position, part in enumerate(parts))
    )


def print_indented(console: Console, text: Text) -> None:
    """Print a text two columns to the right, also where it wraps."""
    console.print(Padding(text, (0, 0, 0, 2), expand=False))
