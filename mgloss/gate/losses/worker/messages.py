"""What the gate and its worker say to each other: JSON, and arrays as their bytes."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgspec import Batch, Description, Evaluation
from mgspec.laws.comparison import UNIT_ROUNDOFF
from mgspec.problem.description import Images
from mgspec.problem.layout import AnyBatch, AnyProblem
from mgspec.saved.counterexample import DTYPES, MOST_AXES, problem_document, problem_of

HEADER = struct.Struct(">I")
KNOWN_DTYPES = (*DTYPES, "float64")
MOST_COMPONENTS = 1000
LONGEST_NAME = 100

Array = NDArray[Any]


class MessageError(Exception):
    """What came is no message, or not the one that was to come."""


@dataclass(frozen=True)
class Message:
    """JSON-ready data, and the arrays that belong to it, in the order that it tells."""

    data: Mapping[str, Any]
    arrays: tuple[Array, ...] = ()


def encode(message: Message) -> bytes:
    """The message as bytes."""
    arrays = [np.ascontiguousarray(array) for array in message.arrays]
    head = {
        "data": message.data,
        # ascontiguousarray makes one axis of none.
        "arrays": [
            (a.dtype.name, list(b.shape)) for a, b in zip(arrays, message.arrays, strict=True)
        ],
    }
    text = json.dumps(head).encode()
    return b"".join([HEADER.pack(len(text)), text, *(array.tobytes() for array in arrays)])


def decode(data: bytes) -> Message:
    """The message of these bytes; MessageError where they are none."""
    try:
        (length,) = HEADER.unpack_from(data)
        end = HEADER.size + length
        if end > len(data):
            raise MessageError("it is cut short")
        head = json.loads(data[HEADER.size : end])
        told, described = head["data"], head["arrays"]
        if not isinstance(told, dict) or not isinstance(described, list):
            raise MessageError("it is no object")
        arrays = []
        for dtype, shape in described:
            if dtype not in KNOWN_DTYPES or len(shape) > MOST_AXES:
                raise MessageError(f"an array of dtype {dtype!r:.40}")
            if not all(type(n) is int and 0 <= n < 2**31 for n in shape):
                raise MessageError("an array's shape")
            count = math.prod(shape)
            size = count * np.dtype(dtype).itemsize
            if size > len(data) - end:
                raise MessageError("it is cut short")
            array = np.frombuffer(data, dtype, count, end).reshape(shape)
            arrays.append(array)
            end += size
        if end != len(data):
            raise MessageError("it is too long")
    except MessageError:
        raise
    except (struct.error, ValueError, TypeError, KeyError, RecursionError) as error:
        raise MessageError(f"{type(error).__name__}") from error
    return Message(told, tuple(arrays))


@lru_cache(maxsize=256)  # a law evaluates several batches of one problem
def _problem_text(problem: AnyProblem) -> str:
    return json.dumps(problem_document(problem))


def question(problem: AnyProblem, batch: AnyBatch, gradients: bool) -> Message:
    """Asks for the loss of a batch. Raises TypeError where what images share is no plain data."""
    asked = {"ask": "evaluate", "problem": _problem_text(problem), "gradients": gradients}
    if isinstance(batch, Batch):
        return Message(
            {**asked, "scales": len(batch.targets)}, (*batch.targets, *batch.predictions)
        )
    return Message(
        {
            **asked,
            "images": [list(image) for image in batch.each],
            "objects": list(batch.objects),
            "predicted": list(batch.predicted),
        },
        tuple(array for image in batch.each for array in image.values()),
    )


@lru_cache(maxsize=256)
def _problem_of(text: str, description: Description | None) -> AnyProblem:
    return problem_of(json.loads(text), description)


def asked(message: Message, description: Description | None) -> tuple[AnyProblem, AnyBatch, bool]:
    """The problem, the batch, and whether gradients are wanted; the gate's words are believed."""
    data, arrays = message.data, message.arrays
    problem = _problem_of(data["problem"], description)
    if "scales" in data:
        scales = data["scales"]
        return problem, Batch(arrays[:scales], arrays[scales:]), data["gradients"]
    each = iter(arrays)
    images = tuple({name: next(each) for name in names} for names in data["images"])
    return (
        problem,
        Images(images, tuple(data["objects"]), tuple(data["predicted"])),
        data["gradients"],
    )


def answer(evaluation: Evaluation) -> Message:
    """What a loss said of a batch."""
    gradients = evaluation.gradients
    return Message(
        {
            "components": dict(evaluation.components),
            "dtype": evaluation.dtype,
            "changed_inputs": evaluation.changed_inputs,
            "gradients": list(gradients) if gradients is not None else None,
        },
        tuple(array for found in (gradients or {}).values() for array in found),
    )


def evaluation_of(message: Message, predictions: Sequence[Array]) -> Evaluation:
    """The evaluation that an answer tells; MessageError where it is none.

    predictions: that the loss was asked about, whose shapes its gradients have.
    """
    data = message.data
    components, dtype = data.get("components"), data.get("dtype")
    changed, names = data.get("changed_inputs"), data.get("gradients")
    if not isinstance(components, dict) or not 0 < len(components) <= MOST_COMPONENTS:
        raise MessageError("its components")
    for name, value in components.items():
        if not 0 < len(name) <= LONGEST_NAME or type(value) not in (int, float):
            raise MessageError("its components")
    if dtype not in UNIT_ROUNDOFF or not isinstance(changed, bool):
        raise MessageError("its dtype")
    gradients = None
    if names is not None:
        shapes = [p.shape for p in predictions]
        found = message.arrays
        if names != list(components) or len(found) != len(names) * len(shapes):
            raise MessageError("its gradients")
        gradients = {}
        for number, name in enumerate(names):
            own = found[number * len(shapes) : (number + 1) * len(shapes)]
            if [a.shape for a in own] != shapes or any(a.dtype.kind != "f" for a in own):
                raise MessageError("its gradients")
            gradients[name] = tuple(own)
    return Evaluation(
        {name: float(value) for name, value in components.items()}, gradients, dtype, changed
    )
