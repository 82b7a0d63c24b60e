"""Verdicts as JSON-ready data: what passes between processes and into reports."""

from __future__ import annotations

import functools
import platform
import sys
from collections.abc import Iterable
from dataclasses import replace
from importlib import metadata
from typing import Any

from mgloss.gate.checks.stored import Stored
from mgloss.gate.losses.adapters.frameworks import FRAMEWORKS
from mgspec import Verdict
from mgspec.saved.counterexample import from_verdict, to_document
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED, Status

REFERENCE = "reference"

WORST_FIRST = (BROKEN, ERROR, HOLDS, SKIPPED)


@functools.lru_cache(maxsize=4)
def versions(framework: str | None = None) -> dict[str, str]:
    """What the verdicts were found with.

    framework: that the loss is of, whose own process may be another one than this.
    """
    found = {"python": platform.python_version()}
    used = {name for name in FRAMEWORKS if name in sys.modules or name == framework}
    for package in ("mgloss", "numpy", "hypothesis", *sorted(used)):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found


def document(
    verdict: Verdict,
    loss: str | None,
    claims: str,
    seed: int | None,
    stored: Stored | None = None,
    framework: str | None = None,
) -> dict[str, Any]:
    """A verdict as data; its counterexample, where it has one, as a document of its own.

    stored: what an earlier run had found and this verdict is of; its seed and versions stay.
    framework: that the loss is of.
    """
    message = verdict.message
    if stored is None:
        counterexample = from_verdict(verdict, loss or "", claims, seed, versions(framework))
    else:
        counterexample = replace(
            stored.counterexample, component=verdict.component, message=message
        )
        message += f" (stored in {stored.path})"
    return {
        "law": verdict.law,
        "component": verdict.component,
        "status": verdict.status,
        "examples": verdict.examples,
        "seconds": round(verdict.seconds, 3),
        "message": message,
        "counterexample": to_document(counterexample) if counterexample else None,
    }


def bare(law: str, status: Status, message: str) -> dict[str, Any]:
    """A verdict of a law that was not searched."""
    return document(Verdict(law, None, status, message=message), None, "", None)


def laws_by_status(found: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """Each law once, under the worst that was found of its components."""
    statuses: dict[str, set[str]] = {}
    for verdict in found:
        statuses.setdefault(verdict["law"], set()).add(verdict["status"])
    worst = {law: next(s for s in WORST_FIRST if s in seen) for law, seen in statuses.items()}
    return {s: [law for law, status in worst.items() if status == s] for s in WORST_FIRST}
