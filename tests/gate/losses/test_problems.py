"""Losses of described problems at the command line."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.gate.conftest import SAMPLES, Run, run_mgloss, run_pytest, said, saved

LOSSES = SAMPLES / "described_losses.py"
FEW = ("--max-examples", 20)


def test_a_right_loss_of_a_problem_of_ones_own_holds(mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:by_images", "--problem", LOSSES, *FEW)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "../box/loss" in result.stdout
    assert "needs this project's own layout" in said(result.stdout)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with every report of a wrong loss, and what was printed."""
    folder = tmp_path_factory.mktemp("checked")
    result = run_mgloss(
        folder,
        "check",
        f"{LOSSES}:by_objects",
        "--problem",
        f"{LOSSES}:problem",
        "--json",
        "out.json",
        "--html",
        "out.html",
        "--markdown",
        "out.md",
        "--junit",
        "out.xml",
        *FEW,
    )
    assert result.returncode == 1, result.stdout + result.stderr
    return folder, result.stdout


@pytest.fixture
def broken(checked: tuple[Path, str], tmp_path: Path) -> str:
    """What was printed; the reports are in the test's folder."""
    folder, printed = checked
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return printed


def test_a_wrong_one_is_refused_with_two_images_and_one_object(mgloss: Run) -> None:
    asked = (f"{LOSSES}:by_objects", "--problem", f"{LOSSES}:problem", "--law", "partition")
    result = mgloss("check", *asked, *FEW, small=True)
    assert result.returncode == 1
    assert re.search("X: 1 image, (0 objects|1 object)\\b", result.stdout)
    assert "true/box [1]: " in result.stdout


def test_its_components_do_not_lead_out_of_the_report(broken: str, tmp_path: Path) -> None:
    assert not list(tmp_path.parent.glob("box*"))
    folder = saved(tmp_path, "partition-___box_loss.json").parent
    assert list(folder.glob("test_*_partition____box_loss.py"))


def test_the_reports_say_what_its_images_are(broken: str, tmp_path: Path) -> None:
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert document["problem"] == f"{LOSSES}:problem"
    assert {v["component"] for v in document["verdicts"]} == {"../box/loss", None}
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert re.search(r"\bdrawn\b[^>]*>[^<]*<br>.*<br>  +true/box", page)  # indented
    assert "How the loss grows" not in page
    assert "partition" in (tmp_path / "out.md").read_text(encoding="utf-8")
    assert "partition" in (tmp_path / "out.xml").read_text(encoding="utf-8")


def test_a_saved_case_is_replayed_by_the_command_that_is_told(
    broken: str, mgloss: Run, tmp_path: Path
) -> None:
    (command,) = {
        line for line in broken.splitlines() if "mgloss replay" in line and "partit" in line
    }
    arguments = command.split("mgloss replay ")[1].split()
    assert mgloss("replay", *arguments).returncode == 1
    mended = [a.replace(":by_objects", ":by_images") for a in arguments]
    assert mgloss("replay", *mended).returncode == 0
    without = mgloss("replay", arguments[0], "--loss", f"{LOSSES}:by_images")
    assert without.returncode == 2
    assert "--problem FILE:NAME" in said(without.stderr)


def test_a_saved_regression_test_fails_until_the_loss_is_mended(
    broken: str, tmp_path: Path
) -> None:
    test = saved(tmp_path, "test_*_partition____box_loss.py")

    def status() -> int:
        return run_pytest(tmp_path, "-q", test).returncode

    assert status() == 1
    text = test.read_text(encoding="utf-8")
    test.write_text(text.replace(":by_objects", ":by_images"), encoding="utf-8")
    assert status() == 0


def test_what_is_known_can_be_recorded(mgloss: Run) -> None:
    laws = ("--law", "partition", "--law", "pure")
    asked = (f"{LOSSES}:by_objects", "--problem", LOSSES, *laws, *FEW)
    assert mgloss("baseline", *asked).returncode == 0
    again = mgloss("check", *asked, "--baseline", "mgloss-baseline.json")
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.nightly
def test_two_losses_of_a_described_problem_can_be_compared(mgloss: Run) -> None:
    losses = [f"{LOSSES}:{name}" for name in ("by_images", "by_objects")]
    differ = mgloss("diff", *losses, "--problem", LOSSES)
    assert differ.returncode == 1, differ.stdout + differ.stderr
    assert "image" in differ.stdout
    same = mgloss("diff", losses[0], losses[0], "--problem", LOSSES)
    assert same.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("by_images", "--problem", "query"), "unknown problem 'query'; did you mean 'queries'?"),
        (("by_images", "--problem", f"{LOSSES}:not_a_description"), "expected an mgspec.Descrip"),
        (("by_images", "--problem", f"{LOSSES}:probelm"), "did you mean 'problem'?"),
        (("by_images", "--problem", "nowhere.py"), "nowhere.py: no such file"),
        (("by_images", "--problem", f"{LOSSES}:broken"), "ZeroDivisionError: no image today"),
        (("by_images", "--problem", f"{LOSSES}:without"), "no array 'out/boxes'"),
        (("by_images", "--problem", LOSSES, "--options", "all"), "give one"),
        (("many_names", "--problem", LOSSES), "returned a component named 'xxx"),
    ],
)
def test_a_wrong_request_is_refused(mgloss: Run, arguments: tuple[str, ...], words: str) -> None:
    result = mgloss("check", f"{LOSSES}:{arguments[0]}", *arguments[1:])
    assert result.returncode == 2
    assert words in said(result.stderr)


def test_the_reference_is_of_no_other_problem(mgloss: Run) -> None:
    result = mgloss("check", "--problem", "queries")
    assert result.returncode == 2
    assert "name one" in said(result.stderr)


def test_a_loss_of_other_arguments_is_refused_with_its_error(mgloss: Run) -> None:
    result = mgloss("check", f"{LOSSES}:of_two_arguments", "--problem", LOSSES, *FEW)
    assert result.returncode == 2
    assert "missing 1 required positional argument" in said(result.stderr)
