"""The laws of loss normalization by name, in the order of the specification."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from types import ModuleType

from mgspec.laws import agreement, batch, density, settings, structure, symmetry
from mgspec.laws.law import REGISTERED, Case, Finding, Law, Trial
from mgspec.problem.normalizations import unknown

__all__ = [
    "BATCH_LAWS",
    "CHAPTERS",
    "LAWS",
    "Case",
    "Chapter",
    "Finding",
    "Law",
    "Trial",
    "law_named",
]


@dataclass(frozen=True)
class Chapter:
    """The laws of one file.

    name: the file's name, such as "density".
    introduction: the file's docstring, which says what its laws are about.
    """

    name: str
    introduction: str
    laws: tuple[Law, ...]


def _chapter(module: ModuleType) -> Chapter:
    laws = (law for law in REGISTERED.values() if law.check.__module__ == module.__name__)
    return Chapter(module.__name__.rpartition(".")[2], inspect.getdoc(module) or "", tuple(laws))


CHAPTERS = tuple(map(_chapter, (batch, density, structure, symmetry, settings, agreement)))
LAWS: dict[str, Law] = {law.name: law for chapter in CHAPTERS for law in chapter.laws}
# The laws that tell normalizations apart. The other laws are about the loss that is divided.
BATCH_LAWS = tuple(law.name for chapter in CHAPTERS[:2] for law in chapter.laws)


def law_named(name: str) -> Law:
    """Return the law of this name. Raise ValueError with the nearest name if there is none."""
    try:
        return LAWS[name]
    except KeyError:
        raise unknown("law", name, LAWS) from None
