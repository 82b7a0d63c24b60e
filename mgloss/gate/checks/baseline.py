"""Record what a loss obeys today in a file, and compare with it later.

The file is JSON to be committed: sorted, a line for each component, so that a diff of two files
shows what changed. It is data; everything in it is checked before it is used.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgspec import COMPONENTS, Verdict, law_named, normalization
from mgspec.loss.roles import NO_ROLES, Roles
from mgspec.saved.files import read_json, write_text
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED

FORMAT = "mgloss-baseline"
VERSION = 1
LARGEST_FILE = 2**20  # bytes; one of every law and component takes 5 kB

LONGEST_COMPONENT = 100  # characters
LONGEST_NAME = 60  # characters of a name that an error repeats; no law's is as long

WHOLE = "loss"  # where a verdict is about the loss and none of its components
STATUSES = (HOLDS, BROKEN, ERROR, SKIPPED)
FAILS = (BROKEN, ERROR)

Statuses = Mapping[str, Mapping[str, str]]  # by law and component


class BaselineError(ValueError):
    """A file that is no baseline, or one for another request; the message says where and why."""


@dataclass(frozen=True)
class Baseline:
    """The verdicts on a loss, and how hard was searched.

    loss: as reports name it. laws: the status of each component, by law.
    roles: what was said of the loss's components.
    """

    loss: str
    claims: str
    max_examples: int
    seed: int
    laws: Statuses
    roles: Roles = NO_ROLES


@dataclass(frozen=True)
class Change:
    """The status of a law for a component, before and now; None where there is no verdict."""

    law: str
    component: str
    before: str | None
    now: str | None


@dataclass(frozen=True)
class Comparison:
    """The changes since a baseline.

    worse: fails now, and did not so before; or held, and is not judged any more.
    better: failed, and holds now. known: is broken as before, or comes to no verdict as before.
    """

    worse: tuple[Change, ...]
    better: tuple[Change, ...]
    known: tuple[Change, ...]

    def is_worse(self, verdict: Verdict) -> bool:
        """Return whether this verdict is about what has become worse."""
        return any(
            change.law == verdict.law and verdict.component in (None, change.component)
            for change in self.worse
        )


def statuses(verdicts: Iterable[Verdict]) -> dict[str, dict[str, str]]:
    """Return the statuses of these verdicts, by law and component."""
    by_law: dict[str, dict[str, str]] = {}
    for verdict in verdicts:
        components = by_law.setdefault(verdict.law, {})
        components[verdict.component or WHOLE] = verdict.status
    return by_law


def _status(components: Mapping[str, str], component: str) -> str | None:
    """Return the status of a component, or that of the loss as a whole."""
    return components.get(component) or components.get(WHOLE)


def compare(baseline: Baseline, verdicts: Iterable[Verdict]) -> Comparison:
    """Return what has changed, of the laws that were judged now.

    What held must hold, and so must what the baseline does not know. A loss that gave no number
    has failed every component. A law that was broken and comes to no verdict now is worse, and so
    is the other way round: nobody has said yet that this is known.
    """
    worse: list[Change] = []
    better: list[Change] = []
    known: list[Change] = []
    for law, now in statuses(verdicts).items():
        before = baseline.laws.get(law, {})
        # A verdict on the loss as a whole is one on each component.
        named = {*before, *now} - {WHOLE} or {WHOLE}
        for component in sorted(named, key=_order):
            change = Change(law, component, _status(before, component), _status(now, component))
            if change.now in FAILS:
                (known if change.before == change.now else worse).append(change)
            elif change.before == HOLDS and change.now != HOLDS:
                worse.append(change)
            elif change.before in FAILS and change.now == HOLDS:
                better.append(change)
    return Comparison(tuple(worse), tuple(better), tuple(known))


def _order(component: str) -> tuple[int, str]:
    """Sort this project's components as they come, then those that other losses name."""
    known = COMPONENTS.index(component) if component in COMPONENTS else len(COMPONENTS)
    return known, component


def save(baseline: Baseline, path: Path) -> None:
    """Write a baseline, whole or not at all. Raises OSError if it cannot be written."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "loss": baseline.loss,
        "claims": baseline.claims,
        "max_examples": baseline.max_examples,
        "seed": baseline.seed,
        "laws": baseline.laws,
    }
    roles = {option: list(names) for option, names in baseline.roles.named() if names}
    if roles:
        document["roles"] = roles
    write_text(path, json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n")


def load(path: Path) -> Baseline:
    """Read a baseline. Raises BaselineError, naming the file, if it is none."""
    return read_json(
        path, _from_document, BaselineError, largest=LARGEST_FILE, make_object=_without_duplicates
    )


def load_for(path: Path, claims: str) -> Baseline:
    """Read a baseline of this claim. Raises ValueError if it is none, or one of another claim."""
    normalization(claims)
    baseline = load(path)
    if baseline.claims != claims:
        raise BaselineError(
            f"{path}: was recorded for --claims {baseline.claims}, and --claims {claims} is asked "
            "for; say the same, or record another with mgloss baseline"
        )
    return baseline


def differences(
    baseline: Baseline, loss: str, max_examples: int, seed: int, roles: Roles = NO_ROLES
) -> list[str]:
    """Return notes on what was searched differently for the baseline; none is an error."""
    now = {"loss": loss, "max_examples": max_examples, "seed": seed}
    recorded = {name: getattr(baseline, name) for name in now}
    notes = [
        f"the baseline was recorded with {name} {recorded[name]!r}, this is {now[name]!r}"
        for name in now
        if recorded[name] != now[name]
    ]
    if baseline.roles != roles:
        said, here = (shlex.join(r.arguments()) or "no roles" for r in (baseline.roles, roles))
        notes.append(f"the baseline was recorded with {said}, this is with {here}")
    return notes


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; raise BaselineError if it says one name twice."""
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BaselineError(f"{twice!r:.60}: named twice")
    return document


def _get(document: Any, key: str, kind: type) -> Any:
    if not isinstance(document, dict):
        raise BaselineError(f"expected an object, got {type(document).__name__}")
    if key not in document:
        raise BaselineError(f"{key}: missing")
    value = document[key]
    if type(value) is not kind:
        raise BaselineError(f"{key}: expected {kind.__name__}, got {type(value).__name__}")
    return value


def _from_document(document: Any) -> Baseline:
    named = _get(document, "format", str)
    if named != FORMAT:
        raise BaselineError(f"format: expected {FORMAT!r}, got {named!r:.60}")
    version = _get(document, "version", int)
    if version != VERSION:
        newer = "; a newer mgloss wrote it: upgrade to read it" if version > VERSION else ""
        raise BaselineError(f"version: this mgloss reads {VERSION}, got {version!r:.20}{newer}")
    max_examples, seed = _get(document, "max_examples", int), _get(document, "seed", int)
    if max_examples < 1:
        raise BaselineError("max_examples: expected 1 or more")
    if seed < 0:
        raise BaselineError("seed: expected 0 or more")
    laws = _get(document, "laws", dict)
    if not laws:
        raise BaselineError("laws: expected at least one")
    return Baseline(
        _get(document, "loss", str),
        normalization(_get(document, "claims", str)[:LONGEST_NAME]).name,
        max_examples,
        seed,
        {law_named(law[:LONGEST_NAME]).name: _components(law, of) for law, of in laws.items()},
        _roles(document.get("roles", {})),
    )


def _roles(document: Any) -> Roles:
    """Return what a baseline says of components; one written before says nothing."""
    known = {option for option, _ in Roles(component=WHOLE).named()}
    if not isinstance(document, dict) or not set(document) <= known:
        raise BaselineError(f"roles: expected an object with some of {', '.join(sorted(known))}")
    for option, names in document.items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise BaselineError(f"roles.{option}: expected a list of names of components")
    named = {option: tuple(names) for option, names in document.items()}
    component = named.pop("component", (None,))
    if len(component) > 1:
        raise BaselineError(f"roles.component: expected one name, got {len(component)}")
    try:
        return Roles(**named, component=component[0] if component else None)
    except ValueError as error:
        raise BaselineError(f"roles: {error}") from None


def _components(law: str, document: Any) -> dict[str, str]:
    if not isinstance(document, dict) or not document:
        raise BaselineError(f"laws.{law}: expected the status of each component")
    for component, status in document.items():
        if not 0 < len(component) <= LONGEST_COMPONENT:
            raise BaselineError(
                f"laws.{law}: expected the name of a component, got {component!r:.60}"
            )
        if status not in STATUSES:
            raise BaselineError(
                f"laws.{law}.{component}: expected one of {', '.join(STATUSES)}, got {status!r:.60}"
            )
    return document
