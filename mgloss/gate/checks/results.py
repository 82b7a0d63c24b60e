"""A verdict with the counterexample that shows it, and its way between processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mgloss.gate.checks.request import CheckRequest
from mgloss.gate.checks.stored import Stored
from mgloss.gate.losses.versions import find_versions
from mgspec import Description, Verdict
from mgspec.saved.counterexample import Counterexample, from_document, from_verdict, to_document
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
    """

    claims: str
    verdict: Verdict
    counterexample: Counterexample | None = None
    files: SavedFiles | None = None

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
    verdict: Verdict, request: CheckRequest, stored: Stored | None, framework: str
) -> Result:
    """Return the result of a verdict.

    stored: the stored counterexample that the verdict is about; it keeps its seed and versions.
    framework: that of the loss.
    """
    if stored is None:
        versions = find_versions(framework)
        loss = request.loss.name or ""
        counterexample = from_verdict(verdict, loss, request.claims, request.seed, versions)
        return Result(request.claims, verdict, counterexample)
    counterexample = replace(
        stored.counterexample, component=verdict.component, message=verdict.message
    )
    message = f"{verdict.message} (stored in {stored.path})"
    return Result(request.claims, replace(verdict, message=message), counterexample)


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
        },
        "counterexample": to_document(result.counterexample) if result.counterexample else None,
    }


def from_data(data: Mapping[str, Any], description: Description | None) -> Result:
    """Return the result of what `to_data` gave.

    description: of the problem that its counterexample is of; None for this project's layout.
    """
    document = data["counterexample"]
    counterexample = None if document is None else from_document(document, description)
    return Result(data["claims"], Verdict(**data["verdict"]), counterexample)


def laws_by_status(results: Iterable[Result]) -> dict[str, list[str]]:
    """Return each law once, under the worst status of its components."""
    statuses: dict[str, set[str]] = {}
    for result in results:
        statuses.setdefault(result.law, set()).add(result.status)
    worst = {law: next(s for s in WORST_FIRST if s in seen) for law, seen in statuses.items()}
    return {s: [law for law, status in worst.items() if status == s] for s in WORST_FIRST}
