"""PyTorch, JAX and Keras losses under the laws, in this process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mgloss.gate.losses.adapters import starting
from mgloss.gate.losses.loading import Loaded, LoadError, load
from mgloss.gate.losses.request import LossRequest
from mgspec import LAWS, Batch, Problem, search, specification
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS

HERE = Path(__file__).parent
RIGHT = (
    "torch_losses.py:by_batch",
    "torch_losses.py:in_bfloat16",
    "torch_losses.py:Criterion",
    "torch_losses.py:trainer",
    "torch_losses.py:Trainer",
    "torch_losses.py:model",
    "torch_losses.py:make",
    "jax_losses.py:by_batch",
    pytest.param("jax_losses.py:compiled", marks=pytest.mark.nightly),  # as is `in_bfloat16`
    pytest.param("jax_losses.py:reads_values", marks=pytest.mark.nightly),  # not compiled: slow
    "jax_losses.py:in_bfloat16",
    "keras_losses.py:ByBatch",
    "keras_losses.py:ready",
)


def loaded(name: str, **asked: str) -> Loaded:
    return load(LossRequest(str(HERE / name), **asked))


def statuses(name: str, law: str, examples: int = 8) -> set[str]:
    candidate = loaded(name).candidate
    verdicts = search(LAWS[law], candidate, max_examples=examples, seed=0)
    return {verdict.status for verdict in verdicts}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize(
    "law",
    [
        "locality",  # of values and gradients
        *(
            pytest.param(law, marks=pytest.mark.nightly)
            for law in ("pure", "partition", "gradient")
        ),
    ],
)
def test_a_right_loss_is_not_accused(name: str, law: str) -> None:
    assert statuses(name, law) == {HOLDS}


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_todays_normalization_is_refused_with_two_images_and_one_object(framework: str) -> None:
    candidate = loaded(f"{framework}_losses.py:by_positives").candidate
    (verdict,) = search(LAWS["partition"], candidate, max_examples=40, seed=0)
    assert verdict.status == BROKEN
    assert verdict.message == (
        "location: L(X + Y) = 1, expected 0.5 (B_X = 1, L(X) = 0, B_Y = 1, L(Y) = 1)"
    )


def some_batch() -> tuple[Problem, Batch]:
    generator = np.random.default_rng(0)
    problem = Problem((((32.0, 48.0),), ((16.0, 24.0), (8.0, 8.0))), 2, (64, 96))
    arrays = []
    for _ in range(2):
        shapes = [(3, 2, 3, 8), (3, 4, 6, 9)]
        arrays.append(tuple(generator.normal(size=s).astype(np.float32) for s in shapes))
    for target in arrays[0]:
        target[..., 4] = generator.random(target.shape[:-1]) < 0.4
    return problem, Batch(*arrays)


@pytest.mark.parametrize(
    ("framework", "name"),
    [
        ("torch", "torch_losses.py:by_batch"),
        ("torch", "torch_losses.py:Criterion"),
        ("jax", "jax_losses.py:by_batch"),
        pytest.param("jax", "jax_losses.py:reads_values", marks=pytest.mark.nightly),
        ("tensorflow", "keras_losses.py:ByBatch"),
    ],
)
def test_values_and_gradients_are_those_of_the_formula(framework: str, name: str) -> None:
    problem, batch = some_batch()
    found = loaded(name)
    assert found.style is not None
    assert found.style.framework == framework
    (component,) = found.candidate.components
    answer = found.candidate.run(problem, batch, True)
    assert answer.gradients is not None
    value = 0.0
    pairs = zip(batch.targets, batch.predictions, answer.gradients[component], strict=True)
    for target, prediction, gradient in pairs:
        off = np.where(target[..., 4:5] > 0.5, prediction - target, 0).astype(np.float64)
        value += np.square(off[..., 2:4]).sum() / 3
        assert gradient.dtype == np.float32
        assert gradient.shape == prediction.shape
        assert np.allclose(gradient[..., 2:4], 2 * off[..., 2:4] / 3, rtol=1e-5, atol=1e-7)
        assert not gradient[..., :2].any()
        assert not gradient[..., 4:].any()
    assert answer.components[component] == pytest.approx(value, rel=1e-5)
    assert answer.dtype == "float32"


def test_gradients_are_computed_where_they_are_asked_for() -> None:
    for name in ("torch_losses.py:by_batch", "jax_losses.py:by_batch"):
        assert loaded(name).candidate.run(*some_batch(), False).gradients is None


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_half_precision_is_judged_as_such(framework: str) -> None:
    run = loaded(f"{framework}_losses.py:in_bfloat16").candidate.run
    assert run(*some_batch(), False).dtype == "bfloat16"


@pytest.mark.parametrize("name", ["writes_into_its_targets", "writes_into_its_predictions"])
def test_a_torch_loss_that_writes_into_its_inputs_is_told_on(name: str) -> None:
    assert statuses(f"torch_losses.py:{name}", "pure") == {BROKEN}


def test_a_torch_loss_without_a_gradient_is_told_of() -> None:
    found = loaded("torch_losses.py:cuts_the_gradient")
    assert found.style is not None
    assert found.style.framework == "torch"
    answer = found.candidate.run(*some_batch(), True)
    assert answer.gradients is not None
    assert not any(gradient.any() for gradient in answer.gradients["location"])


@pytest.mark.nightly
def test_a_jax_loss_that_remembers_is_not_compiled_and_found_out() -> None:
    assert statuses("jax_losses.py:remembers", "pure") == {BROKEN}


def test_a_jax_loss_is_judged_on_few_shapes_and_others_on_many() -> None:
    assert loaded("jax_losses.py:by_batch").candidate.few_shapes
    assert not loaded("torch_losses.py:by_batch").candidate.few_shapes


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("torch_losses.py:of_each_image", r"returned shape \[2\] for total"),
        ("torch_losses.py:whole_number", "returned dtype int64 for total"),
        ("keras_losses.py:Unreduced", r"returned shape \[2\] for total"),
        ("torch_losses.py:NeedsMore", r"is a class; make its object in a factory: .*NeedsMore"),
        ("keras_losses.py:Needs", r"is a class; make its object in a factory: .*Needs"),
    ],
)
def test_what_is_no_loss_is_refused(name: str, said: str) -> None:
    with pytest.raises(LoadError, match=said):
        loaded(name)


def test_a_module_with_predictions_first_is_called_so_and_it_is_said() -> None:
    found = loaded("torch_losses.py:Criterion")
    assert found.style is not None
    assert found.style.predictions_first
    assert any("predictions before targets" in note for note in found.notes)


def test_a_framework_can_be_named() -> None:
    found = loaded("../../samples/losses.py:by_batch", framework="numpy")
    assert found.style is not None
    assert found.style.framework == "numpy"
    with pytest.raises(LoadError, match="unknown framework 'pytorch'"):
        loaded("torch_losses.py:by_batch", framework="pytorch")


def test_a_numpy_function_named_as_another_framework_s_is_an_error() -> None:
    with pytest.raises(LoadError, match=r"Tracer.*taken for a JAX loss"):
        loaded("../../samples/losses.py:plain", framework="jax")


def test_a_framework_that_is_missing_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(starting.importlib.util, "find_spec", lambda name: None)
    starting.start_adapter.cache_clear()
    try:
        with pytest.raises(LoadError, match=r"torch is not installed.*pip install 'mgloss\[torch"):
            loaded("torch_losses.py:by_batch", framework="torch")
        with pytest.raises(LoadError, match=r"reference is a TensorFlow loss.*mgloss\[tensorflow"):
            load(LossRequest(None, "batch"))
    finally:
        starting.start_adapter.cache_clear()


def test_the_specification_and_torch_agree_on_a_component() -> None:
    """The two are written apart: what the laws see of one they see of the other."""
    problem, batch = some_batch()
    targets = [target.copy() for target in batch.targets]
    predictions = [prediction.copy() for prediction in batch.predictions]
    for arrays in zip(targets, predictions, strict=True):
        for array in arrays:
            array[..., :2] = 0  # the loss of torch_losses knows no centres
    for target in targets:
        target[..., :2] = 0.5  # what 0 decodes to
    same = Batch(tuple(targets), tuple(predictions))
    torch = loaded("torch_losses.py:by_batch").candidate.run(problem, same, False)
    right = specification("batch").run(problem, same, False)
    assert torch.components["location"] == pytest.approx(right.components["location"], rel=1e-5)


def test_errors_of_finite_are_told_with_the_law(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\n\ndef loss(y_true, y_pred):\n"
        "    grids = [tuple(t.shape[1:3]) for t in y_true]\n"
        "    return torch.ones(3)[0 if grids == [(1, 2), (2, 4)] else 7]\n"
    )
    candidate = load(LossRequest(str(file), "batch")).candidate
    assert {v.status for v in search(LAWS["finite"], candidate, max_examples=3)} == {BROKEN}
    assert {v.status for v in search(LAWS["locality"], candidate, max_examples=3)} == {ERROR}
