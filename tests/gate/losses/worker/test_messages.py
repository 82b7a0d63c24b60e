"""What passes between the gate and a worker, whole, cut short and random."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from mgloss.gate.losses.worker import frames, messages
from mgloss.gate.losses.worker.messages import Message, MessageError
from mgspec import Described, Evaluation, specification
from mgspec.drawing.problems import draw_any_problem
from mgspec.drawing.variety import FULL
from mgspec.problem.description import Images
from mgspec.problem.descriptions import BUILT_IN

DTYPES = st.sampled_from(messages.KNOWN_DTYPES)
ARRAYS = DTYPES.flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, min_side=0, max_dims=4))
)
DATA = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none())


@given(DATA, st.lists(ARRAYS, max_size=4))
def test_a_message_comes_as_it_was_sent(data: dict[str, Any], sent: list[np.ndarray]) -> None:
    came = messages.decode(messages.encode(Message(data, tuple(sent))))
    assert came.data == data
    assert [(a.dtype, a.shape, a.tobytes()) for a in came.arrays] == [
        (a.dtype, a.shape, a.tobytes()) for a in sent
    ]


@given(st.data(), DATA, st.lists(ARRAYS, min_size=1, max_size=2))
def test_what_is_cut_short_is_no_message(
    data: st.DataObject, told: dict[str, Any], sent: list[np.ndarray]
) -> None:
    whole = messages.encode(Message(told, tuple(sent)))
    end = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(MessageError):
        messages.decode(whole[:end])
    with pytest.raises(MessageError):
        messages.decode(whole + b"x")


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda b: b"\0\0\0\x10" + b))
def test_random_bytes_are_no_message(data: bytes) -> None:
    with pytest.raises(MessageError):
        messages.decode(data)


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b'{"data": {}, "arrays": [["object", [1]]]}',
        b'{"data": {}, "arrays": [["float32", [1, -1]]]}',
        b'{"data": {}, "arrays": [["float32", [1e9]]]}',
        b'{"data": {}, "arrays": [["float64", [2147483647, 2147483647]]]}',
        b'{"data": 3, "arrays": []}',
        b'{"data": {}, "arrays": 3}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(text: bytes) -> None:
    with pytest.raises(MessageError):
        messages.decode(messages.HEADER.pack(len(text)) + text)


@given(st.sampled_from((None, *BUILT_IN)).flatmap(lambda name: _of(name)))
def test_a_batch_is_asked_about_as_it_is(drawn: tuple[Any, Any]) -> None:
    problem, batch = drawn
    description = problem.description if isinstance(problem, Described) else None
    sent = messages.encode(messages.make_question(problem, batch, True))
    asked, came, gradients = messages.read_question(messages.decode(sent), description)
    assert gradients
    assert messages.decode(sent).data["run"] == messages.USUAL
    if isinstance(problem, Described):
        assert isinstance(asked, Described)
        assert asked.shared == problem.shared
        assert isinstance(came, Images)
        assert came.objects == batch.objects
        for a, b in zip(came.arrays, batch.arrays, strict=True):
            assert list(a) == list(b)
            assert all(np.array_equal(a[key], b[key]) for key in a)
    else:
        assert asked == problem
        for a, b in zip(
            (*came.targets, *came.predictions), (*batch.targets, *batch.predictions), strict=True
        ):
            assert np.array_equal(a, b)


@st.composite
def _batches(draw: st.DrawFn, variety: Any) -> tuple[Any, Any]:
    problem, batch_of = draw_any_problem(draw, variety)
    return problem, batch_of()


def _of(name: str | None) -> st.SearchStrategy[tuple[Any, Any]]:
    return _batches(replace(FULL, description=BUILT_IN[name] if name else None))


@given(_batches(FULL), st.booleans())
def test_an_answer_comes_as_it_was_given(drawn: tuple[Any, Any], gradients: bool) -> None:
    problem, batch = drawn
    given_answer = specification("batch").run(problem, batch, gradients)
    came = messages.read_answer(
        messages.decode(messages.encode(messages.make_answer(given_answer))), batch.predictions
    )
    assert came.components == dict(given_answer.components)
    assert (came.gradients is None) == (not gradients)
    for name, found in (came.gradients or {}).items():
        assert given_answer.gradients is not None
        for a, b in zip(found, given_answer.gradients[name], strict=True):
            assert np.array_equal(a, b)


def test_numbers_that_are_not_finite_are_told() -> None:
    told = Evaluation({"total": float("nan"), "location": float("-inf")}, None)
    came = messages.read_answer(messages.decode(messages.encode(messages.make_answer(told))), ())
    assert np.isnan(came.components["total"])
    assert came.components["location"] == float("-inf")


RIGHT = {
    "components": {"total": 1.0},
    "dtype": "float32",
    "changed_inputs": False,
    "gradients": ["total"],
}


@pytest.mark.parametrize(
    "change",
    [
        {"components": {}},
        {"components": {"total": "1"}},
        {"components": {"x" * 101: 1.0}},
        {"components": [1.0]},
        {"components": {"total": True}},
        {"dtype": "float8"},
        {"changed_inputs": 0},
        {"gradients": ["location"]},
        {"gradients": ["total", "total"]},
    ],
)
def test_an_answer_that_is_none_is_refused(change: dict[str, Any]) -> None:
    slope = np.zeros((1, 2), np.float32)
    assert messages.read_answer(Message(RIGHT, (slope,)), [slope]).gradients is not None
    with pytest.raises(MessageError):
        messages.read_answer(Message({**RIGHT, **change}, (slope,)), [slope])


@pytest.mark.parametrize("wrong", [np.zeros((2, 1), np.float32), np.zeros((1, 2), np.int32)])
def test_a_gradient_of_another_shape_or_kind_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(MessageError):
        messages.read_answer(Message(RIGHT, (wrong,)), [np.zeros((1, 2), np.float32)])


def test_frames_come_in_order_whatever_their_size() -> None:
    reading, writing = os.pipe()
    sizes = (0, 1, 7, 1000, 60_000)
    for size in sizes:
        frames.write(writing, b"x" * size)
        assert frames.read(reading, time.monotonic() + 5) == b"x" * size
    os.close(writing)
    with pytest.raises(frames.ClosedError):
        frames.read(reading, time.monotonic() + 5)
    os.close(reading)


def test_a_frame_that_does_not_come_is_waited_for_no_longer_than_asked() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"\0\0\0")
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        frames.read(reading, start + 0.2)
    assert time.monotonic() - start < 5
    os.close(reading)
    os.set_blocking(writing, False)
    with pytest.raises(frames.ClosedError):
        frames.write(writing, b"x", time.monotonic() + 5)
    os.close(writing)


def test_nobody_reads_what_is_too_large_for_the_pipe() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with pytest.raises(TimeoutError):
        frames.write(writing, b"x" * 2**22, time.monotonic() + 0.2)
    os.close(reading)
    os.close(writing)


def test_a_frame_that_promises_too_much_is_refused() -> None:
    reading, writing = os.pipe()
    os.write(writing, frames.HEADER.pack(frames.LARGEST + 1))
    with pytest.raises(frames.FrameError):
        frames.read(reading, time.monotonic() + 5)
    os.close(reading)
    os.close(writing)
