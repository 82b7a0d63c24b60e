"""`mgloss identify`: what it says of losses as users write them, its status, and its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mgloss.gate.losses.adapters.numpy_adapter import ADAPTER
from mgspec.scaling.behaviour import identify
from tests.gate.conftest import LOSSES, ROOT, Run, said
from tests.meta.faults.false_alarms import styled
from tests.meta.faults.right import NORMALIZATIONS as WRITTEN
from tests.meta.faults.right import einsums, loops

UNDER_POSITIVES = "breaks partition, sharding, object_monotone and density_monotone"


@pytest.mark.parametrize(
    "style",
    [pytest.param(loops, marks=pytest.mark.nightly), einsums],
    ids=lambda style: style.__name__,
)
@pytest.mark.parametrize("claims", WRITTEN)
def test_a_loss_in_float32_is_told_in_whatever_style_it_is_written(style: Any, claims: str) -> None:
    found = identify(styled(style, ADAPTER, claims))
    assert found.unanswered == {}
    for term in found.terms:
        if term.component in ("location", "classification"):
            assert term.formulas[0].normalization == claims
            assert term.formulas[0].complexity == 0
            assert term.distinct


def test_a_loss_is_told_in_words_exponents_and_laws(mgloss: Run) -> None:
    result = mgloss("identify", f"{LOSSES}:by_positives")
    assert result.returncode == 0, result.stderr
    text = said(result.stdout)
    assert "location and classification behave as positives " in text
    assert "anchor and background anchor behave as grid (or positives over all cells" in text
    assert "its terms behave differently" in text
    assert "location 0 0 0 " in text
    assert "background anchor 0 0 -1 " in text
    assert f"{UNDER_POSITIVES} in location and classification" in text
    assert "obeys finite, empty" in text


@pytest.mark.nightly
def test_a_tensorflow_loss_is_told(mgloss: Run) -> None:
    result = mgloss("identify", ROOT / "examples" / "positives.py")
    assert result.returncode == 0, result.stderr
    assert "location and classification behave as positives" in said(result.stdout)


@pytest.mark.nightly
def test_the_reference_is_told(mgloss: Run) -> None:
    result = mgloss("identify")
    assert result.returncode == 0, result.stderr
    assert "behave as batch (or expected: the same up to a constant)" in said(result.stdout)


def test_what_was_found_is_written(mgloss: Run, tmp_path: Path) -> None:
    assert mgloss("identify", f"{LOSSES}:by_cells", "--json", "out.json").returncode == 0
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (document["format"], document["version"]) == ("mgloss-behaviour", 1)
    location = next(t for t in document["terms"] if t["component"] == "location")
    assert location["behaves_as"] == "`grid`"
    assert location["formulas"][0]["text"] == "S / (B·H·W)"
    assert location["exponents"] == {"batch size": 0, "objects": 1, "grid": -1}
    assert {v["status"] for v in document["laws"] if v["law"] == "resolution"} == {"broken"}
    assert document["unanswered"] == []


def test_a_loss_that_fits_nothing_is_said_to_fit_nothing(mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "def loss(y_true, y_pred):\n"
        "    values = [np.abs(t[..., 2] - p[..., 2]) * (t[..., 4] > 0.5)\n"
        "              for t, p in zip(y_true, y_pred)]\n"
        "    return {'location': sum(np.sum(v) ** 2 / len(v) for v in values)}\n",
        encoding="utf-8",
    )
    result = mgloss("identify", "mine.py")
    assert result.returncode == 1
    text = said(result.stdout)
    assert "location behaves as none of the normalizations" in text
    assert "the nearest is" in text
    assert "location 1 2 0 " in text


def test_the_batch_without_a_finite_number_is_named(mgloss: Run, tmp_path: Path) -> None:
    result = mgloss("identify", f"{LOSSES}:without_a_guard", "--json", "out.json")
    assert result.returncode == 1
    text = said(result.stdout)
    assert "location behaves as positives" in text
    assert "no finite number for 1 image of 3 x 4 cells with 0 objects" in text
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert {u["message"] for u in document["unanswered"]} == {"location is nan"}


def test_a_loss_that_never_answers_is_no_traceback(mgloss: Run) -> None:
    result = mgloss("identify", f"{LOSSES}:raises")
    assert result.returncode == 1
    assert "no finite number for" in said(result.stdout)
    assert "no such head" in said(result.stdout)
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.py"], "nowhere.py: no such file"),
        ([f"{LOSSES}:by_batsh"], "did you mean 'by_batch'?"),
        ([f"{LOSSES}:returns_none"], "the loss returned"),
        ([f"{LOSSES}:by_batch", "--json", "missing/out.json"], "there is no folder missing"),
    ],
)
def test_a_wrong_request_is_refused(
    arguments: list[str], says: str, mgloss: Run, tmp_path: Path
) -> None:
    result = mgloss("identify", *arguments)
    assert result.returncode == 2
    assert says in said(result.stderr)
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_written_where_it_was_asked_for_though_the_loss_leaves_the_folder(
    mgloss: Run, tmp_path: Path
) -> None:
    mgloss("identify", f"{LOSSES}:leaves_the_folder", "--json", "out.json", apart=True)
    assert (tmp_path / "out.json").is_file()
