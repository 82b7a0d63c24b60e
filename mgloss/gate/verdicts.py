"""Verdicts as JSON-ready data: what passes between processes and into reports."""

from __future__ import annotations

import functools
import platform
import sys
from importlib import metadata
from typing import Any

from mgspec import Verdict
from mgspec.counterexample import from_verdict, to_document

REFERENCE = "reference"


@functools.lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """What the verdicts were found with."""
    found = {"python": platform.python_version()}
    for package in ("mgloss", "numpy", "hypothesis", "tensorflow"):
        if package == "tensorflow" and package not in sys.modules:
            continue
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found


def document(verdict: Verdict, loss: str | None, claims: str, seed: int | None) -> dict[str, Any]:
    """A verdict as data; its counterexample, where it has one, as a document of its own."""
    counterexample = from_verdict(verdict, loss or "", claims, seed, versions())
    return {
        "law": verdict.law,
        "component": verdict.component,
        "status": verdict.status,
        "examples": verdict.examples,
        "seconds": round(verdict.seconds, 3),
        "message": verdict.message,
        "counterexample": to_document(counterexample) if counterexample else None,
    }


def bare(law: str, status: str, message: str) -> dict[str, Any]:
    """A verdict of a law that was not searched."""
    return document(Verdict(law, None, status, message=message), None, "", None)
