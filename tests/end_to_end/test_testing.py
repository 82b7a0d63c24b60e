"""`mgloss.testing` in a user's own tests, run by a pytest of their own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mgloss.gate.checks.selection import select_laws
from tests.end_to_end.conftest import run_pytest
from tests.gate.conftest import SAMPLES

HEAD = f"""
import sys
sys.path.insert(0, {str(SAMPLES)!r})
import losses
from mgloss.testing import NoVerdict, parametrize_with_laws
"""
TEST = """
@parametrize_with_laws({arguments})
def test_{name}(check_law):
    check_law()
"""

# One run of pytest tells of all of them: their names and what `parametrize_with_laws` is given.
TESTS = {
    "right": "losses.by_batch, max_examples=10",
    "wrong": "losses.by_positives, laws=['partition', 'pure']",
    "known": "losses.by_positives, laws=['partition', 'pure'], max_examples=40,"
    " expected_failures={'partition': 'known since 12'}",
    "raises": "losses.raises, laws=['pure'], expected_failures={'pure': 'issue 4'}",
    "raises_as_known": "losses.raises, laws=['pure'],"
    " expected_failures={'pure': NoVerdict('issue 4')}",
    "mended": "losses.by_batch, laws=['partition'], max_examples=20,"
    " expected_failures={'partition': 'known since 13'}",
    "silent": "losses.by_batch, laws=['gradient'], expected_failures={'gradient': 'is wrong'}",
    "factory": "losses.made, laws=['pure'], max_examples=5",
    "function": "losses.plain, laws=['pure'], max_examples=5",
    "named": "'mine.py:loss', laws=['pure'], max_examples=5",
    "file": "'mine.py', laws=['pure'], max_examples=5",
    "nowhere": "'nothing.py:loss', laws=['pure']",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("users")
    text = "".join(TEST.format(name=name, arguments=given) for name, given in TESTS.items())
    (folder / "test_mine.py").write_text(HEAD + text)
    (folder / "mine.py").write_text("def loss(y_true, y_pred):\n    return 0.0\n")
    return folder


@pytest.fixture(scope="module")
def output(folder: Path, installed: dict[str, str]) -> str:
    """What a run of all of these tests says."""
    result = run_pytest(folder, installed, "-v", "-rsxX")
    assert result.returncode == 1
    return result.stdout


def outcomes(output: str, name: str) -> dict[str, str]:
    """By law: how a test ended."""
    return dict(re.findall(rf"test_mine\.py::test_{name}\[(\w+)\] (\w+)", output))


def told(output: str, name: str, law: str) -> str:
    """What is said of a failed test."""
    found = re.search(rf"_ test_{name}\[{law}\] _+\n(.*?)(?=\n_{{5}}|\n={{5}})", output, re.DOTALL)
    assert found is not None, output
    return found[1]


def test_every_claimed_law_is_a_test_by_its_name(output: str) -> None:
    found = outcomes(output, "right")
    assert set(found) == set(select_laws("batch", (), is_multigrid=False))
    assert {law for law, how in found.items() if how == "SKIPPED"} == {
        "locality",
        "gradient",
        "modes",
    }
    assert set(found.values()) == {"PASSED", "SKIPPED"}
    assert "needs gradients, and this loss has none" in output


def test_a_broken_law_is_told_with_its_batch_and_no_traceback(output: str) -> None:
    assert outcomes(output, "wrong") == {"partition": "FAILED", "pure": "PASSED"}
    text = told(output, "wrong", "partition")
    for part in (
        "partition: A data set's mean loss does not depend on how it was cut into batches.",
        "location: L(X + Y) = 1, expected 0.5",
        "X: 1 image, 0 objects",
    ):
        assert part in text
    for part in ("check_law()", "testing.py", "Traceback"):
        assert part not in text


def test_a_law_that_is_known_to_be_broken_is_an_expected_failure(output: str) -> None:
    assert outcomes(output, "known") == {"partition": "XFAIL", "pure": "PASSED"}
    assert "known since 12" in output


def test_an_expected_failure_fails_where_pytest_is_told_to_expect_none(
    folder: Path, installed: dict[str, str]
) -> None:
    result = run_pytest(folder, installed, "--runxfail", "-k", "test_known and partition")
    assert result.returncode == 1
    assert "L(X + Y) = " in result.stdout


def test_a_loss_that_raises_is_no_expected_failure_unless_that_is_expected(output: str) -> None:
    assert outcomes(output, "raises") == {"pure": "FAILED"}
    assert "but came to no verdict; mend the loss" in told(output, "raises", "pure")
    assert outcomes(output, "raises_as_known") == {"pure": "XFAIL"}


def test_an_expected_failure_that_holds_is_to_be_removed(output: str) -> None:
    assert outcomes(output, "mended") == {"partition": "FAILED"}
    assert (
        "partition is expected to fail (known since 13), but holds: remove it from "
        "expected_failures" in told(output, "mended", "partition")
    )


def test_an_expected_failure_of_a_law_that_says_nothing_of_the_loss_is_to_be_removed(
    output: str,
) -> None:
    assert outcomes(output, "silent") == {"gradient": "FAILED"}
    text = told(output, "silent", "gradient")
    assert "but says nothing of this loss (needs gradients" in text
    assert "remove it from expected_failures" in text


@pytest.mark.parametrize("name", ["factory", "function", "named", "file"])
def test_a_loss_is_also_a_factory_or_named(name: str, output: str) -> None:
    assert outcomes(output, name) == {"pure": "PASSED"}


def test_a_named_loss_that_cannot_be_loaded_fails_with_what_would_do(output: str) -> None:
    text = told(output, "nowhere", "pure")
    assert "nothing.py: no such file" in text
    assert "testing.py" not in text


@pytest.mark.nightly
def test_two_processes_run_the_same_tests(folder: Path, installed: dict[str, str]) -> None:
    result = run_pytest(folder, installed, "-k", "test_wrong or test_known", "-n", "2")
    assert "1 failed, 2 passed, 1 xfailed" in result.stdout


def test_importing_it_is_cheap(installed: dict[str, str]) -> None:
    program = "import sys, json, mgloss.testing; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=installed,
    )
    imported = json.loads(result.stdout)
    assert "mgloss.testing" in imported
    heavy = {
        "numpy",
        "hypothesis",
        "mgspec",
        "pytest",
        "rich",
        "tensorflow",
        "mgloss.reference.loss",
    }
    assert heavy.isdisjoint(imported)
