"""Counterexamples as files: the same bits come back, and nothing else gets in."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgspec import LAWS, Case, search, specification
from mgspec.drawing.variety import FULL
from mgspec.saved.counterexample import (
    VERSION,
    Counterexample,
    CounterexampleError,
    from_document,
    from_verdict,
    load,
    save,
    to_document,
)
from mgspec.saved.files import write_text


def found() -> Counterexample:
    verdict = search(LAWS["object_monotone"], specification("positives"), seed=0)[0]
    counterexample = from_verdict(verdict, "mine.py:loss", "batch", 0, {"mgloss": "1"})
    assert counterexample is not None
    return counterexample


@given(
    st.sampled_from(sorted(LAWS)).flatmap(
        lambda name: st.tuples(st.just(name), LAWS[name].cases(FULL))
    )
)
def test_a_case_comes_back_with_the_same_bits(named: tuple[str, Case]) -> None:
    law, case = named
    there = to_document(Counterexample(law, "location", "", "batch", "", case))
    back = from_document(json.loads(json.dumps(there, allow_nan=False))).case
    assert back.problem == case.problem
    assert dict(back.choices) == dict(case.choices)
    assert set(back.batches) == set(case.batches)
    for name, batch in case.batches.items():
        for role in ("targets", "predictions"):
            ours, theirs = getattr(batch, role), getattr(back.batches[name], role)
            for a, b in zip(ours, theirs, strict=True):
                assert (a.shape, a.dtype) == (b.shape, b.dtype)
                assert a.tobytes() == b.tobytes()


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=7, max_size=7))
def test_any_finite_float32_comes_back(values: list[float]) -> None:
    document = to_document(found_once())
    array = np.array(values * 2, np.float32).reshape(1, 1, 2, 7)
    document["batches"]["X"]["predictions"][0]["values"] = [
        json.loads(str(v)) for v in array.ravel()
    ]
    back = from_document(json.loads(json.dumps(document))).case.batches["X"].predictions[0]
    assert back.tobytes() == array.tobytes()


_FOUND: list[Counterexample] = []


def found_once() -> Counterexample:
    if not _FOUND:
        _FOUND.append(found())
    return _FOUND[0]


def test_a_file_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.json"
    save(found_once(), path)
    assert to_document(load(path)) == to_document(found_once())
    assert [p.name for p in path.parent.iterdir()] == ["x.json"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "half of it, then \udc80")
    assert path.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def put(*keys: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


PREDICTION = ("batches", "X", "predictions", 0)

WRONG = {
    "format: expected 'mgloss-counterexample'": put("format", value="something"),
    "format: expected str": put("format", value=None),
    "a newer mgloss wrote it: upgrade to read it": put("version", value=VERSION + 1),
    "version: expected int, got bool": put("version", value=True),
    "unknown law 'partitoin'; did you mean 'partition'": put("law", value="partitoin"),
    "law: expected str, got list": put("law", value=[]),
    "unknown normalization 'btach'; did you mean 'batch'": put("claims", value="btach"),
    "component: expected one of": put("component", value="box"),
    "classes: expected 1 or more": put("problem", "classes", value=0),
    "problem.anchors: expected numbers": put("problem", "anchors", 0, 0, value="ab"),
    r"problem.anchors\[0\]: expected a list": put("problem", "anchors", 0, value=3),
    "expected positive .width, height": put("problem", "anchors", 0, 0, value=[1, 2, 3]),
    "input_size: expected": put("problem", "input_size", value=[32.5, 32]),
    "shape: expected four sizes": put(*PREDICTION, "shape", value=[2, 7]),
    "values, got 14": put(*PREDICTION, "shape", value=[10**9, 10**9, 10**9, 7]),
    "values: expected numbers, got 'x'": put(*PREDICTION, "values", 0, value="x"),
    "values: expected numbers, got True": put(*PREDICTION, "values", 0, value=True),
    "finite float32": put(*PREDICTION, "values", 0, value=1e39),
    "a number is too large": put(*PREDICTION, "values", 0, value=10**400),
    "predictions of scale 0: expected": put(*PREDICTION, "shape", value=[1, 2, 1, 7]),
    "at least one scale": put("batches", "X", value={"targets": [], "predictions": []}),
    "batches.X.targets: missing": put("batches", "X", value={}),
    "choices.row: expected a number": put("choices", "row", value={"a": 1}),
    "batches: expected dict, got list": put("batches", value=[]),
    "seed: expected int or null": put("seed", value="0"),
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_document_is_refused(message: str) -> None:
    document = copy.deepcopy(to_document(found_once()))
    WRONG[message](document)
    with pytest.raises(CounterexampleError, match=message):
        from_document(json.loads(json.dumps(document)))


@pytest.mark.parametrize("key", sorted(to_document(found_once())))
def test_a_document_with_a_part_missing_is_refused(key: str) -> None:
    document = to_document(found_once())
    del document[key]
    with pytest.raises(CounterexampleError, match=f"{key}: missing"):
        from_document(document)


TEXTS = {
    "not JSON, or cut off": '{"format": "mgloss-counterexample", "ver',
    "not JSON, or cut off: .* in line 1": "",
    "NaN: numbers must be finite": '{"format": NaN}',
    "format: missing": "[]",
    "not a JSON text file": "[" * 100_000,
}


@pytest.mark.parametrize("message", TEXTS)
def test_a_wrong_file_is_refused_by_name(message: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(TEXTS[message], encoding="utf-8")
    with pytest.raises(CounterexampleError, match=rf"wrong\.json: .*{message}"):
        load(path)


def test_every_truncation_of_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    text = json.dumps(to_document(found_once()))
    for length in range(0, len(text), 37):
        path.write_text(text[:length], encoding="utf-8")
        with pytest.raises(CounterexampleError, match=r"cut\.json: "):
            load(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.json"
    path.write_bytes(b"\x80\x04\x95pickle")
    with pytest.raises(CounterexampleError, match="not a JSON text file"):
        load(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CounterexampleError, match="No such file"):
        load(tmp_path / "none.json")
    with pytest.raises(CounterexampleError, match="is not a file"):
        load(tmp_path)
