"""A verdict with the counterexample that shows it, and its way between processes."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mgloss.gate.checks.request import CheckRequest
from mgloss.gate.checks.stored import Stored
from mgloss.gate.losses.versions import find_versions
from mgspec import Description, Finding, Verdict
from mgspec.laws.reach import Reach
from mgspec.saved.counterexample import Counterexample, from_document, from_verdict, to_document
from mgspec.search.domain import Domain
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED, Status

WORST_FIRST = (BROKEN, ERROR, HOLDS, SKIPPED)


@dataclass(frozen=True)
class SavedFiles:
    """Where a counterexample was saved, with what shows it again.

    test: a regression test for pytest. snippet: a file that runs without mgloss; None where there
        can be none.
    """

    counterexample: Path
    test: Path
    snippet: Path | None


@dataclass(frozen=True)
class Result:
    """A verdict on a loss that claims to be normalized in one way.

    files: where its counterexample was saved; None while it is not.
    replayed: stored counterexamples that were judged before anything was drawn.
    stored: the file of the one that the verdict is about; None where its case was drawn.
    """

    claims: str
    verdict: Verdict
    counterexample: Counterexample | None = None
    files: SavedFiles | None = None
    replayed: int = 0
    stored: Path | None = None

    @property
    def law(self) -> str:
        """The law that was judged."""
        return self.verdict.law

    @property
    def status(self) -> Status:
        """Whether the law holds, as of `Verdict`."""
        return self.verdict.status

    @property
    def has_failed(self) -> bool:
        """Whether the law is broken, or came to no verdict."""
        return self.verdict.status in (BROKEN, ERROR)


def make_result(
    verdict: Verdict,
    request: CheckRequest,
    judged: Sequence[tuple[Stored, Finding | None]],
    framework: str,
) -> Result:
    """Return the result of a verdict.

    judged: the stored counterexamples of this law that were judged, and how each breaks it. One
        that the verdict is about keeps its seed and versions.
    framework: that of the loss.
    """
    loss = request.loss.name or ""
    about = [s for s, _ in judged if _concerns(verdict, s.counterexample)]
    stored = next((s for s, f in judged if f is not None and f is verdict.finding), None)
    if stored is None:
        versions = find_versions(framework)
        drawn = from_verdict(verdict, loss, request.claims, request.seed, versions)
        return Result(request.claims, verdict, drawn, replayed=len(about))
    counterexample = replace(
        stored.counterexample, component=verdict.component, loss=loss, message=verdict.message
    )
    seed = counterexample.seed
    origin = "" if stored.is_own else f" for {stored.found_for}"
    how = origin if seed is None else f"{origin} with seed {seed}"
    message = f"{verdict.message} (stored in {stored.path}{f', found{how}' if how else ''})"
    return Result(
        request.claims,
        replace(verdict, message=message),
        counterexample,
        replayed=len(about),
        stored=stored.path,
    )


def _concerns(verdict: Verdict, counterexample: Counterexample) -> bool:
    """Return whether a counterexample was judged for what the verdict is about."""
    either = (verdict.component, counterexample.component)
    return None in either or verdict.component == counterexample.component


def without_search(claims: str, law: str, status: Status, message: str) -> Result:
    """Return the result of a law that was not searched."""
    return Result(claims, Verdict(law, None, status, message=message))


def to_data(result: Result) -> dict[str, Any]:
    """Return a result as plain data, for another process."""
    verdict = result.verdict
    return {
        "claims": result.claims,
        "verdict": {
            "law": verdict.law,
            "component": verdict.component,
            "status": verdict.status,
            "examples": verdict.examples,
            "comparisons": verdict.comparisons,
            "seconds": verdict.seconds,
            "message": verdict.message,
            "reach": asdict(verdict.reach) if verdict.reach is not None else None,
            "domain": asdict(verdict.domain) if verdict.domain is not None else None,
        },
        "counterexample": to_document(result.counterexample) if result.counterexample else None,
        "replayed": result.replayed,
        "stored": None if result.stored is None else str(result.stored),
    }


def from_data(data: Mapping[str, Any], description: Description | None) -> Result:
    """Return the result of what `to_data` gave.

    description: of the problem that its counterexample is of; None for this project's layout.
    """
    document = data["counterexample"]
    counterexample = None if document is None else from_document(document, description)
    stored = None if data["stored"] is None else Path(data["stored"])
    verdict = dict(data["verdict"])
    if verdict["reach"] is not None:
        images, objects, grid = (verdict["reach"][key] for key in ("images", "objects", "grid"))
        verdict["reach"] = Reach(images, objects, None if grid is None else tuple(grid))
    if verdict["domain"] is not None:
        verdict["domain"] = Domain(**verdict["domain"])
    return Result(
        data["claims"],
        Verdict(**verdict),
        counterexample,
        replayed=data["replayed"],
        stored=stored,
    )


def laws_by_reach(results: Iterable[Result]) -> dict[str, list[str]]:
    """Return the laws that hold in some component, by how large the batches were, in words.

    Of a law whose components were judged on different batches, tell the least. Tell the least of
    all laws that reach large batches too: their differences say little.
    """
    reaches: dict[str, Reach] = {}
    for result in results:
        reach = result.verdict.reach
        if reach is not None:
            before = reaches.get(result.law, reach)
            reaches[result.law] = before.at_most(reach)
    large = [reach for reach in reaches.values() if reach.is_large]
    least = functools.reduce(Reach.at_most, large) if large else None
    laws: dict[str, list[str]] = {}
    for law, reach in reaches.items():
        told = least if reach.is_large else reach
        laws.setdefault(f"up to {told}", []).append(law)
    return laws


def laws_by_status(results: Iterable[Result]) -> dict[str, list[str]]:
    """Return each law once, under the worst status of its components."""
    statuses: dict[str, set[str]] = {}
    for result in results:
        statuses.setdefault(result.law, set()).add(result.status)
    worst = {law: next(s for s in WORST_FIRST if s in seen) for law, seen in statuses.items()}
    return {s: [law for law, status in worst.items() if status == s] for s in WORST_FIRST}
