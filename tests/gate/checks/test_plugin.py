"""The pytest plugin in this process: its items, their failures, and what it refuses."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.gate.conftest import LOSSES, Run, run_pytest

BY_POSITIVES, BY_BATCH = f"{LOSSES}:by_positives", f"{LOSSES}:by_batch"
FEW = "--law-examples=20"


@pytest.fixture
def users_pytest(tmp_path: Path) -> Run:
    """Run pytest in this process, in the test's folder."""
    return partial(run_pytest, tmp_path)


@pytest.fixture
def own_tests(tmp_path: Path) -> Path:
    path = tmp_path / "test_mine.py"
    path.write_text("def test_of_mine():\n    pass\n")
    return path


def test_laws_run_where_there_are_no_tests(users_pytest: Run) -> None:
    result = users_pytest("--loss", BY_BATCH, "--law", "partition", FEW)
    assert result.returncode == 0, result.stdout
    assert "1 passed" in result.stdout


def test_a_wrong_detector_is_named_as_pytest_does(users_pytest: Run, tmp_path: Path) -> None:
    (tmp_path / "detector.json").write_text("{}")
    result = users_pytest("--loss", BY_BATCH, "--loss-detector", "detector.json")
    assert result.returncode == 4
    assert "--loss-detector detector.json" in result.stdout + result.stderr


def test_a_failure_is_the_law_the_message_and_the_batch(users_pytest: Run) -> None:
    result = users_pytest("--loss", BY_POSITIVES, "--law", "partition", small=True)
    for part in (
        "partition: A data set's mean loss does not depend on how it was cut into batches.",
        "L(X + Y) = (B_X L(X) + B_Y L(Y)) / (B_X + B_Y)",
        "location: L(X + Y) = 1, expected 0.5",
        "the location counterexample:",
        "X: 1 image, 0 objects",
    ):
        assert part in result.stdout
    assert "Traceback" not in result.stdout
    assert "plugin.py" not in result.stdout
    assert "LawBrokenError" not in result.stdout


def test_the_head_says_what_is_judged_and_how(users_pytest: Run) -> None:
    result = users_pytest("--loss", BY_BATCH, "--law=pure", "--claims=grid", FEW, "--law-seed=3")
    assert f"{BY_BATCH} against the laws of grid (20 examples a law, seed 3)" in result.stdout
    assert "it is a NumPy loss: laws about gradients are skipped" in result.stdout


def test_a_law_that_says_nothing_of_the_loss_is_skipped_with_the_reason(users_pytest: Run) -> None:
    result = users_pytest("--loss", BY_BATCH, "--law", "gradient", "-rs")
    assert result.returncode == 0
    assert "needs gradients, and this loss has none" in result.stdout


@pytest.mark.parametrize("choice", [("-k", "partition"), ("-m", "mgloss", "-k", "partition")])
def test_items_are_chosen_by_name_and_by_marker(
    users_pytest: Run, own_tests: Path, choice: tuple[str, ...]
) -> None:
    result = users_pytest("--loss", BY_BATCH, FEW, "--strict-markers", *choice)
    assert result.returncode == 0, result.stdout
    assert "1 passed" in result.stdout


def test_the_marker_leaves_a_users_own_tests_out(users_pytest: Run, own_tests: Path) -> None:
    result = users_pytest("--loss", BY_BATCH, "--law", "pure", FEW, "-v", "-m", "mgloss")
    assert "1 passed, 1 deselected" in result.stdout
    assert "test_of_mine PASSED" not in result.stdout


def test_the_first_broken_law_ends_the_run_if_asked(users_pytest: Run) -> None:
    laws = ("--law=partition", "--law=sharding", "--law=pure")
    result = users_pytest("--loss", BY_POSITIVES, *laws, "-x", FEW)
    assert result.returncode == 1
    assert "1 failed" in result.stdout
    assert "passed" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--loss", "nothing.py"), "nothing.py: no such file"),
        (("--loss", f"{LOSSES}:by_bach"), "did you mean 'by_batch'?"),
        (("--loss", ""), "expected package.module:name or path/to/file.py:name"),
        (("--loss", f"{LOSSES}:not_callable"), "is not callable but int"),
        (("--loss", BY_BATCH, "--claims", "bach"), "did you mean 'batch'?"),
        (("--loss", BY_BATCH, "--claims", "bach", "--law", "pure"), "did you mean 'batch'?"),
        (("--loss", BY_BATCH, "--law", "partiton"), "did you mean 'partition'?"),
        (("--loss", BY_BATCH, "--law-examples", "0"), "--law-examples 0: expected 1 or more"),
        (("--loss", BY_BATCH, "--law-examples", "many"), "invalid int value: 'many'"),
        (("--loss", BY_BATCH, "--law-seed", "-1"), "--law-seed -1: expected 0 or more"),
        (("--loss", BY_BATCH, "--loss-options", "no.json"), "no.json: No such file"),
        (("--law", "partition"), "say which with --loss"),
        (("--claims", "grid"), "say which with --loss"),
    ],
)
def test_a_wrong_request_is_a_usage_error_that_says_what_would_do(
    users_pytest: Run, own_tests: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = users_pytest(*arguments)
    assert result.returncode == pytest.ExitCode.USAGE_ERROR, result.stdout
    assert said in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.parametrize("loss", ["raises", "exits", "returns_nan"])
def test_a_loss_that_gives_no_answer_fails_its_laws_and_not_the_run(
    users_pytest: Run, own_tests: Path, loss: str
) -> None:
    result = users_pytest("--loss", f"{LOSSES}:{loss}", "--law=finite", "--law=partition", FEW)
    assert result.returncode == 1
    assert "2 failed, 1 passed" in result.stdout
