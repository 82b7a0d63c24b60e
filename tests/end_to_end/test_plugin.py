"""`pytest --loss`: the installed plugin beside a user's own tests, and without any."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mgloss.gate.checks.selection import select_laws
from tests.gate.conftest import LOSSES, Run

BY_POSITIVES, BY_BATCH = f"{LOSSES}:by_positives", f"{LOSSES}:by_batch"
FEW = "--law-examples=20"


@pytest.fixture
def own_tests(tmp_path: Path) -> Path:
    path = tmp_path / "test_mine.py"
    path.write_text("def test_of_mine():\n    pass\n")
    return path


def outcomes(junit: Path) -> dict[str, str]:
    """By name of each test: passed, or what JUnit says instead."""
    found = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        inside = [child.tag for child in case if child.tag != "properties"]
        found[case.attrib["name"]] = inside[0] if inside else "passed"
    return found


def test_laws_run_beside_a_users_own_tests(users_pytest: Run, own_tests: Path) -> None:
    result = users_pytest("--loss", BY_POSITIVES, "--law=partition", "--law=pure", "-v", FEW)
    assert result.returncode == 1
    assert "test_mine.py::test_of_mine PASSED" in result.stdout
    assert "losses.py:by_positives::batch::pure PASSED" in result.stdout
    assert "losses.py:by_positives::batch::partition FAILED" in result.stdout
    assert "1 failed, 2 passed" in result.stdout


def test_laws_run_where_there_are_no_tests(users_pytest: Run) -> None:
    result = users_pytest("--loss", BY_BATCH, "--law", "partition", FEW)
    assert result.returncode == 0, result.stdout
    assert "1 passed" in result.stdout


def test_a_failure_is_the_law_the_message_and_the_batch(users_pytest: Run) -> None:
    result = users_pytest("--loss", BY_POSITIVES, "--law", "partition")
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


def test_junit_names_every_law_the_same_from_one_process_and_from_two(
    users_pytest: Run, tmp_path: Path, own_tests: Path
) -> None:
    for name, workers in (("one.xml", 0), ("two.xml", 2)):
        users_pytest("--loss", BY_POSITIVES, f"--junitxml={name}", "-n", workers, FEW)
    found = outcomes(tmp_path / "one.xml")
    assert found == outcomes(tmp_path / "two.xml")
    assert set(found) == {"test_of_mine", *select_laws("batch", (), is_multigrid=False)}
    assert {found[law] for law in ("partition", "sharding")} == {"failure"}
    assert (found["pure"], found["gradient"]) == ("passed", "skipped")
    # The values of a batch, which are data for programs, are in no report for people.
    assert "'values'" not in (tmp_path / "one.xml").read_text()


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


def test_a_wrong_request_starts_no_worker(users_pytest: Run) -> None:
    result = users_pytest("--loss", "nothing.py", "-n", 2)
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "nothing.py: no such file" in result.stderr
    assert "workers" not in result.stdout


@pytest.mark.parametrize("loss", ["raises", "exits", "returns_nan"])
def test_a_loss_that_gives_no_answer_fails_its_laws_and_not_the_run(
    users_pytest: Run, own_tests: Path, loss: str
) -> None:
    result = users_pytest("--loss", f"{LOSSES}:{loss}", "--law=finite", "--law=partition", FEW)
    assert result.returncode == 1
    assert "2 failed, 1 passed" in result.stdout


def test_a_projects_filter_of_warnings_changes_no_verdict(
    users_pytest: Run, tmp_path: Path
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (tmp_path / "mine.py").write_text(
        "import warnings\nimport numpy as np\n\n"
        "def loss(y_true, y_pred):\n"
        "    warnings.warn('deprecated', DeprecationWarning)\n"
        "    return {'location': np.float32(0)}\n"
    )
    result = users_pytest("--loss", "mine.py", "--law", "pure", FEW)
    assert result.returncode == 0, result.stdout


def test_the_plugin_may_also_be_named_by_its_module(users_pytest: Run, tmp_path: Path) -> None:
    named = ("-p", "mgloss.gate.checks.plugin")
    request = ("--loss", BY_BATCH, "--law", "pure", FEW)
    for variables in ({}, {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}):
        result = users_pytest(*named, *request, **variables)
        assert result.returncode == 0, result.stdout + result.stderr
        assert "1 passed" in result.stdout
    (tmp_path / "conftest.py").write_text("pytest_plugins = ['mgloss.gate.checks.plugin']\n")
    assert "1 passed" in users_pytest(*request).stdout


def test_without_a_loss_nothing_changes(users_pytest: Run, own_tests: Path) -> None:
    plain = users_pytest("-p", "no:mgloss", "--markers")
    assert users_pytest("--markers").stdout == plain.stdout
    result = users_pytest("-v")
    assert result.returncode == 0
    assert "1 passed" in result.stdout
    assert "against the laws" not in result.stdout
    own_tests.unlink()
    assert users_pytest().returncode == pytest.ExitCode.NO_TESTS_COLLECTED


def test_without_a_loss_nothing_heavy_is_imported(installed: dict[str, str]) -> None:
    program = (
        "import json, sys, pytest\n"
        "pytest.main(['--version'], plugins=[])\n"
        "import mgloss.gate.checks.plugin\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**installed, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    imported = json.loads(result.stdout.splitlines()[-1])
    assert "mgloss.gate.checks.plugin" in imported
    heavy = {
        "numpy",
        "hypothesis",
        "mgspec",
        "rich",
        "typer",
        "tensorflow",
        "mgloss.gate.losses.loading",
    }
    assert heavy.isdisjoint(imported)
