"""A counterexample as a file: JSON that a person can read, that loads back to the same bits.

Numbers are written in the shortest decimal form that gives the same float32 again. A file is data:
loading one runs nothing, imports nothing, and believes nothing that it has not checked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mgspec.laws import Case, law_named
from mgspec.loss.candidate import COMPONENTS, PLAIN_OPTIONS
from mgspec.problem.description import Described, Description, Images, check
from mgspec.problem.descriptions import BUILT_IN
from mgspec.problem.layout import (
    LARGEST_SIDE,
    AnyBatch,
    AnyProblem,
    Array,
    Batch,
    Problem,
    validate,
)
from mgspec.problem.normalizations import normalization
from mgspec.problem.options import Options
from mgspec.saved.files import read, write_text
from mgspec.search.verdicts import Verdict

FORMAT = "mgloss-counterexample"
VERSION = 3
# 1: problems had no options, and the loss was the plain one. 2: none was described.
READABLE = (1, 2, VERSION)
DTYPES = ("float16", "float32", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16")
MOST_AXES = 8
LARGEST_FILE = 16 * 2**20  # bytes; the largest batch drawn here takes 100 kB


class CounterexampleError(ValueError):
    """A file or document that is no counterexample; the message says where and why."""


@dataclass(frozen=True)
class Counterexample:
    """A case that breaks a law, and how it was found.

    loss: the LOSS it was found for, as it was named; empty for the reference.
    component: None where the loss gave no answer.
    seed: of the search; None for an unseeded one.
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
    """The counterexample of a verdict that has one."""
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


def _array_document(array: Array) -> dict[str, Any]:
    # The shortest decimal of a float32, by NumPy, parsed by Python, is that float32 again.
    values = array.ravel()
    numbers = [json.loads(str(v)) for v in values] if array.dtype.kind == "f" else values.tolist()
    return {"shape": list(array.shape), "values": numbers}


def _typed_array_document(array: np.ndarray) -> dict[str, Any]:
    return {"dtype": array.dtype.name, **_array_document(array)}


def _batch_document(batch: AnyBatch) -> dict[str, Any]:
    if isinstance(batch, Images):
        return {
            "images": [
                {
                    "objects": objects,
                    "arrays": {name: _typed_array_document(a) for name, a in image.items()},
                }
                for image, objects in zip(batch.each, batch.objects, strict=True)
            ]
        }
    return {
        "targets": [_array_document(a) for a in batch.targets],
        "predictions": [_array_document(a) for a in batch.predictions],
    }


def problem_document(problem: AnyProblem) -> dict[str, Any]:
    """The problem as JSON-ready data."""
    if isinstance(problem, Described):
        return {"description": problem.description.name, "shared": problem.shared}
    return {
        "anchors": [[list(anchor) for anchor in anchors] for anchors in problem.anchors],
        "classes": problem.num_classes,
        "input_size": list(problem.input_shape),
        "options": problem.options.to_dict(),
    }


def to_document(counterexample: Counterexample) -> dict[str, Any]:
    """The counterexample as JSON-ready data."""
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


def _get(document: Any, key: str, kind: type | tuple[type, ...], where: str = "") -> Any:
    place = f"{where}{key}"
    if not isinstance(document, dict) or key not in document:
        raise CounterexampleError(f"{place}: missing")
    value = document[key]
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        names = " or ".join("null" if k is type(None) else k.__name__ for k in kinds)
        raise CounterexampleError(f"{place}: expected {names}, got {type(value).__name__}")
    return value


def _numbers(values: list[Any], where: str) -> list[float]:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise CounterexampleError(f"{where}: expected numbers, got {value!r:.40}")
    try:
        return [float(value) for value in values]
    except OverflowError:
        raise CounterexampleError(f"{where}: a number is too large") from None


def _array(document: Any, where: str) -> Array:
    shape = _get(document, "shape", list, f"{where}.")
    values = _numbers(_get(document, "values", list, f"{where}."), f"{where}.values")
    if len(shape) != 4 or not all(type(n) is int and n > 0 for n in shape):
        raise CounterexampleError(f"{where}.shape: expected four sizes [B, H, W, 5 + A + C]")
    if math.prod(shape) != len(values):
        raise CounterexampleError(
            f"{where}: shape {shape} needs {math.prod(shape)} values, got {len(values)}"
        )
    with np.errstate(over="ignore"):
        array = np.array(values, np.float32)
    if not np.isfinite(array).all():
        raise CounterexampleError(f"{where}.values: every number must be a finite float32")
    return array.reshape(shape)


def _arrays(document: Any, key: str, where: str) -> tuple[Array, ...]:
    arrays = _get(document, key, list, where)
    return tuple(_array(array, f"{where}{key}[{i}]") for i, array in enumerate(arrays))


def _typed_array(document: Any, where: str) -> np.ndarray:
    """An array of any shape and of a plain dtype."""
    dtype = _get(document, "dtype", str, f"{where}.")
    shape = _get(document, "shape", list, f"{where}.")
    values = _get(document, "values", list, f"{where}.")
    if dtype not in DTYPES:
        raise CounterexampleError(f"{where}.dtype: expected one of {', '.join(DTYPES)}")
    if len(shape) > MOST_AXES or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
        raise CounterexampleError(f"{where}.shape: expected up to {MOST_AXES} sizes")
    if math.prod(shape) != len(values):
        raise CounterexampleError(
            f"{where}: shape {shape} needs {math.prod(shape)} values, got {len(values)}"
        )
    kinds = {"b": (bool,), "f": (int, float)}.get(np.dtype(dtype).kind, (int,))
    if not all(type(value) in kinds for value in values):
        raise CounterexampleError(f"{where}.values: expected numbers of dtype {dtype}")
    try:
        with np.errstate(over="ignore"):
            array = np.array(values, np.dtype(dtype)).reshape(shape)
    except OverflowError:
        raise CounterexampleError(f"{where}.values: a number is too large for {dtype}") from None
    if not np.isfinite(array).all():
        raise CounterexampleError(f"{where}.values: every number must be finite in {dtype}")
    return array


def _images(document: Any, predicted: tuple[str, ...], where: str) -> Images:
    each, counts = [], []
    for i, image in enumerate(_get(document, "images", list, where)):
        place = f"{where}images[{i}]."
        objects = _get(image, "objects", int, place)
        if objects < 0:
            raise CounterexampleError(f"{place}objects: expected 0 or more, got {objects}")
        arrays = _get(image, "arrays", dict, place).items()
        each.append({name: _typed_array(a, f"{place}arrays.{name}") for name, a in arrays})
        counts.append(objects)
    batch = Images(tuple(each), tuple(counts), predicted)
    check(batch)
    return batch


def _shared(value: Any) -> Any:
    """Plain data again: JSON has lists where Python had tuples."""
    if isinstance(value, (list, tuple)):
        return tuple(map(_shared, value))
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise CounterexampleError("problem.shared: expected numbers, text or lists of them")


def _described(document: Any, description: Description | None) -> Described:
    name = _get(document, "description", str, "problem.")
    if description is None:
        description = BUILT_IN.get(name)
    if description is None or description.name != name:
        raise CounterexampleError(
            f"problem.description: is of the problem {name!r:.60}: say where it is described, with "
            f"--problem FILE:NAME; built in are {', '.join(BUILT_IN)}"
        )
    return Described(description, _shared(document.get("shared")))


def _problem(document: Any) -> Problem:
    anchors = []
    for i, scale in enumerate(_get(document, "anchors", list, "problem.")):
        if not isinstance(scale, list):
            raise CounterexampleError(f"problem.anchors[{i}]: expected a list of [width, height]")
        pairs = [_numbers(a if isinstance(a, list) else [a], "problem.anchors") for a in scale]
        anchors.append(tuple(tuple(pair) for pair in pairs))
    size = _get(document, "input_size", list, "problem.")
    if len(size) != 2 or not all(type(n) is int and 1 <= n <= LARGEST_SIDE for n in size):
        raise CounterexampleError("problem.input_size: expected [height, width] in whole pixels")
    classes = _get(document, "classes", int, "problem.")
    options = PLAIN_OPTIONS
    if "options" in document:
        options = Options.from_dict(_get(document, "options", dict, "problem."))
    return Problem(tuple(anchors), classes, tuple(size), options)  # type: ignore[arg-type]


def problem_of(document: Any, description: Description | None = None) -> AnyProblem:
    """The problem of JSON data; arguments as of `from_document`. Raises ValueError."""
    if "description" in document:
        return _described(document, description)
    return _problem(document)


def _choice(value: Any, name: str) -> int | float | tuple[int, ...]:
    if type(value) is int or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list) and all(type(v) is int for v in value):
        return tuple(value)
    raise CounterexampleError(f"choices.{name}: expected a number or a list of whole numbers")


def _batch(problem: Problem, document: Any, where: str) -> Batch:
    batch = Batch(_arrays(document, "targets", where), _arrays(document, "predictions", where))
    if not batch.targets:
        raise CounterexampleError(f"{where}targets: expected at least one scale")
    validate(problem, batch)
    return batch


def from_document(document: Any, description: Description | None = None) -> Counterexample:
    """The counterexample of JSON data; CounterexampleError where it is not one.

    description: of the problem it is of, where that is described and no built-in one.
    """
    if _get(document, "format", str) != FORMAT:
        raise CounterexampleError(f"format: expected {FORMAT!r}, got {document['format']!r:.60}")
    version = _get(document, "version", int)
    if version not in READABLE:
        newer = "; a newer mgloss wrote it: upgrade to read it" if version > VERSION else ""
        known = f"{READABLE[0]} to {VERSION}"
        raise CounterexampleError(f"version: this mgloss reads {known}, got {version}{newer}")
    choices = _get(document, "choices", dict)
    component = _get(document, "component", (str, type(None)))
    stated = _get(document, "problem", dict)
    try:
        problem = problem_of(stated, description)
        batches: dict[str, AnyBatch] = {}
        if isinstance(problem, Described):
            for name, parts in _get(document, "batches", dict).items():
                batches[name] = _images(parts, problem.description.predicted, f"batches.{name}.")
        else:
            if component is not None and component not in COMPONENTS:
                raise CounterexampleError(f"component: expected one of {', '.join(COMPONENTS)}")
            for name, parts in _get(document, "batches", dict).items():
                batches[name] = _batch(problem, parts, f"batches.{name}.")
        law = law_named(_get(document, "law", str)).name
        claims = normalization(_get(document, "claims", str)).name
    except CounterexampleError:
        raise
    except ValueError as error:
        raise CounterexampleError(str(error)) from None
    return Counterexample(
        law,
        component,
        _get(document, "loss", str),
        claims,
        _get(document, "message", str),
        Case(problem, batches, {name: _choice(value, name) for name, value in choices.items()}),
        _get(document, "seed", (int, type(None))),
        {str(k): str(v) for k, v in _get(document, "versions", dict).items()},
    )


def load(path: Path, description: Description | None = None) -> Counterexample:
    """Read a counterexample; CounterexampleError, naming the file, where it is not one.

    description: as of `from_document`.
    """

    def parse(document: Any) -> Counterexample:
        return from_document(document, description)

    return read(path, parse, CounterexampleError, largest=LARGEST_FILE)


def save(counterexample: Counterexample, path: Path) -> None:
    """Write a counterexample as JSON, whole or not at all."""
    document = to_document(counterexample)
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")
