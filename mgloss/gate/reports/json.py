"""The verdicts as JSON, as verdicts.schema.json describes it."""

from __future__ import annotations

import json
from typing import TypedDict

from mgloss.gate.checks.outcome import Outcome
from mgloss.gate.checks.results import Result
from mgspec.laws.reach import Reach

FORMAT = "mgloss-verdicts"
VERSION = 3  # of the format


class ReachDocument(TypedDict):
    """How large the batches were. grid: rows and columns, of this project's layout."""

    images: int
    objects: int
    grid: list[int] | None


class DomainDocument(TypedDict):
    """On how many of its cases a law was judged, as of `mgspec.search.domain.Domain`."""

    drawn: int
    answered: int
    refused: str


class VerdictDocument(TypedDict):
    """A verdict as readers of the file know it.

    examples: cases drawn in this run. replayed: stored counterexamples judged before these.
    counterexample: the path of its file. stored: the path of the one that was replayed and shows
    it. counterexample_seed: of the search that drew it.
    """

    law: str
    component: str | None
    status: str
    examples: int
    seconds: float
    message: str
    counterexample: str | None
    counterexample_seed: int | None
    replayed: int
    stored: str | None
    reach: ReachDocument | None
    domain: DomainDocument | None


def text(outcome: Outcome) -> str:
    """Return the whole document."""
    request = outcome.request
    document = {
        "format": FORMAT,
        "version": VERSION,
        "loss": request.name,
        "claims": request.claims,
        "problem": request.loss.problem,
        "run": outcome.way,
        "modes": list(outcome.modes),
        "seed": request.seed,
        "max_examples": request.max_examples,
        "verdicts": [_document(result) for result in outcome.all_results],
        "versions": outcome.versions,
    }
    return json.dumps(document, indent=1) + "\n"


def _document(result: Result) -> VerdictDocument:
    verdict = result.verdict
    domain = verdict.domain
    return {
        "law": verdict.law,
        "component": verdict.component,
        "status": verdict.status,
        "examples": verdict.examples,
        "seconds": round(verdict.seconds, 3),
        "message": verdict.message,
        "counterexample": str(result.files.counterexample) if result.files else None,
        "counterexample_seed": result.counterexample.seed if result.counterexample else None,
        "replayed": result.replayed,
        "stored": str(result.stored) if result.stored else None,
        "reach": _reach_document(verdict.reach) if verdict.reach else None,
        "domain": None
        if domain is None
        else {"drawn": domain.drawn, "answered": domain.answered, "refused": domain.refused},
    }


def _reach_document(reach: Reach) -> ReachDocument:
    grid = list(reach.grid) if reach.grid is not None else None
    return {"images": reach.images, "objects": reach.objects, "grid": grid}
