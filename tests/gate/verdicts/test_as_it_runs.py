"""A loss is judged as it runs in training; only another value is a fault of how it is run."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from mgloss.gate.losses.loading import Loaded, load
from mgloss.gate.losses.request import LossRequest
from mgspec import LAWS, search
from mgspec.search.verdicts import BROKEN, HOLDS, SKIPPED
from tests.gate.conftest import Run, said

HERE = Path(__file__).parent
LOSSES = HERE / "as_it_runs.py"
TORCH = HERE / "under_autocast.py"


@cache
def loaded(name: str) -> Loaded:
    return load(LossRequest(f"{LOSSES}:{name}"))


def statuses(name: str, law: str) -> set[str]:
    examples = 5 * LAWS[law].one_in
    candidate = loaded(name).candidate
    verdicts = search(LAWS[law], candidate, max_examples=examples, seed=0, shrink=False)
    return {v.status for v in verdicts}


@pytest.mark.parametrize(
    "name", ["by_images", "with_a_weight", "branches_on_a_value", "of_every_scale"]
)
def test_a_loss_that_is_the_same_in_a_trace_is_right(name: str) -> None:
    found = loaded(name)
    assert found.style is not None
    assert (found.style.way, found.style.modes) == ("eager", ("traced",))
    assert statuses(name, "modes") == {HOLDS}


def test_a_mean_that_is_a_sum_in_a_trace_is_refused_and_reports_say_how_it_is_run(
    mgloss: Run, tmp_path: Path
) -> None:
    name = f"{LOSSES}:by_images_that_are_known"
    result = mgloss("check", name, "--law", "modes", "--json", "out.json", "--html", "out.html")

    assert result.returncode == 1
    note = (
        "it is run eagerly; the law modes also runs it traced for unknown sizes of the batch and "
        "of the grids, as model.fit does"
    )
    assert note in said(result.stdout)
    assert note in said((tmp_path / "out.html").read_text(encoding="utf-8"))
    assert "location: L(X) in mode traced = " in result.stdout
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (document["run"], document["modes"]) == ("eager", ["traced"])


def test_a_loss_that_cannot_be_traced_is_not_accused_and_that_is_said() -> None:
    found = loaded("image_by_image")
    assert found.style is not None
    assert (found.style.way, found.style.modes) == ("eager", ())
    (note,) = (note for note in found.notes if "traced" in note)
    assert note.startswith("it is not run traced for unknown sizes")
    assert "because the loss raised TypeError" in note
    assert statuses("image_by_image", "modes") == {SKIPPED}
    assert statuses("image_by_image", "partition") == {HOLDS}


@pytest.mark.parametrize("name", ["compiled", "with_a_compiled_part"])
def test_what_is_a_tf_function_is_run_as_one(name: str) -> None:
    found = loaded(name)
    assert found.style is not None
    assert (found.style.way, found.style.modes) == ("traced", ("eager",))
    assert statuses(name, "modes") == {HOLDS}
    assert statuses(name, "locality") == {HOLDS}


def test_a_tf_function_that_sums_where_sizes_are_unknown_is_a_sum() -> None:
    for law in ("replication", "modes"):
        assert statuses("compiled_by_images_that_are_known", law) == {BROKEN}


def test_a_tf_function_of_a_single_shape_does_not_pass() -> None:
    assert statuses("of_one_shape", "finite") == {BROKEN}


def test_a_tf_function_that_must_know_sizes_is_traced_for_each() -> None:
    found = loaded("compiled_image_by_image")
    assert found.style is not None
    assert (found.style.way, found.style.modes) == ("tf.function", ("eager",))
    assert statuses("compiled_image_by_image", "nonnegative") == {HOLDS}


@pytest.mark.parametrize("name", ["noisy", "compiled_noisy"])
def test_a_random_operation_draws_the_same_numbers_each_time(name: str) -> None:
    """And others in a trace, which is why the two are not compared."""
    found = loaded(name)
    assert any("depends on random numbers" in note for note in found.notes)
    assert any("random numbers, which are others in a trace" in note for note in found.notes)
    assert statuses(name, "modes") == {SKIPPED}
    assert statuses(name, "replication") == {HOLDS}
    (verdict,) = search(LAWS["pure"], found.candidate, max_examples=25, seed=0, shrink=False)
    assert verdict.status == BROKEN
    assert verdict.message.startswith("location: L(X) with other random numbers = ")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(
    ("name", "status"),
    [("right", HOLDS), ("counts_in_half_precision", BROKEN), ("overflows_in_half", BROKEN)],
)
def test_a_torch_loss_is_judged_under_autocast_on_request(
    name: str, status: str, dtype: str
) -> None:
    found = load(LossRequest(f"{TORCH}:{name}", autocast=dtype))
    assert found.style is not None
    assert found.style.modes == (f"autocast to {dtype}",)
    verdicts = search(LAWS["modes"], found.candidate, max_examples=250, seed=0)
    # bfloat16 counts to 256 and has the exponents of float32; float16 counts to 2,048.
    if (name, dtype) in {
        ("overflows_in_half", "bfloat16"),
        ("counts_in_half_precision", "float16"),
    }:
        status = HOLDS
    assert {v.status for v in verdicts} == {status}


def test_modes_are_run_where_the_loss_has_a_process_of_its_own(mgloss: Run, tmp_path: Path) -> None:
    asked = ("--autocast", "float16", "--law", "modes", "--json", "out.json")
    result = mgloss("check", f"{TORCH}:overflows_in_half", *asked, apart=True)

    assert result.returncode == 1
    assert "location: L(X) in mode autocast to float16 = " in result.stdout
    assert "--autocast float16" in said(result.stdout)  # to replay it
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (document["run"], document["modes"]) == ("eager", ["autocast to float16"])


def test_without_a_request_there_is_no_autocast() -> None:
    found = load(LossRequest(f"{TORCH}:right"))
    assert found.style is not None
    assert (found.style.way, found.style.modes) == ("eager", ())


@pytest.mark.parametrize(
    ("loss", "dtype", "message"),
    [
        (TORCH, "float32", "--autocast: unknown dtype 'float32'"),
        (LOSSES, "float16", "--autocast: is for PyTorch losses"),
    ],
)
def test_an_autocast_that_cannot_be_is_refused(
    loss: Path, dtype: str, message: str, mgloss: Run
) -> None:
    name = "right" if loss == TORCH else "by_images"
    result = mgloss("check", f"{loss}:{name}", "--autocast", dtype)

    assert result.returncode == 2
    assert message in said(result.stderr)


def test_the_reference_has_no_autocast(mgloss: Run) -> None:
    result = mgloss("check", "--autocast", "float16")

    assert result.returncode == 2
    assert "--autocast say what a LOSS is" in said(result.stderr)
