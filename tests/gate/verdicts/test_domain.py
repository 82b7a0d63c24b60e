"""A loss is judged where it answers; where it does not, `finite` says so, and hides nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mgloss.testing import judge_loss
from mgspec.saved.counterexample import load
from tests.gate.conftest import LOSSES, Run

MANY = ("--max-examples", 100)
FILE = Path(__file__).with_name("parts_of_a_domain.py")


def verdicts(folder: Path) -> dict[str, list[dict[str, Any]]]:
    document = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    by_law: dict[str, list[dict[str, Any]]] = {}
    for verdict in document["verdicts"]:
        by_law.setdefault(verdict["law"], []).append(verdict)
    return by_law


def with_status(told: dict[str, list[dict[str, Any]]], status: str) -> set[str]:
    return {law for law, of_law in told.items() if any(v["status"] == status for v in of_law)}


def test_a_loss_for_square_grids_is_judged_on_square_grids(mgloss: Run, tmp_path: Path) -> None:
    asked = ("finite", "empty", "permutation", "partition", "locality", "sharding")
    laws = [f"--law={law}" for law in (*asked, "object_monotone")]
    reports = ("--json", "out.json", "--markdown", "out.md", "--junit", "out.xml")
    reports = (*reports, "--max-examples", 100)
    result = mgloss("check", f"{FILE}:squares", *laws, *reports)

    assert result.returncode == 1
    told = verdicts(tmp_path)
    assert with_status(told, "error") == set()
    broken = {"finite", "partition", "locality", "sharding", "object_monotone"}
    assert with_status(told, "broken") == broken
    (finite,) = told["finite"]
    assert finite["message"].endswith("and no others, have grids that are not square")
    domain = told["permutation"][0]["domain"]
    assert domain["refused"] == "grids that are not square"
    words = f"{domain['answered']} of {domain['drawn']} batches"
    assert 20 < domain["answered"] < domain["drawn"] == 100
    markdown = (tmp_path / "out.md").read_text(encoding="utf-8")
    for text in (result.stdout, markdown):
        (line,) = (line for line in text.splitlines() if f"holds on the {words}" in line)
        assert "that it answers: " in line
        assert "permutation" in line
    assert f'name="answered" value="{words}"' in (tmp_path / "out.xml").read_text(encoding="utf-8")


def test_partition_is_broken_on_two_images_and_one_object(mgloss: Run, tmp_path: Path) -> None:
    asked = ("--law=partition", "--max-examples", 100, "--json", "out.json")
    assert mgloss("check", f"{FILE}:squares", *asked, small=True).returncode == 1
    found = verdicts(tmp_path)["partition"]
    assert {verdict["status"] for verdict in found} == {"broken"}
    for verdict in found:
        batches = load(tmp_path / verdict["counterexample"]).case.batches.values()
        assert [batch.images for batch in batches] == [1, 1]
        assert sum(batch.positives for batch in batches) == 1


def test_a_right_loss_for_square_grids_breaks_nothing_else(mgloss: Run, tmp_path: Path) -> None:
    laws = ("finite", "empty", "replication", "partition", "object_monotone")
    asked = [f"--law={law}" for law in laws]
    result = mgloss("check", f"{FILE}:right_squares", *asked, "--json", "out.json")

    assert result.returncode == 1
    told = verdicts(tmp_path)
    assert with_status(told, "broken") == {"finite"}
    assert with_status(told, "holds") == set(laws) - {"finite"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("one_scale", "more than one scale"),
        ("bounded", "logits or boxes of more than 50 in magnitude"),
    ],
)
def test_what_is_refused_is_said_in_words(
    name: str, words: str, mgloss: Run, tmp_path: Path
) -> None:
    result = mgloss("check", f"{FILE}:{name}", "--law=finite", "--json", "out.json", *MANY)
    assert result.returncode == 1
    (finite,) = verdicts(tmp_path)["finite"]
    assert finite["message"].endswith(f"and no others, have {words}")


def test_without_answers_there_is_no_verdict(mgloss: Run, tmp_path: Path) -> None:
    result = mgloss("check", f"{FILE}:hardly_ever", "--law=replication", "--json", "out.json")
    assert result.returncode == 1
    (verdict,) = verdicts(tmp_path)["replication"]
    assert verdict["status"] == "error"
    assert "there are to be two images" in verdict["message"]
    assert "1 came to no verdict (replication)" in result.stdout


def test_a_token_loss_that_is_nothing_without_tokens_is_judged_by_every_law(
    mgloss: Run, tmp_path: Path
) -> None:
    asked = (f"{FILE}:mean_over_tokens", "--claims", "positives", "--max-examples", 40)
    result = mgloss("check", *asked, "--problem", f"{FILE}:tokens", "--json", "out.json")

    assert result.returncode == 1
    told = verdicts(tmp_path)
    assert with_status(told, "error") == set()
    assert with_status(told, "broken") == {"finite", "empty"}
    (finite,) = told["finite"]
    assert finite["message"].endswith("and no others, have no object")
    assert with_status(told, "holds") >= {"pure", "permutation", "replication", "density_neutral"}


def test_a_description_says_that_there_is_no_image_without_objects(
    mgloss: Run, tmp_path: Path
) -> None:
    asked = (f"{FILE}:mean_over_tokens", "--claims", "positives", "--max-examples", 40)
    result = mgloss("check", *asked, "--problem", f"{FILE}:counted_tokens", "--json", "out.json")

    assert result.returncode == 0, result.stdout
    told = verdicts(tmp_path)
    assert all(v["domain"] is None for of_law in told.values() for v in of_law)
    assert "skipped empty, empty_image: needs images without objects" in result.stdout


def test_of_a_loss_that_answers_everything_nothing_is_said(mgloss: Run, tmp_path: Path) -> None:
    laws = ("--law", "finite", "--law", "partition", "--max-examples", 20)
    result = mgloss("check", f"{LOSSES}:plain", *laws, "--json", "out.json")
    assert result.returncode == 0
    assert all(v["domain"] is None for of_law in verdicts(tmp_path).values() for v in of_law)
    assert "that it answers" not in result.stdout


def test_identify_measures_where_the_loss_answers(mgloss: Run) -> None:
    result = mgloss("identify", f"{FILE}:squares")
    assert result.returncode == 1
    assert "location and classification behave as positives" in " ".join(result.stdout.split())
    assert "no finite number for" in result.stdout


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    path = tmp_path / "detector.json"
    anchors = [[[40, 24], [24, 56]], [[16, 20]]]
    document = {"input_size": [64, 64], "strides": [32, 16], "anchors": anchors, "classes": 3}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_loss_is_judged_on_the_batches_of_its_detector(
    detector: Path, mgloss: Run, tmp_path: Path
) -> None:
    asked = [f"--law={law}" for law in ("finite", "empty", "partition", "density_monotone")]
    few = ("--max-examples", 20, "--detector", detector, "--json", "out.json")
    result = mgloss("check", f"{FILE}:right_squares", *asked, "--law=resolution", *few)

    assert result.returncode == 0, result.stdout
    assert "note: its batches are of the detector in" in result.stdout
    assert "skipped resolution: needs other grids or anchors than those" in " ".join(
        result.stdout.split()
    )
    result = mgloss("check", f"{FILE}:squares", "--law=partition", *few)
    assert result.returncode == 1
    for verdict in verdicts(tmp_path)["partition"]:
        assert verdict["domain"] is None
        case = load(tmp_path / verdict["counterexample"]).case
        assert case.problem.input_shape == (64, 64)
        assert case.problem.num_classes == 3
        assert [array.shape[1:3] for array in case.batches["X"].targets] == [(2, 2), (4, 4)]


def test_what_was_stored_of_another_detector_is_passed_over(
    detector: Path, mgloss: Run, tmp_path: Path
) -> None:
    loss = (f"{FILE}:right_squares", "--law=finite", "--max-examples", 20)
    assert mgloss("check", *loss).returncode == 1  # on a grid that is not square
    result = mgloss("check", *loss, "--detector", detector)
    assert result.returncode == 0, result.stdout
    assert "is about another detector" in " ".join(result.stdout.split())


def test_finite_comes_to_no_verdict_where_only_another_law_met_a_refusal(
    mgloss: Run, tmp_path: Path
) -> None:
    laws = ("--law=finite", "--law=replication", "--max-examples", 6, "--json", "out.json")
    result = mgloss("check", f"{FILE}:up_to_eight_images", *laws)
    assert result.returncode == 1
    (finite,) = verdicts(tmp_path)["finite"]
    assert finite["status"] == "error"
    assert "another law did: try it with more --max-examples" in finite["message"]


def test_a_baseline_and_a_decorated_test_take_a_detector(
    detector: Path, mgloss: Run, tmp_path: Path
) -> None:
    few = ("--law=finite", "--max-examples", 10)
    result = mgloss("baseline", f"{FILE}:right_squares", *few, "--detector", detector)
    assert result.returncode == 0, result.stderr
    assert f"--detector={detector}" in result.stdout
    told = judge_loss(f"{FILE}:right_squares", laws=["finite"], max_examples=10, detector=detector)
    assert told.holds


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"strides": [32]}, "expected an object with input_size"),
        ({"input_size": [64, 64], "strides": [48], "anchors": [[[9, 9]]]}, "does not divide"),
        (
            {"input_size": [64, 64], "strides": [32], "anchors": [[[9, 9]]], "classes": 0},
            "classes: expected a number of classes, got 0",
        ),
    ],
)
def test_a_file_that_describes_no_detector_is_refused(
    document: dict[str, Any], words: str, mgloss: Run, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    result = mgloss("check", f"{LOSSES}:plain", "--detector", path)
    assert result.returncode == 2
    assert words in " ".join(result.stderr.split())


def test_a_detector_of_another_layout_is_refused(detector: Path, mgloss: Run) -> None:
    result = mgloss(
        "check", f"{FILE}:mean_over_tokens", "--problem", f"{FILE}:tokens", "--detector", detector
    )
    assert result.returncode == 2
    assert "--detector tells of this project's layout" in " ".join(result.stderr.split())
