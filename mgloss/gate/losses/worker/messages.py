"""Messages between the gate and its worker: JSON, followed by the bytes of arrays."""

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

from mgloss.gate.losses.answers import LONGEST_NAME
from mgspec import Batch, Description, Evaluation
from mgspec.laws.comparison import UNIT_ROUNDOFF
from mgspec.problem.description import Images
from mgspec.problem.layout import AnyBatch, AnyProblem
from mgspec.saved.arrays import DTYPES, MOST_AXES
from mgspec.saved.problems import problem_document, read_problem

HEADER = struct.Struct(">I")
KNOWN_DTYPES = (*DTYPES, "float64")
MOST_COMPONENTS = 1000
USUAL, RESEEDED = "usual", "reseeded"  # runs of a candidate, beside its modes

Array = NDArray[Any]


class MessageError(Exception):
    """The received bytes are not a message, or not the expected one."""


@dataclass(frozen=True)
class Message:
    """JSON-ready data, and arrays in an order that follows from the data."""

    data: Mapping[str, Any]
    arrays: tuple[Array, ...] = ()


def encode(message: Message) -> bytes:
    """Return a message as bytes."""
    arrays = [np.ascontiguousarray(array) for array in message.arrays]
    head = {
        "data": message.data,
        # Shapes are of the originals: ascontiguousarray turns a scalar into shape [1].
        "arrays": [
            (array.dtype.name, list(original.shape))
            for array, original in zip(arrays, message.arrays, strict=True)
        ],
    }
    text = json.dumps(head).encode()
    return b"".join([HEADER.pack(len(text)), text, *(array.tobytes() for array in arrays)])


def decode(data: bytes) -> Message:
    """Return the message that bytes encode; raise MessageError if they encode none."""
    try:
        (length,) = HEADER.unpack_from(data)
        end = HEADER.size + length
        if end > len(data):
            raise MessageError("it is cut short")
        head = json.loads(data[HEADER.size : end])
        content, layouts = head["data"], head["arrays"]
        if not isinstance(content, dict) or not isinstance(layouts, list):
            raise MessageError("it is no object")
        arrays = []
        for dtype, shape in layouts:
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
    return Message(content, tuple(arrays))


def make_question(
    problem: AnyProblem, batch: AnyBatch, gradients: bool, run: str = USUAL
) -> Message:
    """Return the message that asks for the loss of a batch, and for gradients if wanted.

    run: which run of the candidate: USUAL, RESEEDED, or the name of a mode.

    Raise TypeError if what the images share is not plain data.
    """
    question = {
        "ask": "evaluate",
        "run": run,
        "problem": _write_problem(problem),
        "gradients": gradients,
    }
    if isinstance(batch, Batch):
        return Message(
            {**question, "scales": len(batch.targets)}, (*batch.targets, *batch.predictions)
        )
    return Message(
        {
            **question,
            "images": [list(image) for image in batch.arrays],
            "objects": list(batch.objects),
            "predicted": list(batch.predicted),
        },
        tuple(array for image in batch.arrays for array in image.values()),
    )


def read_question(
    message: Message, description: Description | None
) -> tuple[AnyProblem, AnyBatch, bool]:
    """Return the problem, the batch, and whether gradients are wanted.

    Do not check the message: it comes from the gate.
    """
    data, arrays = message.data, message.arrays
    problem = _read_problem(data["problem"], description)
    if "scales" in data:
        scales = data["scales"]
        return problem, Batch(arrays[:scales], arrays[scales:]), data["gradients"]
    remaining = iter(arrays)
    images = tuple({name: next(remaining) for name in names} for names in data["images"])
    batch = Images(images, tuple(data["objects"]), tuple(data["predicted"]))
    return problem, batch, data["gradients"]


@lru_cache(maxsize=256)  # a law evaluates several batches of one problem
def _write_problem(problem: AnyProblem) -> str:
    return json.dumps(problem_document(problem))


@lru_cache(maxsize=256)
def _read_problem(text: str, description: Description | None) -> AnyProblem:
    return read_problem(json.loads(text), description)


def make_answer(evaluation: Evaluation) -> Message:
    """Return the message that holds an evaluation."""
    gradients = evaluation.gradients
    return Message(
        {
            "components": dict(evaluation.components),
            "dtype": evaluation.dtype,
            "changed_inputs": evaluation.changed_inputs,
            "gradients": list(gradients) if gradients is not None else None,
        },
        tuple(array for arrays in (gradients or {}).values() for array in arrays),
    )


def read_answer(message: Message, predictions: Sequence[Array]) -> Evaluation:
    """Return the evaluation that a message holds; raise MessageError if it holds none.

    Check everything: the message comes from a process that runs foreign code.

    predictions: of the batch in the question; gradients must have their shapes.
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
        if names != list(components):
            raise MessageError("its gradients")
        gradients = _read_gradients(names, message.arrays, [p.shape for p in predictions])
    return Evaluation(
        {name: float(value) for name, value in components.items()}, gradients, dtype, changed
    )


def _read_gradients(
    names: Sequence[str], arrays: Sequence[Array], shapes: Sequence[tuple[int, ...]]
) -> dict[str, tuple[Array, ...]]:
    """Return, for each name, one array of each shape.

    Raise MessageError unless the arrays have that number, those shapes, and a float dtype.
    """
    if len(arrays) != len(names) * len(shapes):
        raise MessageError("its gradients")
    gradients = {}
    for position, name in enumerate(names):
        own = arrays[position * len(shapes) : (position + 1) * len(shapes)]
        if [a.shape for a in own] != list(shapes) or any(a.dtype.kind != "f" for a in own):
            raise MessageError("its gradients")
        gradients[name] = tuple(own)
    return gradients
