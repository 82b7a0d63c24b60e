"""`mgloss check`: verdicts, exit status, files, and what it says to wrong requests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mgloss.gate.checks.selection import select_laws
from mgspec import LAWS
from mgspec.saved.counterexample import load
from tests.gate.conftest import LOSSES, ROOT, SAMPLES, Run, saved

FEW = ("--max-examples", 20)
UNDER_BATCH = {"partition", "sharding", "object_monotone", "density_monotone"}


def verdicts(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["verdicts"]


def with_status(found: list[dict], status: str) -> set[str]:
    return {v["law"] for v in found if v["status"] == status}


@pytest.mark.nightly
def test_the_reference_is_judged_where_no_loss_is_named(mgloss: Run, tmp_path: Path) -> None:
    laws = [f"--law={law}" for law in ("finite", "partition", "ignoring")]
    result = mgloss("check", "--max-examples", 5, *laws, "--json", "out.json")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 laws hold" in result.stdout
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["loss"] == "reference"


@pytest.mark.nightly
def test_the_reference_obeys_every_law_it_claims(mgloss: Run, tmp_path: Path) -> None:
    result = mgloss("check", "--max-examples", 20, "--json", "out.json")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(select_laws('batch', (), is_multigrid=True))} laws hold" in result.stdout
    assert result.stderr == ""
    found = verdicts(tmp_path / "out.json")
    assert with_status(found, "broken") | with_status(found, "error") == set()
    assert with_status(found, "skipped") == {"density_neutral"}
    assert {v["law"] for v in found} == set(LAWS)
    assert not (tmp_path / "mgloss-report").exists()


@pytest.mark.parametrize(
    "file", [LOSSES, pytest.param(ROOT / "examples" / "positives.py", marks=pytest.mark.nightly)]
)
def test_todays_loss_in_a_users_own_file_is_found_out(
    file: Path, mgloss: Run, tmp_path: Path
) -> None:
    shutil.copy(file, tmp_path / "mine.py")
    loss = "mine.py:by_positives" if file == LOSSES else "mine.py"
    result = mgloss("check", loss, "--claims", "batch", "--law", "partition", small=True)
    assert result.returncode == 1
    assert "1 law broken (partition)" in result.stdout
    assert "location: L(X + Y) = 1, expected 0.5" in result.stdout
    found = load(saved(tmp_path, "partition-location.json"))
    batches = found.case.batches.values()
    assert sum(batch.images for batch in batches) <= 2
    assert sum(batch.positives for batch in batches) <= 2


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("by_batch", set()),
        ("by_cells", {"resolution"}),
        pytest.param("by_positives", UNDER_BATCH, marks=pytest.mark.nightly),
    ],
)
def test_a_numpy_loss_is_judged_by_what_it_divides_by(
    name: str, broken: set[str], mgloss: Run, tmp_path: Path
) -> None:
    result = mgloss("check", f"{LOSSES}:{name}", "--json", "out.json")
    found = verdicts(tmp_path / "out.json")
    assert with_status(found, "broken") == broken, result.stdout
    on_request = {name for name, law in LAWS.items() if law.on_request}
    unclaimed = {"locality", "gradient", "density_neutral"}
    in_one_way = {"modes"}  # a NumPy loss is run in one way only
    assert with_status(found, "skipped") == unclaimed | on_request | in_one_way
    assert result.returncode == (1 if broken else 0)
    assert ("anchor" in {v["component"] for v in found if v["status"] == "broken"}) is False


def test_a_loss_is_held_to_the_laws_of_what_it_claims(mgloss: Run) -> None:
    few = ("--max-examples", 10)
    assert mgloss("check", f"{LOSSES}:by_positives", "--claims", "positives", *few).returncode == 0
    assert mgloss("check", f"{LOSSES}:by_cells", "--claims", "grid", *few).returncode == 0


def test_the_specifications_own_values_are_asked_for_by_name(mgloss: Run) -> None:
    assert mgloss("check", f"{LOSSES}:by_batch", "--law", "oracle", *FEW).returncode == 0
    result = mgloss("check", f"{LOSSES}:by_batch", "--law", "oracle", "--claims", "hybrid")
    assert result.returncode == 1
    assert "oracle" in result.stdout


def test_the_same_seed_writes_the_same_file_and_two_processes_change_nothing(
    mgloss: Run, tmp_path: Path
) -> None:
    shutil.copy(SAMPLES / "simple_losses.py", tmp_path / "mine.py")
    texts = []
    laws = ("--law", "sharding", "--law", "density_monotone", "--law", "pure")
    for folder, workers in (("a", 0), ("b", 2)):
        asked = ("check", "mine.py:neutral", *laws, "--seed", 3, "--report", folder)
        mgloss(*asked, "-n", workers, small=True)
        files = sorted((tmp_path / folder / "mine.neutral-batch").iterdir())
        texts.append({path.name: path.read_text(encoding="utf-8") for path in files})
    assert texts[0] == texts[1]
    assert {"sharding-location.json", "density_monotone-location.json"} <= set(texts[0])


def test_every_broken_law_is_told_in_full(mgloss: Run, tmp_path: Path) -> None:
    result = mgloss("check", f"{LOSSES}:by_positives", "--law", "sharding", small=True)
    file = saved(tmp_path, "sharding-location.json").relative_to(tmp_path)
    for part in (
        "Data parallelism and gradient accumulation change nothing",
        "L(X) = (L(X_1) + ... + L(X_k)) / k",
        "location: L(X) = 1, expected 0.5 (L(X_1) = ",
        "X: 2 images, 1 object",
        "=1, else 0",
        f"saved   {file}",
        f"mgloss replay {file} --loss {LOSSES}:by_positives",
    ):
        assert part in result.stdout


def test_the_json_says_what_was_asked_and_with_what(mgloss: Run, tmp_path: Path) -> None:
    mgloss(
        "check",
        f"{LOSSES}:plain",
        "--law",
        "replication",
        "--json",
        "out.json",
        "--max-examples",
        7,
        "--seed",
        5,
    )
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert document["loss"] == f"{LOSSES}:plain"
    assert (document["claims"], document["seed"], document["max_examples"]) == ("batch", 5, 7)
    assert set(document["versions"]) == {"python", "mgloss", "numpy", "hypothesis"}
    (verdict,) = document["verdicts"]
    assert set(verdict) == {
        "law",
        "component",
        "status",
        "examples",
        "seconds",
        "message",
        "counterexample",
        "counterexample_seed",
        "replayed",
        "stored",
        "reach",
        "domain",
    }
    assert (verdict["law"], verdict["component"]) == ("replication", "total")
    assert (verdict["status"], verdict["examples"]) == ("holds", 7)
    assert (verdict["counterexample_seed"], verdict["replayed"]) == (None, 0)


def test_a_loss_of_one_scale_is_added_up_over_scales(mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:of_one_scale", *FEW)
    assert "it takes the arrays of one scale" in result.stdout
    assert result.returncode == 0


def test_a_loss_that_prints_is_judged_and_its_output_is_not_shown(mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:prints", "--law", "finite")
    assert result.returncode == 0
    assert "it prints while it runs" in result.stdout
    assert "step 17" not in result.stdout + result.stderr


def test_a_mask_of_a_wrong_shape_is_told_by_its_error_and_a_batch_that_raises(
    mgloss: Run, tmp_path: Path
) -> None:
    for name in ("mask_of_a_wrong_shape", "of_one_scale_with_a_mask_of_a_wrong_shape"):
        result = mgloss("check", f"{LOSSES}:{name}", "--law", "finite", "--law", "partition")
        assert result.returncode == 1
        assert "the loss raised ValueError: operands could not be broadcast" in result.stdout
        assert "broken (finite" in result.stdout
        (file,) = (tmp_path / "mgloss-report").glob(f"losses.{name}-*/finite-loss.json")
        again = mgloss("replay", file, "--loss", f"{LOSSES}:{name}")
        assert again.returncode == 1
        assert "operands could not be broadcast" in again.stdout


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("squares_of_raw_objectness", "batch"),
        ("hybrid_with_another_decoding", "hybrid"),
        ("made", "batch"),
    ],
)
@pytest.mark.parametrize("examples", [20, pytest.param(100, marks=pytest.mark.nightly)])
def test_a_correct_loss_of_another_formula_is_not_accused(
    name: str, claims: str, examples: int, mgloss: Run
) -> None:
    result = mgloss("check", f"{LOSSES}:{name}", "--claims", claims, "--max-examples", examples)
    assert result.returncode == 0, result.stdout


def test_no_law_vanishes_from_the_report(mgloss: Run, tmp_path: Path) -> None:
    result = mgloss("check", f"{LOSSES}:skips_like_a_test", *FEW, "--json", "out.json")
    assert result.returncode == 1
    found = verdicts(tmp_path / "out.json")
    assert {v["law"] for v in found} == set(LAWS)
    assert "partition" in with_status(found, "error")
    assert "the loss raised Skipped: not today" in result.stdout


def test_a_hostile_loss_is_survived(mgloss: Run, tmp_path: Path) -> None:
    for name, status, said in (
        ("says_something_unprintable", 1, "the loss raised ValueError: ? ?[31m red"),
        ("returns_none_for_each_scale", 2, "the loss returned NoneType for total"),
        ("returns_what_is_no_number", 2, "which is no number"),
        ("closes_its_output", 0, "1 law holds"),
        ("leaves_the_folder", 1, "ZeroDivisionError"),
        ("factory_with_an_option", 0, "1 law holds"),
    ):
        harms = name in ("closes_its_output", "leaves_the_folder")  # the process that it runs in
        result = mgloss("check", f"{LOSSES}:{name}", "--law", "finite", *FEW, apart=harms)
        assert result.returncode == status, (name, result.stdout, result.stderr)
        assert said in result.stdout + result.stderr
        assert "Traceback" not in result.stdout + result.stderr
    assert list((tmp_path / "mgloss-report").glob("losses.says_*/finite-loss.json"))


def test_a_name_that_looks_like_markup_is_shown_as_it_is(mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "d[draft]").mkdir()
    shutil.copy(LOSSES, tmp_path / "d[draft]" / "[mine].py")
    result = mgloss("check", "d[draft]/[mine].py:plain", "--law", "finite")
    assert result.returncode == 0
    assert "d[draft]/[mine].py:plain against" in result.stdout


def test_a_missing_guard_is_told_once(mgloss: Run, tmp_path: Path) -> None:
    laws = [f"--law={law}" for law in ("finite", "empty", "permutation", "partition")]
    result = mgloss("check", f"{LOSSES}:without_a_guard", *laws, "--json", "out.json")
    assert result.returncode == 1
    found = verdicts(tmp_path / "out.json")
    assert with_status(found, "broken") >= {"finite", "empty"}
    # Where its numbers are finite, it is judged by them all the same.
    assert with_status(found, "error") == set()
    assert "permutation" in with_status(found, "holds")
    assert "batches that it answers: permutation" in result.stdout
    assert "partition" in with_status(found, "broken")


BREAKS_A_LAW = {
    "raises": "the loss raised KeyError: 'no such head'",
    "raises_without_objects": "the loss raised ZeroDivisionError",
    "exits": "the loss raised SystemExit: 3",
    "returns_nan": "total: L(X) = nan, expected a finite number",
}


@pytest.mark.parametrize("name", BREAKS_A_LAW)
def test_a_loss_that_gives_no_number_breaks_finite_with_the_batch_that_did_it(
    name: str, mgloss: Run, tmp_path: Path
) -> None:
    laws = ("--law", "finite", "--law", "permutation")
    result = mgloss("check", f"{LOSSES}:{name}", *laws, apart=name == "exits")
    assert result.returncode == 1
    assert BREAKS_A_LAW[name] in result.stdout
    assert "X: 1 image, 0 objects" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    assert len(list((tmp_path / "mgloss-report").glob("*/finite-*.json"))) == 1


def test_a_traceback_is_shown_when_asked_for(mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:raises", "--law", "finite", "--traceback", apart=True)
    assert 'raise KeyError("no such head")' in result.stdout
    result = mgloss("check", "nowhere:loss", "--traceback", apart=True)
    assert "Traceback" in result.stderr
    assert result.returncode == 2


def test_overwritten_inputs_break_pure_and_nothing_else(mgloss: Run, tmp_path: Path) -> None:
    result = mgloss("check", f"{LOSSES}:overwrites_its_inputs", *FEW, "--json", "out.json")
    assert with_status(verdicts(tmp_path / "out.json"), "broken") == {"pure"}, result.stdout


WRONG = {
    "unknown normalization 'btach'; did you mean 'batch'?": ("--claims", "btach"),
    "unknown law 'partitoin'; did you mean 'partition'?": ("--law", "partitoin"),
    "no such file": ("nothing.py:loss",),
    "unknown name 'by_bach'; did you mean 'by_batch'?": (f"{LOSSES}:by_bach",),
    "unknown name 'loss'": (LOSSES,),
    "cannot be imported: ModuleNotFoundError": ("no_such_package.module:loss",),
    "expected package.module:name or path/to/file.py:name": ("just_a_word",),
    "cannot be imported: SyntaxError": ("broken.py:loss",),
    "cannot be imported: SystemExit": ("leaves.py:loss",),
    "defines no function 'loss', nor any other": ("empty.py",),
    "'not_callable' is not callable but int": (f"{LOSSES}:not_callable",),
    "'three_arguments' takes (y_true, y_pred, weights)": (f"{LOSSES}:three_arguments",),
    "'TakesOptions' is a class; make its object in a factory": (f"{LOSSES}:TakesOptions",),
    "expected package.module:name or path/to/file.py:name ": (f"{LOSSES}:plain:again",),
    "did you mean empty.py?": ("empty",),
    "'no_arguments' takes ()": (f"{LOSSES}:no_arguments",),
    "the loss returned NoneType for total": (f"{LOSSES}:returns_none",),
    "the loss returned shape [3] for total": (f"{LOSSES}:returns_a_vector",),
    "the loss returned dtype int64 for total": (f"{LOSSES}:returns_an_integer_dtype",),
    "the loss returned str for total": (f"{LOSSES}:returns_text",),
    "the loss returned an empty mapping": (f"{LOSSES}:returns_nothing_by_name",),
    "unknown component 'locaton'; did you mean 'location'?": (f"{LOSSES}:returns_unknown_names",),
    "the loss raised KeyError: 'no such head' (taken for a NumPy loss": (
        f"{LOSSES}:raises_always",
    ),
    "the loss raised SystemExit: 3": (f"{LOSSES}:exits_always",),
    "the factory raised ValueError: only for 80 classes": (f"{LOSSES}:factory_that_raises",),
    "called with a problem it returned NoneType": (f"{LOSSES}:factory_of_nothing",),
    "--max-examples 0: expected 1 or more": ("--max-examples", "0"),
    "--seed -1: expected 0 or more": ("--seed", "-1"),
    "expected a number of processes or 'auto'": ("-n", "many"),
    "a_file is not a directory": (f"{LOSSES}:plain", "--report", "a_file/report"),
    "a_file is not a directory ": (f"{LOSSES}:plain", "--json", "a_file/out.json"),
    "there is no folder nowhere": (f"{LOSSES}:plain", "--json", "nowhere/out.json"),
    "is a directory, expected a file": (f"{LOSSES}:plain", "--json", "a_folder"),
    "No such option": ("--nonsense",),
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_request_is_refused_with_one_clear_message(
    message: str, mgloss: Run, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text("def loss(:", encoding="utf-8")
    (tmp_path / "leaves.py").write_text("raise SystemExit(0)", encoding="utf-8")
    (tmp_path / "empty.py").write_text("", encoding="utf-8")
    (tmp_path / "a_file").write_text("kept", encoding="utf-8")
    (tmp_path / "a_folder").mkdir()
    before = sorted(p.name for p in tmp_path.iterdir())

    # What harms where it is imported must not be imported here.
    result = mgloss("check", *WRONG[message], apart="leaves.py:loss" in WRONG[message])

    assert result.returncode == 2, result.stdout
    assert message.strip() in " ".join(result.stderr.split())
    assert "Traceback" not in result.stdout + result.stderr
    after = sorted(p.name for p in tmp_path.iterdir() if p.name != "__pycache__")
    assert after == before
    assert (tmp_path / "a_file").read_text(encoding="utf-8") == "kept"


def test_a_loss_nothing_can_be_said_of_is_a_wrong_request(mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:plain", "--law", "resolution")
    assert result.returncode == 2
    assert "speaks of location and classification" in result.stdout
    assert "nothing could be judged" in result.stdout


def test_a_module_is_found_from_the_current_folder(mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    shutil.copy(LOSSES, tmp_path / "package" / "mine.py")
    # In a process of pytest's, which has a worker of its own.
    assert mgloss("check", "package.mine:plain", "--law", "pure", "-n", 1).returncode == 0


def test_a_file_may_import_its_neighbours(mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    shutil.copy(LOSSES, tmp_path / "sub" / "neighbour.py")
    (tmp_path / "sub" / "mine.py").write_text(
        "from neighbour import plain as loss\n", encoding="utf-8"
    )
    assert mgloss("check", "sub/mine.py", "--law", "pure", apart=True).returncode == 0


def test_a_users_pytest_configuration_does_not_reach_the_gate(mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n", encoding="utf-8")
    (tmp_path / "conftest.py").write_text("raise RuntimeError\n", encoding="utf-8")
    assert mgloss("check", f"{LOSSES}:plain", "--law", "pure").returncode == 0
