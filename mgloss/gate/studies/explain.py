"""`mgloss explain`: show a part of the specification."""

from __future__ import annotations

from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text
from rich.theme import Theme

from mgspec.page import Section, without_links

# Inline code as any terminal shows it, on its own background.
PLAIN_CODE = Theme({"markdown.code": "cyan", "markdown.block_quote": "italic"})
READABLE = 100  # columns; longer lines of prose are hard to follow


def show(console: Console, section: Section, replay: str | None) -> None:
    """Print a part of the specification. replay: the command that runs its first witness again."""
    text = "\n".join(without_links(section.lines))
    width = min(console.width, READABLE)
    with console.use_theme(PLAIN_CODE):
        console.print(Text(section.heading, "bold"))
        console.print()
        console.print(Markdown(text, code_theme="ansi_dark"), width=width)
    if replay is not None:
        console.print()
        console.print(Text("replay  ") + Text(replay, "cyan"), soft_wrap=True)
