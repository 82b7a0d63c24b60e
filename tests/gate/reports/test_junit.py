"""JUnit XML as CI servers read it: a test case a law."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from mgspec import LAWS as ALL_LAWS
from tests.gate.conftest import LOSSES, Run
from tests.gate.reports.conftest import LAWS, Reported
from tests.gate.reports.losses import HOSTILE

HOSTILE_LOSS = Path(__file__).with_name("losses.py")


def suite(text: str) -> ET.Element:
    (found,) = ET.fromstring(text)
    return found


def outcomes(of: ET.Element) -> dict[str, str]:
    return {
        case.attrib["name"]: next((child.tag for child in case), "passed")
        for case in of.iter("testcase")
    }


def test_each_law_is_a_test_case_and_each_broken_law_a_failure(reported: Reported) -> None:
    found = suite(reported.text("out.xml"))
    assert found.attrib["name"] == "mgloss"
    assert outcomes(found) == {
        "finite": "passed",
        "partition": "failure",
        "sharding": "failure",
        "locality": "skipped",
        "density_monotone": "failure",
        "density_neutral": "passed",
    }
    counted = {name: int(found.attrib[name]) for name in ("tests", "failures", "skipped", "errors")}
    assert counted == {"tests": len(LAWS), "failures": 3, "skipped": 1, "errors": 0}
    assert {c.attrib["classname"] for c in found.iter("testcase")} == {"mine.py:by_positives.batch"}


def test_a_failure_says_what_the_law_says_and_what_came_instead(reported: Reported) -> None:
    failure = suite(reported.text("out.xml")).find(".//testcase[@name='partition']/failure")
    assert failure is not None
    assert failure.text is not None
    for said in (failure.text, failure.attrib["message"]):
        assert ALL_LAWS["partition"].statement in said
        assert "location: L(X + Y) = 1, expected 0.5" in said
        assert "classification: L(X + Y) = 0.69" in said


def test_there_is_no_counterexample_in_it(reported: Reported) -> None:
    assert "mgloss-counterexample" not in reported.text("out.xml")


@pytest.mark.nightly
def test_two_processes_write_the_same_cases(
    reported: Reported, mgloss: Run, tmp_path: Path
) -> None:
    laws = [word for law in LAWS for word in ("--law", law)]
    mgloss(
        *("check", f"{LOSSES}:by_positives", *laws, "--max-examples", 30),
        *("--junit", "out.xml", "-n", 2),
    )
    written = (tmp_path / "out.xml").read_text(encoding="utf-8")
    assert outcomes(suite(written)) == outcomes(suite(reported.text("out.xml")))
    assert "mgloss-counterexample" not in written


def test_what_a_loss_says_stays_text(mgloss: Run, tmp_path: Path) -> None:
    mgloss("check", f"{HOSTILE_LOSS}:hostile", "--law", "finite", "--junit", "out.xml")
    found = suite((tmp_path / "out.xml").read_text(encoding="utf-8"))
    (failure,) = found.iter("failure")
    assert HOSTILE in str(failure.text)
    assert list(failure) == []


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.nightly)])
def test_a_path_is_kept_while_the_loss_goes_elsewhere(
    workers: int, mgloss: Run, tmp_path: Path
) -> None:
    result = mgloss(
        "check",
        f"{HOSTILE_LOSS}:wanders",
        *("--law", "finite", "-n", workers, "--max-examples", 20),
        *("--junit", "out.xml", "--json", "out.json", "--html", "out.html", "--markdown", "out.md"),
        apart=True,
    )
    assert result.returncode == 1, result.stderr
    written = {path.name for path in tmp_path.iterdir()}
    assert {"out.xml", "out.json", "out.html", "out.md"} <= written
