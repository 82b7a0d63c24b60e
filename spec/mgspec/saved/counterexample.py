"""Counterexamples as JSON files that a person can read and that load back to the same bits.

A file is data. Loading it runs nothing, imports nothing, and checks everything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mgspec.laws import Case, law_named
from mgspec.loss.candidate import COMPONENTS
from mgspec.problem.description import Described, Description, Images, check
from mgspec.problem.layout import AnyBatch, AnyProblem, Array, Batch, Problem, validate
from mgspec.problem.normalizations import normalization
from mgspec.saved.arrays import array_document, read_array, read_typed_array, typed_array_document
from mgspec.saved.fields import CounterexampleError as CounterexampleError
from mgspec.saved.fields import read_field
from mgspec.saved.files import read_json, write_text
from mgspec.saved.problems import problem_document, read_problem
from mgspec.search.verdicts import Verdict

FORMAT = "mgloss-counterexample"
VERSION = 3
# Problems of version 1 have no options, and mean the plain loss; version 2 knows no described ones.
READABLE = (1, 2, VERSION)
LARGEST_FILE = 16 * 2**20  # bytes; the largest batch drawn here takes 2 MB


@dataclass(frozen=True)
class Counterexample:
    """A case that breaks a law, and how it was found.

    component: None if the loss gave no answer.
    loss: the LOSS argument of the check; empty for the reference.
    claims: the normalization whose laws the loss claims to obey.
    seed: the seed of the search; None for an unseeded one.
    versions: the versions of the software that found it, by name.
    """

    law: str
    component: str | None
    loss: str
    claims: str
    message: str
    case: Case
    seed: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


def from_verdict(
    verdict: Verdict, loss: str, claims: str, seed: int | None, versions: Mapping[str, str]
) -> Counterexample | None:
    """Return the counterexample of a verdict, or None if the verdict has no finding."""
    if verdict.finding is None:
        return None
    return Counterexample(
        verdict.law,
        verdict.component,
        loss,
        claims,
        verdict.message,
        verdict.finding.case,
        seed,
        versions,
    )


def to_document(counterexample: Counterexample) -> dict[str, Any]:
    """Return the counterexample as JSON-ready data."""
    case = counterexample.case
    return {
        "format": FORMAT,
        "version": VERSION,
        "law": counterexample.law,
        "component": counterexample.component,
        "loss": counterexample.loss,
        "claims": counterexample.claims,
        "message": counterexample.message,
        "seed": counterexample.seed,
        "versions": dict(counterexample.versions),
        "problem": problem_document(case.problem),
        "choices": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in case.choices.items()
        },
        "batches": {name: _batch_document(batch) for name, batch in case.batches.items()},
    }


def _batch_document(batch: AnyBatch) -> dict[str, Any]:
    if isinstance(batch, Images):
        return {
            "images": [
                {
                    "objects": objects,
                    "arrays": {name: typed_array_document(a) for name, a in arrays.items()},
                }
                for arrays, objects in zip(batch.arrays, batch.objects, strict=True)
            ]
        }
    return {
        "targets": [array_document(a) for a in batch.targets],
        "predictions": [array_document(a) for a in batch.predictions],
    }


def from_document(document: Any, description: Description | None = None) -> Counterexample:
    """Return the counterexample that JSON data holds.

    description: as in `read_problem`.

    Raise CounterexampleError if the data is no counterexample.
    """
    if read_field(document, "format", str) != FORMAT:
        raise CounterexampleError(f"format: expected {FORMAT!r}, got {document['format']!r:.60}")
    version = read_field(document, "version", int)
    if version not in READABLE:
        newer = "; a newer mgloss wrote it: upgrade to read it" if version > VERSION else ""
        readable = f"{READABLE[0]} to {VERSION}"
        raise CounterexampleError(f"version: this mgloss reads {readable}, got {version}{newer}")
    choices = read_field(document, "choices", dict)
    component = read_field(document, "component", (str, type(None)))
    problem_data = read_field(document, "problem", dict)
    try:
        problem = read_problem(problem_data, description)
        if isinstance(problem, Problem) and component not in (None, *COMPONENTS):
            raise CounterexampleError(f"component: expected one of {', '.join(COMPONENTS)}")
        batches = {
            name: _read_batch(problem, batch, f"batches.{name}.")
            for name, batch in read_field(document, "batches", dict).items()
        }
        law = law_named(read_field(document, "law", str)).name
        claims = normalization(read_field(document, "claims", str)).name
    except CounterexampleError:
        raise
    except ValueError as error:
        raise CounterexampleError(str(error)) from None
    return Counterexample(
        law,
        component,
        read_field(document, "loss", str),
        claims,
        read_field(document, "message", str),
        Case(
            problem, batches, {name: _read_choice(value, name) for name, value in choices.items()}
        ),
        read_field(document, "seed", (int, type(None))),
        {str(k): str(v) for k, v in read_field(document, "versions", dict).items()},
    )


def _read_choice(value: Any, name: str) -> int | float | tuple[int, ...]:
    if type(value) is int or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list) and all(type(v) is int for v in value):
        return tuple(value)
    raise CounterexampleError(f"choices.{name}: expected a number or a list of whole numbers")


def _read_batch(problem: AnyProblem, document: Any, where: str) -> AnyBatch:
    """Return a batch of this problem; raise ValueError if the data is none."""
    if isinstance(problem, Described):
        return _read_images(document, problem.description.predicted, where)
    targets = _read_arrays(document, "targets", where)
    batch = Batch(targets, _read_arrays(document, "predictions", where))
    if not batch.targets:
        raise CounterexampleError(f"{where}targets: expected at least one scale")
    validate(problem, batch)
    return batch


def _read_arrays(document: Any, key: str, where: str) -> tuple[Array, ...]:
    arrays = read_field(document, key, list, where)
    return tuple(read_array(array, f"{where}{key}[{i}]") for i, array in enumerate(arrays))


def _read_images(document: Any, predicted: tuple[str, ...], where: str) -> Images:
    images, counts = [], []
    for i, image in enumerate(read_field(document, "images", list, where)):
        place = f"{where}images[{i}]."
        objects = read_field(image, "objects", int, place)
        if objects < 0:
            raise CounterexampleError(f"{place}objects: expected 0 or more, got {objects}")
        arrays = read_field(image, "arrays", dict, place).items()
        images.append({name: read_typed_array(a, f"{place}arrays.{name}") for name, a in arrays})
        counts.append(objects)
    batch = Images(tuple(images), tuple(counts), predicted)
    check(batch)
    return batch


def load(path: Path, description: Description | None = None) -> Counterexample:
    """Read a counterexample from a file.

    description: as in `read_problem`.

    Raise CounterexampleError, naming the file, if it holds none.
    """

    def parse(document: Any) -> Counterexample:
        return from_document(document, description)

    return read_json(path, parse, CounterexampleError, largest=LARGEST_FILE)


def save(counterexample: Counterexample, path: Path) -> None:
    """Write a counterexample as JSON, whole or not at all. Raise OSError if that fails."""
    document = to_document(counterexample)
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")
