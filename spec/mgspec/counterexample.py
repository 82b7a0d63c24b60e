"""A counterexample as a file: JSON that a person can read, that loads back to the same bits.

Numbers are written in the shortest decimal form that gives the same float32 again. A file is data:
loading one runs nothing, imports nothing, and believes nothing that it has not checked.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mgspec.candidate import COMPONENTS, PLAIN_OPTIONS
from mgspec.laws import Case, law_named
from mgspec.layout import Array, Batch, Problem, validate
from mgspec.normalizations import normalization
from mgspec.options import Options
from mgspec.search import Verdict

FORMAT = "mgloss-counterexample"
VERSION = 2
WITHOUT_OPTIONS = 1  # the version before problems had options; its losses were the plain one
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
    return {"shape": list(array.shape), "values": [json.loads(str(v)) for v in array.ravel()]}


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
        "problem": {
            "anchors": [[list(anchor) for anchor in anchors] for anchors in case.problem.anchors],
            "classes": case.problem.classes,
            "input_size": list(case.problem.input_size),
            "options": case.problem.options.to_dict(),
        },
        "choices": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in case.choices.items()
        },
        "batches": {
            name: {
                "targets": [_array_document(a) for a in batch.targets],
                "predictions": [_array_document(a) for a in batch.predictions],
            }
            for name, batch in case.batches.items()
        },
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


def _problem(document: Any) -> Problem:
    anchors = []
    for i, scale in enumerate(_get(document, "anchors", list, "problem.")):
        if not isinstance(scale, list):
            raise CounterexampleError(f"problem.anchors[{i}]: expected a list of [width, height]")
        pairs = [_numbers(a if isinstance(a, list) else [a], "problem.anchors") for a in scale]
        anchors.append(tuple(tuple(pair) for pair in pairs))
    size = _get(document, "input_size", list, "problem.")
    if not all(type(n) is int for n in size):
        raise CounterexampleError("problem.input_size: expected [height, width] in whole pixels")
    classes = _get(document, "classes", int, "problem.")
    options = PLAIN_OPTIONS
    if "options" in document:
        options = Options.from_dict(_get(document, "options", dict, "problem."))
    return Problem(tuple(anchors), classes, tuple(size), options)  # type: ignore[arg-type]


def _choice(value: Any, name: str) -> int | float | tuple[int, ...]:
    if type(value) is int or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list) and all(type(v) is int for v in value):
        return tuple(value)
    raise CounterexampleError(f"choices.{name}: expected a number or a list of whole numbers")


def from_document(document: Any) -> Counterexample:
    """The counterexample of JSON data; CounterexampleError where it is not one."""
    if _get(document, "format", str) != FORMAT:
        raise CounterexampleError(f"format: expected {FORMAT!r}, got {document['format']!r:.60}")
    version = _get(document, "version", int)
    if version not in (WITHOUT_OPTIONS, VERSION):
        newer = "; a newer mgloss wrote it: upgrade to read it" if version > VERSION else ""
        known = f"{WITHOUT_OPTIONS} and {VERSION}"
        raise CounterexampleError(f"version: this mgloss reads {known}, got {version}{newer}")
    batches = {
        name: Batch(
            _arrays(parts, "targets", f"batches.{name}."),
            _arrays(parts, "predictions", f"batches.{name}."),
        )
        for name, parts in _get(document, "batches", dict).items()
    }
    choices = _get(document, "choices", dict)
    component = _get(document, "component", (str, type(None)))
    if component is not None and component not in COMPONENTS:
        raise CounterexampleError(f"component: expected one of {', '.join(COMPONENTS)}")
    try:
        problem = _problem(_get(document, "problem", dict))
        for name, batch in batches.items():
            if not batch.targets:
                raise CounterexampleError(f"batches.{name}.targets: expected at least one scale")
            validate(problem, batch)
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


def _refuse_constant(name: str) -> float:
    raise CounterexampleError(f"{name}: numbers must be finite")


def load(path: Path) -> Counterexample:
    """Read a counterexample; CounterexampleError, naming the file, where it is not one."""
    try:
        if path.exists() and not path.is_file():
            raise CounterexampleError("is not a file")
        if path.stat().st_size > LARGEST_FILE:
            raise CounterexampleError(f"larger than {LARGEST_FILE // 2**20} MiB")
        text = path.read_text(encoding="utf-8")
        return from_document(json.loads(text, parse_constant=_refuse_constant))
    except OSError as error:
        raise CounterexampleError(f"{path}: {error.strerror or error}") from None
    except json.JSONDecodeError as error:
        raise CounterexampleError(
            f"{path}: not JSON, or cut off: {error.msg} in line {error.lineno}"
        ) from None
    except (UnicodeDecodeError, RecursionError):
        raise CounterexampleError(f"{path}: not a JSON text file") from None
    except ValueError as error:
        raise CounterexampleError(f"{path}: {error}") from None


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def save(counterexample: Counterexample, path: Path) -> None:
    """Write a counterexample as JSON, whole or not at all."""
    document = to_document(counterexample)
    write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")
