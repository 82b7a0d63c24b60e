"""`mgloss matrix`, `explain`, `replay`, and the command itself."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mgspec import LAWS, NORMALIZATIONS
from mgspec.laws import BATCH_LAWS
from mgspec.saved.witnesses import breakers, witness_of
from tests.gate.conftest import LOSSES, ROOT, Run, environment, said


def test_the_matrix_is_the_truth_table(mgloss: Run) -> None:
    result = mgloss("matrix", "--max-examples", 8, "-n", 2)
    assert result.returncode == 0, result.stdout
    lines = [line.split() for line in result.stdout.splitlines()]
    header = next(line for line in lines if line[:1] == ["law"])
    assert header[1:] == list(NORMALIZATIONS)
    for law in BATCH_LAWS:
        row = next(line for line in lines if line[:1] == [law])
        assert row[1:] == ["✓" if rule.obeys(law) else "✗" for rule in NORMALIZATIONS.values()]


@pytest.mark.parametrize("law", LAWS)
def test_a_law_is_explained(law: str, mgloss: Run) -> None:
    result = mgloss("explain", law)
    assert result.returncode == 0
    said = " ".join(result.stdout.replace("▌", "").split())
    assert LAWS[law].statement in said
    for text in LAWS[law].sections.values():
        assert " ".join(text.replace("`", "").split()) in said
    for name in breakers(law):
        assert f"{name}: {witness_of(law, name).message}" in said
    assert ("Witness" in said) is bool(breakers(law))
    assert ("mgloss replay" in said) is bool(breakers(law))


def test_the_witness_of_an_explanation_can_be_replayed(mgloss: Run) -> None:
    *_, command = mgloss("explain", "partition").stdout.splitlines()
    label, name, *arguments = shlex.split(command)
    assert [label, name] == ["replay", "mgloss"]
    replayed = mgloss(*arguments)
    assert replayed.returncode == 1
    assert witness_of("partition", "positives").message in replayed.stdout


@pytest.mark.parametrize(
    ("topic", "says"),
    [("choosing", "what you give up"), ("theorem", "object_monotone"), ("notation", "raw sum")],
)
def test_a_topic_is_explained(topic: str, says: str, mgloss: Run) -> None:
    result = mgloss("explain", topic)
    assert result.returncode == 0
    assert says in result.stdout


@pytest.mark.parametrize("columns", [80, 200])
def test_an_explanation_fits_the_terminal(columns: int, mgloss: Run) -> None:
    for name in ((), ("partition",), ("scales",), ("choosing",)):
        lines = mgloss("explain", *name, columns=columns).stdout.splitlines()
        said = [line for line in lines if not line.startswith("replay")]
        assert max(map(len, said)) <= min(columns, 100)


def test_an_explanation_needs_no_tensorflow() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from mgloss.gate.commands.cli import app;"
        "r = CliRunner().invoke(app, ['explain', 'partition']); assert r.exit_code == 0, r.output;"
        "print('HEAVY', *({'tensorflow', 'keras', 'pytest'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.strip() == "HEAVY"


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_a_normalization_is_explained(name: str, mgloss: Run) -> None:
    result = mgloss("explain", name)
    assert result.returncode == 0
    assert NORMALIZATIONS[name].text in result.stdout


def test_all_laws_and_normalizations_are_listed(mgloss: Run) -> None:
    result = mgloss("explain")
    assert result.returncode == 0
    words = set(result.stdout.split())
    assert words >= set(LAWS)
    assert words >= set(NORMALIZATIONS)
    assert "mgloss explain choosing" in " ".join(result.stdout.split())


def test_an_unknown_law_is_refused_with_the_nearest_name(mgloss: Run) -> None:
    result = mgloss("explain", "replicaton")
    assert result.returncode == 2
    assert "'replicaton'; did you mean 'replication'?" in result.stderr


def saved(mgloss: Run, folder: Path) -> Path:
    mgloss("check", f"{LOSSES}:by_positives", "--law", "partition")
    return folder / "mgloss-report" / "partition-location.json"


def test_a_counterexample_is_replayed_on_the_loss_that_it_breaks_and_on_a_mended_one(
    mgloss: Run, tmp_path: Path
) -> None:
    path = saved(mgloss, tmp_path)
    broken = mgloss("replay", path, "--loss", f"{LOSSES}:by_positives")
    assert broken.returncode == 1
    assert "location: L(X + Y) = 1, expected 0.5" in broken.stdout
    mended = mgloss("replay", path, "--loss", f"{LOSSES}:by_batch")
    assert mended.returncode == 0
    assert "partition holds on this batch" in mended.stdout


def test_a_file_names_no_code_to_run(mgloss: Run, tmp_path: Path) -> None:
    path = saved(mgloss, tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    trap = tmp_path / "trap.py"
    trap.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n", encoding="utf-8")
    path.write_text(json.dumps(document | {"loss": f"{trap}:loss"}), encoding="utf-8")
    result = mgloss("replay", path)
    assert result.returncode == 2
    assert "say which to run" in result.stderr
    assert not (tmp_path / "sprung").exists()


def test_several_files_are_replayed_and_one_wrong_one_stops_all(
    mgloss: Run, tmp_path: Path
) -> None:
    path = saved(mgloss, tmp_path)
    other = path.with_name("partition-classification.json")
    result = mgloss("replay", path, other, "--loss", f"{LOSSES}:by_batch")
    assert result.returncode == 0
    assert result.stdout.count("holds on this batch") == 2
    other.write_text(other.read_text(encoding="utf-8")[:100], encoding="utf-8")
    result = mgloss("replay", path, other, "--loss", f"{LOSSES}:by_batch")
    assert result.returncode == 2
    assert "not JSON, or cut off" in result.stderr


def test_a_newer_file_and_a_missing_one_are_refused(mgloss: Run, tmp_path: Path) -> None:
    path = saved(mgloss, tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"version": 99}), encoding="utf-8")
    result = mgloss("replay", path)
    assert result.returncode == 2
    assert "upgrade to read it" in result.stderr
    assert mgloss("replay", "none.json").returncode == 2


def test_a_case_of_another_law_is_refused(mgloss: Run, tmp_path: Path) -> None:
    path = saved(mgloss, tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"law": "sharding"}), encoding="utf-8")
    result = mgloss("replay", path, "--loss", f"{LOSSES}:by_batch")
    assert result.returncode == 2
    assert "is no case of the law sharding" in result.stderr
    assert "Traceback" not in result.stderr


HOSTILE = {
    "replication": [{"times": t} for t in (0, -1, 10**9, 10**30, [2], 1.5)],
    "sharding": [{"shards": k} for k in (0, -1, 3, 10**9)] + [{}],
    "resolution": [
        {"rows": 10**9, "columns": 0, "prediction": 0},
        {"rows": -1, "columns": 0, "prediction": 0},
        {"rows": 1, "columns": 0, "prediction": [1]},
        {"rows": 1, "columns": 0, "prediction": 1e300},
    ],
    "object_monotone": [
        {"image": -1, "scale": 0, "row": 0, "column": 0},
        {"image": 0, "scale": 1, "row": 0, "column": 0},
        {"image": 0, "scale": 0, "row": 0, "column": 99},
        {"image": 0, "scale": 0, "row": 0, "column": 0},
    ],
    "permutation": [{"order": o} for o in ([0, 0], [1], [0, 2], 3)],
}


@pytest.mark.parametrize("law", HOSTILE)
def test_a_doctored_case_is_refused(law: str, mgloss: Run, tmp_path: Path) -> None:
    path = saved(mgloss, tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    for number, choices in enumerate(HOSTILE[law]):
        doctored = tmp_path / f"{number}.json"
        doctored.write_text(
            json.dumps(document | {"law": law, "choices": choices}), encoding="utf-8"
        )
        result = mgloss("replay", doctored, "--loss", f"{LOSSES}:by_batch")
        assert result.returncode == 2, (choices, result.stdout)
        assert f"is no case of the law {law}" in result.stderr
        assert "Traceback" not in result.stderr


def test_batches_that_do_not_belong_together_are_refused(mgloss: Run, tmp_path: Path) -> None:
    path = saved(mgloss, tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    for role in ("targets", "predictions"):
        array = document["batches"]["Y"][role][0]
        array["shape"] = [2, 1, 1, 7]
        array["values"] *= 2
    for law in ("masking", "density_neutral"):
        path.write_text(json.dumps(document | {"law": law}), encoding="utf-8")
        result = mgloss("replay", path, "--loss", f"{LOSSES}:by_batch")
        assert result.returncode == 2
        assert "X and Y: expected one shape" in result.stderr


def test_a_component_that_the_loss_does_not_return_is_not_taken_to_hold(
    mgloss: Run, tmp_path: Path
) -> None:
    path = saved(mgloss, tmp_path)
    result = mgloss("replay", path, "--loss", f"{LOSSES}:plain")
    assert result.returncode == 2
    assert "is about location, which this loss does not return" in result.stderr
    assert mgloss("replay", "/dev/null").returncode == 2


def test_help_shows_examples_and_needs_no_tensorflow() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from mgloss.gate.commands.cli import app;"
        "r = CliRunner().invoke(app, ['--help']); print(r.output);"
        "print('HEAVY', *({'tensorflow', 'hypothesis', 'numpy', 'pytest'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "mgloss check my_loss.py:loss" in result.stdout
    assert result.stdout.strip().endswith("HEAVY")


@pytest.mark.parametrize("command", ["check", "matrix", "explain", "replay"])
def test_every_command_has_help_with_examples(command: str, mgloss: Run) -> None:
    result = mgloss(command, "--help")
    assert result.returncode == 0
    assert "Examples:" in result.stdout
    assert f"mgloss {command}" in result.stdout


def test_a_numpy_loss_is_checked_without_importing_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys; from mgloss.gate.losses.loading import load;"
        f"load({str(LOSSES) + ':by_batch'!r}, 'batch'); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'spec'}", "PATH": ""},
    )


# TensorFlow as it is where nobody installed it.
WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None
from mgloss.gate.commands.cli import main
main()
"""


@pytest.mark.parametrize(
    "arguments",
    ["check", "check --law finite", "check -n 0", "baseline", "identify", "matrix"],
)
def test_the_reference_without_tensorflow_is_refused_and_says_what_to_do(
    tmp_path: Path, arguments: str
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, *arguments.split()],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(),
        timeout=300,
    )
    assert result.returncode == 2
    assert "python -m pip install 'mgloss[tensorflow]'" in said(result.stderr)
    assert "or name a LOSS" in said(result.stderr)
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())
