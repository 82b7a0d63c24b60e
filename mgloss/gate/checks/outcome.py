"""What a check found, as every report tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mgloss.gate.checks.domains import domain_lines
from mgloss.gate.checks.request import CheckRequest
from mgloss.gate.checks.results import (
    Result,
    laws_by_reach,
    laws_by_status,
    without_search,
)
from mgloss.gate.losses.form import REFERENCE_MODES, TRACED, Style
from mgloss.gate.losses.versions import find_versions
from mgspec import LAWS, Law, Verdict, normalization
from mgspec.page.case_text import count
from mgspec.saved.counterexample import Counterexample
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED


@dataclass(frozen=True)
class BrokenLaw:
    """A law that is broken or came to no verdict, as reports tell it.

    results: those that say so. counterexample: that of the first that has one.
    repeats_reason: it came to no verdict for a reason that an earlier law has told.
    """

    law: Law
    results: tuple[Result, ...]
    counterexample: Counterexample | None
    repeats_reason: bool

    @property
    def messages(self) -> tuple[str, ...]:
        """What came instead, in each component."""
        return tuple(result.verdict.message for result in self.results)

    @property
    def saved(self) -> tuple[Path, ...]:
        """The files of the counterexamples; the first is the one that reports draw."""
        return tuple(r.files.counterexample for r in self.results if r.files is not None)


@dataclass(frozen=True)
class Outcome:
    """The verdicts of a check.

    components: those that the loss returns. style: how the loss is called; None for the reference.
    notes: on how the loss is judged. remarks: what the search had to say beside verdicts.
    results: of the laws that were run. is_complete: the run was not interrupted.
    junit: what pytest wrote as JUnit XML, if it came so far.
    replayed: how many stored counterexamples were judged first, by law.
    """

    request: CheckRequest
    components: tuple[str, ...]
    style: Style | None
    notes: tuple[str, ...]
    remarks: tuple[str, ...]
    results: tuple[Result, ...]
    is_complete: bool
    junit: str | None = None
    replayed: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def not_run(self) -> tuple[Result, ...]:
        """Of the laws that were not run, why; of none where laws were named."""
        if self.request.named:
            return ()
        claims = self.request.claims
        rule = normalization(claims)
        return tuple(
            without_search(
                claims,
                law,
                SKIPPED,
                "speak of this layout's own loss; ask for them with --law NAME, or for all of them "
                "by saying what the loss is with --options"
                if rule.obeys(law)
                else f"not claimed: {claims} does not obey it",
            )
            for law in LAWS
            if law not in self.request.laws
        )

    @property
    def all_results(self) -> tuple[Result, ...]:
        """Return the results of every law, whether it was run or not."""
        return (*self.results, *self.not_run)

    @cached_property
    def broken(self) -> tuple[BrokenLaw, ...]:
        """The laws that are broken or came to no verdict."""
        return tuple(list_broken(self.results))

    @property
    def framework(self) -> str:
        """The framework that the loss is of."""
        return self.style.framework if self.style is not None else "tensorflow"

    @property
    def way(self) -> str:
        """How the laws ran the loss, such as "eager"."""
        return self.style.way if self.style is not None else TRACED

    @property
    def modes(self) -> tuple[str, ...]:
        """The other ways to run it, which the law of this name compares with that one."""
        return self.style.modes if self.style is not None else REFERENCE_MODES

    @property
    def effort(self) -> str:
        """How hard was searched."""
        problem = self.request.loss.problem
        images = f", its images {problem}" if problem else ""
        examples = count(self.request.max_examples, "example")
        return f"{examples} a law, seed {self.request.seed}{images}"

    @property
    def headline(self) -> str:
        """The outcome in a line."""
        laws = laws_by_status(self.results)
        parts = []
        if laws[BROKEN]:
            parts.append(f"✗ {count(len(laws[BROKEN]), 'law')} broken")
        if laws[ERROR]:
            parts.append(f"✗ {count(len(laws[ERROR]), 'law')} without a verdict")
        if laws[HOLDS]:
            held = len(laws[HOLDS])
            parts.append(f"✓ {count(held, 'law')} {'holds' if held == 1 else 'hold'}")
        if not self.is_complete:
            parts.append("interrupted")
        return ", ".join(parts) or "nothing could be judged of this loss"

    @property
    def rows(self) -> list[tuple[str, list[str | None], str]]:
        """Of each law run: its name, the status of each component or None, the examples tried."""
        return [
            (
                law,
                [v.status if v else None for v in by_component],
                tell_tried(examples, self.replayed.get(law, 0)),
            )
            for law, by_component, examples in rows_of(self.verdicts, self.components)
        ]

    @property
    def domains(self) -> tuple[str, ...]:
        """On how many batches the laws hold that were not judged on all."""
        return domain_lines(self.verdicts)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Return the verdicts of the laws that were run."""
        return tuple(result.verdict for result in self.results)

    @property
    def skipped(self) -> dict[str, list[str]]:
        """The laws that were not judged, by the reason."""
        reasons: dict[str, list[str]] = {}
        for result in self.all_results:
            if result.status == SKIPPED:
                reasons.setdefault(result.verdict.message, []).append(result.law)
        return reasons

    @property
    def reaches(self) -> dict[str, list[str]]:
        """The laws that hold, by how large the batches were: "up to 32 images, ..."."""
        return laws_by_reach(self.results)

    @property
    def versions(self) -> dict[str, str]:
        """What the verdicts were found with."""
        return find_versions(self.framework)


def tell_tried(examples: int, replayed: int) -> str:
    """Return how many cases were drawn and how many were stored; empty where none was tried."""
    drawn = f"{examples:,}" if examples else ""
    return f"{drawn or 0} + {replayed} stored" if replayed else drawn


def rows_of(
    verdicts: Sequence[Verdict], components: Sequence[str]
) -> Iterator[tuple[str, list[Verdict | None], int]]:
    """Yield of each law its name, the verdict on each component or None, the most examples tried.

    A verdict on the loss as a whole stands for every component without its own.
    """
    for law in dict.fromkeys(v.law for v in verdicts):
        by_component = {v.component: v for v in verdicts if v.law == law}
        whole = by_component.get(None)
        examples = max(v.examples for v in by_component.values())
        yield law, [by_component.get(c) or whole for c in components], examples


def list_broken(results: Sequence[Result]) -> Iterator[BrokenLaw]:
    """Yield the laws that did not hold.

    Where the loss gives no finite number, the first law that says so is told in full; the others
    fail for the same reason.
    """
    is_without_number = False
    for law in dict.fromkeys(r.law for r in results):
        failed = tuple(r for r in results if r.law == law and r.has_failed)
        if not failed:
            continue
        only_errors = all(r.status == ERROR for r in failed)
        shown = next((r.counterexample for r in failed if r.counterexample is not None), None)
        yield BrokenLaw(LAWS[law], failed, shown, only_errors and is_without_number)
        is_without_number |= only_errors or law == "finite"
