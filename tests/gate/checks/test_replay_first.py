"""What earlier runs stored is judged before anything is searched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mgspec.saved.counterexample import load
from tests.gate.conftest import LOSSES, SAMPLES, Run, run_mgloss, said

SIMPLE = SAMPLES / "simple_losses.py"
OWN = Path("mgloss-report") / "losses.by_positives-batch"
STORED = OWN / "partition-location.json"


def verdicts(folder: Path) -> dict[tuple[str, str | None], dict[str, Any]]:
    document = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    return {(v["law"], v["component"]): v for v in document["verdicts"]}


def mend(folder: Path) -> None:
    """Divide by the images what was divided by the objects."""
    text = (folder / "losses.py").read_text(encoding="utf-8")
    (folder / "losses.py").write_text(f"{text}\n\nby_positives = by_batch\n", encoding="utf-8")


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that found `partition` broken in location and classification."""
    folder = tmp_path_factory.mktemp("checked")
    shutil.copy(LOSSES, folder / "losses.py")
    result = run_mgloss(folder, "check", "losses.py:by_positives", "--law", "partition")
    assert result.returncode == 1, result.stderr
    return folder


@pytest.fixture
def stored(checked: Path, tmp_path: Path) -> Path:
    """The counterexample in location, in a copy of that folder."""
    shutil.copytree(checked, tmp_path, dirs_exist_ok=True)
    return tmp_path / STORED


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.nightly)])
def test_a_stored_case_that_still_breaks_its_law_is_told_without_a_search(
    workers: int, stored: Path, mgloss: Run, tmp_path: Path
) -> None:
    before = stored.read_text(encoding="utf-8")
    result = mgloss(
        "check",
        "losses.py:by_positives",
        *("--law", "partition", "--json", "out.json", "--max-examples", 1, "--seed", 7),
        *("-n", workers),
    )
    assert result.returncode == 1, result.stdout
    told = verdicts(tmp_path)
    for component in ("location", "classification"):
        verdict = told["partition", component]
        assert (verdict["status"], verdict["examples"]) == ("broken", 0)
        file = f"{OWN}/partition-{component}.json"
        assert verdict["message"].endswith(f"(stored in {file}, found with seed 0)")
        assert (verdict["replayed"], verdict["stored"]) == (1, file)
        assert verdict["counterexample_seed"] == 0
    assert told["partition", "anchor"]["status"] == "holds"
    assert told["partition", "anchor"]["examples"] == 1
    assert told["partition", "anchor"]["replayed"] == 0
    assert "1 + 2 stored" in result.stdout
    assert stored.read_text(encoding="utf-8") == before  # its seed and versions are its own


def test_without_what_is_stored_the_same_run_finds_nothing(stored: Path, mgloss: Run) -> None:
    result = mgloss(
        "check",
        "losses.py:by_positives",
        *("--law", "partition", "--max-examples", 1, "--seed", 7, "--report", "another"),
    )
    assert result.returncode == 0, result.stdout


def test_a_mended_loss_is_told_which_files_no_longer_break(
    stored: Path, mgloss: Run, tmp_path: Path
) -> None:
    mend(tmp_path)
    result = mgloss("check", "losses.py:by_positives", "--law", "partition", "-n", 1)
    assert result.returncode == 0
    for component in ("location", "classification"):
        assert f"no longer broken: {OWN}/partition-{component}.json" in result.stdout
    assert stored.exists()


def test_a_component_that_is_not_stored_is_searched_as_ever(
    stored: Path, mgloss: Run, tmp_path: Path
) -> None:
    stored.with_name("partition-classification.json").unlink()
    mgloss(
        *("check", "losses.py:by_positives", "--law", "partition", "--json", "out.json"),
    )
    told = verdicts(tmp_path)
    assert told["partition", "location"]["examples"] == 0
    assert told["partition", "classification"]["status"] == "broken"
    assert told["partition", "classification"]["examples"] > 0
    assert "stored" not in told["partition", "classification"]["message"]


def test_a_folder_of_ones_own_is_replayed_and_the_report_is_left_alone(
    stored: Path, mgloss: Run, tmp_path: Path
) -> None:
    (tmp_path / "cases").mkdir()
    stored.rename(tmp_path / "cases" / "found in march.json")
    shutil.rmtree(stored.parent)
    result = mgloss(
        *("check", "losses.py:by_positives", "--law", "partition", "--replay", "cases"),
        *("--max-examples", 1, "--seed", 7),
    )
    assert result.returncode == 1
    assert "(stored in cases/found in march.json, found with seed 0)" in said(result.stdout)
    assert (
        load(stored).case.problem == load(tmp_path / "cases" / "found in march.json").case.problem
    )
    assert {path.suffix for path in (tmp_path / "cases").iterdir()} == {".json"}


def test_what_does_not_fit_is_named_and_passed_over(
    stored: Path, mgloss: Run, tmp_path: Path
) -> None:
    mend(tmp_path)
    report = stored.parent
    document = json.loads(stored.read_text(encoding="utf-8"))

    def put(name: str, **changes: Any) -> None:
        (report / name).write_text(json.dumps(document | changes), encoding="utf-8")

    put("of-another-law.json", law="finite")
    put("of-another-claim.json", claims="grid")
    put("of-another-component.json", component="objectness")
    problem = document["problem"]
    options = problem["options"] | {"coord_scale": 2.0}
    put("of-other-options.json", problem=problem | {"options": options})
    put("no-case.json", batches={"X": document["batches"]["X"]})
    (report / "cut.json").write_text(json.dumps(document)[:99], encoding="utf-8")
    (report / "other.json").write_text("{}", encoding="utf-8")
    (report / "folder.json").mkdir()

    result = mgloss("check", "losses.py:by_positives", "--law", "partition")

    assert result.returncode == 0, result.stderr
    (line,) = (line for line in result.stdout.splitlines() if "passed over" in line)
    assert line.startswith("passed over 8 stored files: ")
    for file, reason in (
        ("of-another-law.json", "about laws that are not judged"),
        ("of-another-claim.json", "about a loss that claims grid"),
        ("of-another-component.json", "is about objectness, which this loss does not return"),
        ("of-other-options.json", "is about a loss of other options"),
        ("no-case.json", "is no case of the law partition: batches: expected one named 'Y'"),
        ("cut.json", "not JSON, or cut off"),
        ("other.json", "format: missing"),
        ("folder.json", "is not a file"),
    ):
        assert reason in line
        assert f"({OWN}/{file})" in line
    assert f"no longer broken: {STORED}" in result.stdout
    assert "1 law holds" in result.stdout


def test_a_stored_batch_without_an_answer_is_told_at_once(mgloss: Run, tmp_path: Path) -> None:
    shutil.copy(SIMPLE, tmp_path / "simple.py")
    law = ("--law", "finite")
    assert mgloss("check", "simple.py:raises", *law).returncode == 1
    result = mgloss(
        "check", "simple.py:raises", *law, "--max-examples", 1, "--json", "out.json", "--seed", 9
    )
    assert result.returncode == 1
    verdict = verdicts(tmp_path)["finite", None]
    assert verdict["status"] == "broken"
    assert "ZeroDivisionError: one object" in verdict["message"]
    assert "finite-loss.json, found with seed 0)" in verdict["message"]
    assert mgloss("check", "simple.py:right", *law).returncode == 0


def test_a_stored_batch_that_is_no_longer_answered_belongs_to_finite(
    stored: Path, mgloss: Run, tmp_path: Path
) -> None:
    (tmp_path / "losses.py").write_text(
        "def by_positives(y_true, y_pred):\n"
        "    if len(y_true[0]) > 1:\n"
        "        raise ZeroDivisionError('several images')\n"
        "    return {'location': 0.0, 'classification': 0.0}\n",
        encoding="utf-8",
    )
    laws = ("--law", "finite", "--law", "partition")
    few = ("--max-examples", 1, "--json", "out.json")
    result = mgloss("check", "losses.py:by_positives", *laws, *few)
    assert result.returncode == 1, result.stdout
    told = verdicts(tmp_path)
    finite = told["finite", None]
    assert finite["status"] == "broken"
    assert "partition-" in finite["stored"]
    saved = load(tmp_path / finite["counterexample"])
    assert (saved.law, saved.component, set(saved.case.batches)) == ("finite", None, {"X"})
    assert told["partition", None]["status"] == "error"
    assert "the loss gives no finite number on it, as finite tells" in result.stdout


def test_a_missing_folder_is_a_wrong_request_only_where_it_was_named(mgloss: Run) -> None:
    assert mgloss("check", f"{LOSSES}:plain", "--law", "pure", "--report", "new").returncode == 0
    result = mgloss("check", f"{LOSSES}:plain", "--law", "pure", "--replay", "nowhere")
    assert result.returncode == 2
    assert "--replay nowhere: is not a directory" in result.stderr
