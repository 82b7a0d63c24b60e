"""What a check found, as every report tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mgloss.gate.checks import verdicts
from mgloss.gate.reports.reporting import BrokenLaw, Request, broken_laws
from mgspec.page.case_text import count
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED

Document = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """The verdicts of a check, its counterexamples saved.

    components: what the loss returns. notes: on how it is judged. found: of the laws that were
    run. others: of those that were not. completed: not interrupted.
    """

    request: Request
    components: tuple[str, ...]
    notes: tuple[str, ...]
    found: Sequence[Document]
    others: Sequence[Document]
    completed: bool

    @property
    def verdicts(self) -> list[Document]:
        """Those of every law."""
        return [*self.found, *self.others]

    @cached_property
    def broken(self) -> list[BrokenLaw]:
        """The laws that are broken or came to no verdict."""
        return list(broken_laws(self.request, self.found))

    @property
    def asked(self) -> str:
        """How hard was looked."""
        images = f", its images {self.request.problem}" if self.request.problem else ""
        examples = count(self.request.max_examples, "example")
        return f"{examples} a law, seed {self.request.seed}{images}"

    @property
    def headline(self) -> str:
        """The outcome in a line."""
        laws = verdicts.laws_by_status(self.found)
        parts = []
        if laws[BROKEN]:
            parts.append(f"✗ {count(len(laws[BROKEN]), 'law')} broken")
        if laws[ERROR]:
            parts.append(f"✗ {count(len(laws[ERROR]), 'law')} without a verdict")
        if laws[HOLDS]:
            parts.append(f"✓ {count(len(laws[HOLDS]), 'law')} {_hold(len(laws[HOLDS]))}")
        if not self.completed:
            parts.append("interrupted")
        return ", ".join(parts) or "nothing could be judged of this loss"

    @property
    def rows(self) -> list[tuple[str, list[str | None], int]]:
        """Of each law run: its name, the status of each component or None, the examples tried."""
        rows = []
        for law in dict.fromkeys(v["law"] for v in self.found):
            by_component = {v["component"]: v for v in self.found if v["law"] == law}
            of_all = by_component.get(None)
            told = [of_all or by_component.get(c) for c in self.components]
            examples = max(int(v["examples"]) for v in by_component.values())
            rows.append((law, [v["status"] if v else None for v in told], examples))
        return rows

    @property
    def skipped(self) -> dict[str, list[str]]:
        """The laws that were not judged, by the reason."""
        reasons: dict[str, list[str]] = {}
        for verdict in self.verdicts:
            if verdict["status"] == SKIPPED:
                reasons.setdefault(verdict["message"], []).append(verdict["law"])
        return reasons

    @property
    def versions(self) -> str:
        """What the verdicts were found with."""
        found = verdicts.versions(self.request.recognized)
        return ", ".join(f"{name} {version}" for name, version in found.items())


MARKS = {HOLDS: "✓ holds", BROKEN: "✗ broken", ERROR: "✗ no verdict", SKIPPED: "skipped"}
NOT_SPOKEN_OF = "·"


def _hold(number: int) -> str:
    return "holds" if number == 1 else "hold"
