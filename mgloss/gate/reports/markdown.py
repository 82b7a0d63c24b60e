"""The outcome as Markdown, for a step's summary or a review.

What a loss says of itself is foreign text: it stands in code spans and fences that are longer than
any run of backticks in it, where neither Markdown nor HTML means anything.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from mgloss.gate.checks.command_lines import replay_command
from mgloss.gate.checks.outcome import BrokenLaw, Outcome
from mgloss.gate.reports.marks import MARKS, NOT_SPOKEN_OF
from mgspec.laws.law import SECTIONS
from mgspec.page.case_text import draw_case
from mgspec.page.markdown import as_it_is, table

MOST_LINES = 60  # of a drawing; the file has all of it


def text(outcome: Outcome) -> str:
    """Return the whole report."""
    request = outcome.request
    lines = [
        f"## mgloss: {outcome.headline}",
        "",
        f"{span(request.name)} against the laws of {span(request.claims)} ({outcome.effort})",
        "",
        *_fenced_notes((*outcome.notes, *outcome.remarks)),
        *_verdict_table(outcome),
    ]
    if outcome.domains:
        lines += ["", *(f"- {as_it_is(line)}" for line in outcome.domains)]
    for broken in outcome.broken:
        lines += ["", *_broken(outcome, broken)]
    if outcome.reaches:
        lines += ["", "### How far it was tried", ""]
        lines += [
            f"- {reach}: {', '.join(map(span, laws))}" for reach, laws in outcome.reaches.items()
        ]
    if outcome.skipped:
        lines += ["", "### Not judged", ""]
        lines += [
            f"- {', '.join(map(span, laws))}: {span(reason)}"
            for reason, laws in outcome.skipped.items()
        ]
    versions = ", ".join(f"{name} {version}" for name, version in outcome.versions.items())
    lines += ["", f"Found with {span(versions)}."]
    return "\n".join(lines) + "\n"


def _fenced_notes(notes: Iterable[str]) -> list[str]:
    lines = [f"note: {note}" for note in notes]
    return [*fence(lines), ""] if lines else []


def _verdict_table(outcome: Outcome) -> list[str]:
    rows = (
        (f"`{law}`", *(MARKS[s] if s else NOT_SPOKEN_OF for s in statuses), examples)
        for law, statuses, examples in outcome.rows
    )
    return table(("law", *outcome.components, "examples"), rows, centred=True)


def _broken(outcome: Outcome, broken: BrokenLaw) -> Iterator[str]:
    law = broken.law
    yield f"### ✗ {as_it_is(law.name)}"
    yield ""
    if broken.repeats_reason:
        yield "No verdict, for the reason above."
        return
    yield as_it_is(law.statement)
    yield ""
    yield f"> {as_it_is(law.sections[SECTIONS[0]])}"
    yield ""
    yield from fence(broken.messages)
    if broken.counterexample is not None:
        drawing = draw_case(broken.counterexample.case)
        left = len(drawing) - MOST_LINES
        shown = [*drawing[:MOST_LINES], f"and {left} lines more"] if left > 0 else drawing
        yield ""
        yield f"The {broken.counterexample.component or 'first'} counterexample:"
        yield ""
        yield from fence(shown)
    if broken.saved:
        yield ""
        yield from fence([replay_command(outcome.request, broken.saved[0])], "sh")


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def span(text: str) -> str:
    """Return a text as an inline code span, on one line."""
    line = " ".join(text.split()) or " "
    ticks = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def fence(texts: Iterable[str], language: str = "text") -> list[str]:
    """Return texts as the lines of a block of code."""
    lines = list(itertools.chain.from_iterable(text.splitlines() or [""] for text in texts))
    ticks = "`" * max(3, _longest_run("\n".join(lines)) + 1)
    return [ticks + language, *lines, ticks]
