"""What a loss may return, and what is said of everything else."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

from mgloss.gate.losses.answers import (
    AnswerError,
    ShapeError,
    as_number,
    explain_shape,
    judged_dtype,
    split_components,
)

Returned = namedtuple("Returned", ["location", "objectness"])


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_an_array_of_one_number_is_that_number(shape: tuple[int, ...]) -> None:
    assert as_number(np.full(shape, 0.5, np.float32)) == np.float32(0.5)
    assert judged_dtype("total", as_number(np.full(shape, 0.5, np.float32))) == "float32"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((0.5, 1.0), r"a tuple of 2 values.*loss\(\*batch\)\[0\]"),
        ([0.5], r"a list of 1 values.*loss\(\*batch\)\[0\]"),
        ((0.5, {"location": 0.5}), r"mapping of components.*loss\(\*batch\)\[1\]"),
        (Returned(0.5, 0.5), r"`\._asdict\(\)`"),
        ({}, "empty mapping"),
        ({"lbox": 0.5}, r"return \{'location': \.\.\.\} instead of \{'lbox': \.\.\.\}"),
        ({"loss_obj": 0.5}, r"return \{'objectness': \.\.\.\}"),
        ({"loss_cls": 0.5}, r"return \{'classification': \.\.\.\}"),
        ({"loss": 0.5}, r"return \{'total': \.\.\.\}"),
        ({"kl": 0.5}, "unknown component 'kl'.*and no others"),
        ({0: 0.5}, "component named 0"),
    ],
)
def test_what_is_no_component_is_told_with_what_to_write(answer: Any, words: str) -> None:
    with pytest.raises(AnswerError, match=words):
        split_components(answer)


def test_names_of_another_problem_are_its_own() -> None:
    assert split_components({"lbox": 0.5}, any_name=True) == {"lbox": 0.5}


def test_a_component_that_is_none_may_be_left_out() -> None:
    with pytest.raises(AnswerError, match="Leave 'objectness' out"):
        judged_dtype("objectness", None)
    with pytest.raises(AnswerError, match="end with a `return`"):
        judged_dtype("total", None)


@pytest.mark.parametrize(
    ("component", "shape", "is_of_images", "words"),
    [
        ("total", (2,), True, "one value an image of 2. Return one number, such as values.mean()"),
        ("total", (2, 3, 4), True, "values of each image of 2"),
        ("total", (3,), False, "Return them by name"),
        ("location", (3,), False, "expected one number, such as values.mean()"),
    ],
)
def test_an_array_is_told_by_what_its_numbers_seem_to_be(
    component: str, shape: tuple[int, ...], is_of_images: bool, words: str
) -> None:
    error = ShapeError(component, shape)
    told = explain_shape(error, 2, is_of_images=is_of_images, mean="values.mean()")
    assert words in str(told)
    assert f"returned shape {list(shape)} for {component}" in str(told)
