"""What a loss is taken for: its framework, the order of its arguments, and what it returns."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from mgloss.gate.losses.loading import Loaded, LoadError, load
from mgloss.gate.losses.probes import probe_batches
from mgloss.gate.losses.request import LossRequest
from mgspec import LAWS, search
from mgspec.search.verdicts import BROKEN, HOLDS
from tests.gate.conftest import Run, said

HERE = Path(__file__).parent / "recognition"


def loaded(name: str, **asked: str) -> Loaded:
    return load(LossRequest(str(HERE / name), **asked))


# (framework, whether predictions come first) of losses that divide by the images.
RIGHT = {
    "of_torch.py:by_images": ("torch", False),
    "of_torch.py:in_a_vector": ("torch", False),
    "of_torch.py:in_a_row": ("torch", False),
    "of_torch.py:hides_its_framework": ("torch", False),
    "of_torch.py:Criterion": ("torch", True),
    "of_torch.py:Scaled": ("torch", True),
    "of_torch.py:partly": ("torch", True),
    "of_torch.py:made": ("torch", True),
    "of_torch.py:defaults": ("torch", True),
    "of_torch.py:compiled": ("torch", True),
    "of_numpy.py:by_images": ("numpy", False),
    "of_numpy.py:in_python_numbers": ("numpy", False),
    "of_numpy.py:guarded": ("numpy", True),
    "of_numpy.py:shut": ("numpy", True),
    "of_keras.py:of_images": ("tensorflow", False),
    "of_keras.py:traced": ("tensorflow", True),
    "of_jax.py:weighted": ("jax", True),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_loss_is_called_as_it_is_meant_and_not_accused(name: str) -> None:
    found = loaded(name)
    assert found.style is not None
    assert (found.framework, found.style.predictions_first) == RIGHT[name]
    order = "predictions before targets" if RIGHT[name][1] else "targets, then predictions"
    assert [note for note in found.notes if f"it is given {order}" in note]
    for law in ("partition", "replication"):
        judged = search(LAWS[law], found.candidate, max_examples=4, seed=0, shrink=False)
        assert {v.status for v in judged} == {HOLDS}


@pytest.mark.parametrize("name", ["of_torch.py:over_objects", "of_keras.py:over_objects"])
def test_a_loss_divided_by_objects_is_found_out_however_it_is_called(name: str) -> None:
    candidate = loaded(name).candidate
    (verdict,) = search(LAWS["partition"], candidate, max_examples=40, seed=0, shrink=False)
    assert verdict.status == BROKEN
    (verdict,) = search(LAWS["replication"], candidate, max_examples=10, seed=0)
    assert verdict.status == HOLDS


def test_values_of_images_are_averaged_as_keras_does() -> None:
    found = loaded("of_keras.py:of_images")
    assert any("sum_over_batch_size" in note for note in found.notes)
    assert found.style is not None
    assert found.style.averages
    problem, batch = probe_batches(None)[0]
    alike = loaded("of_torch.py:by_images").candidate.run(problem, batch, True)
    answer = found.candidate.run(problem, batch, True)
    assert answer.components["total"] == pytest.approx(alike.components["location"], rel=1e-6)


def test_a_loss_that_answers_few_batches_is_no_loss_that_answers_none() -> None:
    found = loaded("of_torch.py:of_three_anchors")
    assert found.style is not None
    assert not found.style.per_scale
    assert found.candidate.components == ("location",)
    assert any("on an ordinary batch, the loss raised ValueError" in note for note in found.notes)


@pytest.mark.parametrize("name", ["of_keras.py:over_objects", "of_numpy.py:over_objects"])
def test_a_snippet_makes_one_number_of_what_the_loss_returns(
    name: str, mgloss: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mgloss("check", HERE / name, "--law", "partition").returncode == 1
    (snippet,) = (
        file
        for file in (tmp_path / "mgloss-report").rglob("*.py")
        if "def L(" in file.read_text(encoding="utf-8")
    )
    runpy.run_path(str(snippet))
    assert "the law says" in capsys.readouterr().out


# What to write, or what was wrong, and the framework that says so.
REFUSED = {
    "of_torch.py:other_name": ("If it is the location, return {'location': ...}", "PyTorch"),
    "of_torch.py:misspelt": (r"'Tensor' object has no attribute 'squares'", "PyTorch"),
    "of_torch.py:with_items": (r"return loss(*batch)[0]", "PyTorch"),
    "of_torch.py:with_components": (r"return loss(*batch)[1]", "PyTorch"),
    "of_torch.py:of_images": (
        "one value an image of 2. Return one number, such as values.mean()",
        "PyTorch",
    ),
    "of_torch.py:of_cells": ("values of each image of 2. Return one number", "PyTorch"),
    "of_torch.py:of_two_components": ("Return them by name, such as {'location'", "PyTorch"),
    "of_torch.py:without_objectness": ("Leave 'objectness' out", "PyTorch"),
    "of_numpy.py:misspelt": ("'numpy.ndarray' object has no attribute 'squared'", "NumPy"),
    "of_numpy.py:secret": ("returned Secretive for total, which is no number", "PyTorch"),
    "of_keras.py:of_components": ("Return them by name", "TensorFlow"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_loss_is_told_once_by_its_own_framework(name: str) -> None:
    words, title = REFUSED[name]
    with pytest.raises(LoadError) as refused:
        loaded(name)
    message = str(refused.value)
    assert words in message
    assert f"(taken for a {title} loss" in message
    assert "--framework" in message
    assert "\n" not in message


def test_a_refused_loss_ends_with_status_2_and_one_line(mgloss: Run) -> None:
    result = mgloss("check", HERE / "of_torch.py:misspelt", "--law", "finite")
    assert result.returncode == 2
    assert "called as f(y_pred, y_true)" in said(result.stderr)
    assert "it returns a scalar" not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_the_framework_that_was_named_tells_its_error() -> None:
    with pytest.raises(LoadError, match=r"taken for a NumPy loss.*as --framework says"):
        loaded("of_torch.py:by_images", framework="numpy")
