"""The outcome as Markdown, for a step's summary or a review.

What a loss says of itself is foreign text: it stands in code spans and fences that are longer than
any run of backticks in it, where neither Markdown nor HTML means anything.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from mgloss.gate.reports.outcome import MARKS, NOT_SPOKEN_OF, Outcome
from mgloss.gate.reports.reporting import BrokenLaw
from mgspec.laws.law import SECTIONS
from mgspec.page.case_text import draw_case
from mgspec.page.markdown import as_it_is, table

MOST_LINES = 60  # of a drawing; the file has all of it


def text(outcome: Outcome) -> str:
    """The whole report."""
    request = outcome.request
    lines = [
        f"## mgloss: {outcome.headline}",
        "",
        f"{span(request.name)} against the laws of {span(request.claims)} ({outcome.asked})",
        "",
        *_fenced_notes(outcome.notes),
        *_verdict_table(outcome),
    ]
    for broken in outcome.broken:
        lines += ["", *_broken(broken)]
    if outcome.skipped:
        lines += ["", "### Not judged", ""]
        lines += [
            f"- {', '.join(map(span, laws))}: {span(reason)}"
            for reason, laws in outcome.skipped.items()
        ]
    lines += ["", f"Found with {span(outcome.versions)}."]
    return "\n".join(lines) + "\n"


def _fenced_notes(notes: Iterable[str]) -> list[str]:
    said = [f"note: {note}" for note in notes]
    return [*fence(said), ""] if said else []


def _verdict_table(outcome: Outcome) -> list[str]:
    rows = (
        (f"`{law}`", *(MARKS[s] if s else NOT_SPOKEN_OF for s in statuses), str(examples or ""))
        for law, statuses, examples in outcome.rows
    )
    return table(("law", *outcome.components, "examples"), rows, centred=True)


def _broken(broken: BrokenLaw) -> Iterator[str]:
    law = broken.law
    yield f"### ✗ {as_it_is(law.name)}"
    yield ""
    if broken.repeats:
        yield "No verdict, for the reason above."
        return
    yield as_it_is(law.statement)
    yield ""
    yield f"> {as_it_is(law.sections[SECTIONS[0]])}"
    yield ""
    yield from fence(v["message"] for v in broken.verdicts)
    if broken.counterexample is not None:
        drawing = draw_case(broken.counterexample.case)
        left = len(drawing) - MOST_LINES
        shown = [*drawing[:MOST_LINES], f"and {left} lines more"] if left > 0 else drawing
        yield ""
        yield f"The {broken.counterexample.component or 'first'} counterexample:"
        yield ""
        yield from fence(shown)
    if broken.replay is not None:
        yield ""
        yield from fence([broken.replay], "sh")


def _longest_run(said: str) -> int:
    return max((len(run) for run in re.findall("`+", said)), default=0)


def span(said: str) -> str:
    """Text as an inline code span, on one line."""
    line = " ".join(said.split()) or " "
    ticks = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def fence(said: Iterable[str], language: str = "text") -> list[str]:
    """Text as a block of code."""
    lines = list(itertools.chain.from_iterable(line.splitlines() or [""] for line in said))
    ticks = "`" * max(3, _longest_run("\n".join(lines)) + 1)
    return [ticks + language, *lines, ticks]
