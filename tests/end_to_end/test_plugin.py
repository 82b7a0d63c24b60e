"""`pytest --loss`: the installed plugin beside a user's own tests, and without any."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.gate.conftest import LOSSES, SAMPLES, Run

BY_POSITIVES, BY_BATCH = f"{LOSSES}:by_positives", f"{LOSSES}:by_batch"
FEW = "--law-examples=20"
LAWS = ("density_monotone", "sharding", "pure", "gradient")


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
    loss = f"{SAMPLES}/simple_losses.py:neutral"
    result = users_pytest("--loss", loss, "--law=sharding", "--law=pure", "-v", FEW)
    assert result.returncode == 1
    assert "test_mine.py::test_of_mine PASSED" in result.stdout
    assert "losses.py:neutral::batch::pure PASSED" in result.stdout
    assert "losses.py:neutral::batch::sharding FAILED" in result.stdout
    assert "1 failed, 2 passed" in result.stdout


@pytest.mark.nightly
def test_junit_names_every_law_the_same_from_one_process_and_from_two(
    users_pytest: Run, tmp_path: Path, own_tests: Path
) -> None:
    laws = [f"--law={law}" for law in LAWS]
    for name, workers in (("one.xml", 0), ("two.xml", 2)):
        users_pytest("--loss", BY_POSITIVES, f"--junitxml={name}", "-n", workers, *laws, FEW)
    found = outcomes(tmp_path / "one.xml")
    assert found == outcomes(tmp_path / "two.xml")
    assert set(found) == {"test_of_mine", *LAWS}
    assert {found[law] for law in ("density_monotone", "sharding")} == {"failure"}
    assert (found["pure"], found["gradient"]) == ("passed", "skipped")
    # The values of a batch, which are data for programs, are in no report for people.
    assert "'values'" not in (tmp_path / "one.xml").read_text()


def test_a_wrong_request_starts_no_worker(users_pytest: Run) -> None:
    result = users_pytest("--loss", "nothing.py", "-n", 2)
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "nothing.py: no such file" in result.stderr
    assert "workers" not in result.stdout


ONE_LAW = ("--loss", BY_BATCH, "--law", "pure", FEW)


@pytest.mark.parametrize(
    "variables",
    [{}, pytest.param({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, marks=pytest.mark.nightly)],
    ids=["again", "alone"],
)
def test_the_plugin_may_also_be_named_by_its_module(
    users_pytest: Run, variables: dict[str, str]
) -> None:
    result = users_pytest("-p", "mgloss.gate.checks.plugin", *ONE_LAW, **variables)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout


@pytest.mark.nightly
def test_the_plugin_may_also_be_named_by_a_conftest(users_pytest: Run, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("pytest_plugins = ['mgloss.gate.checks.plugin']\n")
    assert "1 passed" in users_pytest(*ONE_LAW).stdout


@pytest.mark.nightly
def test_without_a_loss_there_is_no_other_marker(users_pytest: Run) -> None:
    plain = users_pytest("-p", "no:mgloss", "--markers")
    assert users_pytest("--markers").stdout == plain.stdout


def test_without_a_loss_nothing_changes(users_pytest: Run, own_tests: Path) -> None:
    result = users_pytest("-v")
    assert result.returncode == 0
    assert "1 passed" in result.stdout
    assert "against the laws" not in result.stdout


@pytest.mark.nightly
def test_without_a_loss_and_tests_there_is_nothing_to_do(users_pytest: Run) -> None:
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
