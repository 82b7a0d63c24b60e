"""Divide the page into sections, and find the parts that have a name."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mgspec.laws import CHAPTERS, LAWS, Chapter, comparison
from mgspec.page.laws import (
    constant_count_table,
    law_table,
    law_text,
    normalization_table,
    normalization_text,
    truth_table,
)
from mgspec.page.markdown import as_it_is, link, written
from mgspec.problem.normalizations import NORMALIZATIONS, unknown

TITLE = "The specification"
NOTE = (
    "<!-- Written by `python -m mgspec.page` from spec/mgspec; edit its texts in mgspec/page, "
    "then run it again. -->"
)


@dataclass(frozen=True)
class Section:
    """A heading and the lines below it. level: 2 for a section, 3 for a law."""

    level: int
    heading: str
    lines: list[str]


def chapter_sections(chapter: Chapter) -> Iterator[Section]:
    """Yield a section for the chapter, and one for each of its laws."""
    first, *more = chapter.introduction.split("\n\n")
    lines = [as_it_is(first)]
    for paragraph in more:
        lines += ["", as_it_is(" ".join(paragraph.split()))]
    yield Section(2, f"{chapter.name.capitalize()} laws", [*lines, "", *law_table(chapter.laws)])
    for law in chapter.laws:
        yield Section(3, law.name, law_text(law))


def truth_tables() -> list[str]:
    """Return both truth tables, and what they teach."""
    return [
        "Location, classification and the total:",
        "",
        *truth_table(),
        "",
        "The anchor term, where its count is constant:",
        "",
        *constant_count_table(),
        "",
        *written("truth_table"),
    ]


def tolerances() -> list[str]:
    """Return the section on tolerances: the written text, then what `laws/comparison.py` says."""
    _, _, derivation = (inspect.getdoc(comparison) or "").partition("\n\n")
    return [*written("tolerances"), "", *derivation.splitlines()]


THEOREM, CHOOSING = "Which wishes are compatible", "What to choose"


def sections() -> Iterator[Section]:
    """Yield the sections of the page in order, without title and contents."""
    yield Section(2, "Notation", written("notation"))
    yield Section(2, "Data", written("data"))
    yield Section(2, "The loss", written("loss"))
    normalizations = [*normalization_table(), "", *written("normalizations")]
    yield Section(2, "The normalizations", normalizations)
    yield Section(2, "The truth table", truth_tables())
    yield Section(2, THEOREM, written("theorem"))
    yield Section(2, CHOOSING, written("choosing"))
    yield Section(2, "The laws", written("laws"))
    for chapter in CHAPTERS:
        yield from chapter_sections(chapter)
    yield Section(2, "How a law is tried", written("trying"))
    yield Section(2, "Tolerances", tolerances())


def contents(parts: Sequence[Section]) -> list[str]:
    """Return a list of links to the sections; each chapter's line links to its laws, too."""
    entries: list[list[str]] = []
    for part in parts:
        if part.level == 2:
            entries.append([])
        entries[-1].append(link(part.heading))
    return [f"- {section}{': ' if laws else ''}{', '.join(laws)}" for section, *laws in entries]


def page() -> str:
    """Return the text of spec/README.md."""
    parts = list(sections())
    lines = [NOTE, "", f"# {TITLE}", "", *written("introduction"), "", *contents(parts)]
    for part in parts:
        lines += ["", f"{'#' * part.level} {part.heading}", "", *part.lines]
    return "\n".join(lines) + "\n"


TOPICS = {"notation": "Notation", "theorem": THEOREM, "choosing": CHOOSING}


def overview() -> Section:
    """Return one line for each law and each normalization, and the commands that explain more."""
    lines = [
        *law_table(list(LAWS.values())),
        "",
        *normalization_table(),
        "",
        "- more on one of them: `mgloss explain NAME`",
        "- what to choose: `mgloss explain choosing`",
        "- which laws can be had together: `mgloss explain theorem`",
        "- what S, n, B, E and the other letters mean: `mgloss explain notation`",
    ]
    return Section(2, "Laws and normalizations", lines)


def explanation(name: str | None) -> Section:
    """Return the section of a law, a normalization or a topic; without a name, the overview.

    Raises ValueError, with the nearest name, for one that is none.
    """
    if name is None:
        return overview()
    if name in LAWS:
        return Section(2, name, law_text(LAWS[name]))
    if name in NORMALIZATIONS:
        return Section(2, name, normalization_text(NORMALIZATIONS[name]))
    if name in TOPICS:
        return Section(2, TOPICS[name], written(name))
    known = (*LAWS, *NORMALIZATIONS, *TOPICS)
    raise unknown("law, normalization or topic", name, known)
