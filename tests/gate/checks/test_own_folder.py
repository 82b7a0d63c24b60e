"""Which folder of a report belongs to which loss."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mgloss.gate.checks.own_folder import own_folder
from mgloss.gate.losses.request import LossRequest
from mgspec import Options

REPORT = Path("mgloss-report")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def name(loss: str | None, report: Path = REPORT, **said: object) -> str:
    folder = own_folder(LossRequest(loss, **said), report)  # type: ignore[arg-type]
    assert folder.parent == report
    return folder.name


@pytest.mark.parametrize(
    ("loss", "folder"),
    [
        ("my_loss.py:loss", "my_loss.loss-batch"),
        ("my_loss.py", "my_loss.loss-batch"),
        ("./my_loss.py", "my_loss.loss-batch"),
        ("package/losses.py:YoloLoss", "package.losses.YoloLoss-batch"),
        ("my-package/losses.py:loss", "my-package.losses.loss-batch"),
        (None, "reference-batch"),
    ],
)
def test_it_can_be_read(loss: str | None, folder: str) -> None:
    assert name(loss) == folder


def test_what_the_loss_claims_and_its_problem_belong_to_it() -> None:
    assert name("a.py", claims="positives") == "a.loss-positives"
    assert name("a.py", problem="queries") == "a.loss-batch-queries"
    names = [
        name("a.py"),
        name("a.py", problem="mine.py"),
        name("a.py", problem="others.py"),
        name("a.py", options="all"),
        name("a.py", options=Options(location="ciou")),
        name("a.py", options=Options(location="giou")),
        name(None, options=Options(location="giou")),
    ]
    assert len(set(names)) == len(names)
    assert name("a.py", problem="mine.py") == name("a.py", problem="./mine.py:problem")


def test_losses_of_one_name_in_two_files_have_two() -> None:
    losses = ["a.py:loss", "b.py:loss", "a/b.py:loss", "../a.py:loss", "a.b.py:loss", "a.b:loss"]
    losses += ["a b.py:loss", "a_b.py:loss", "a/b/c.py:d", "a.b/c.py:d", "-a.py:loss"]
    assert len({name(loss) for loss in losses}) == len(losses)


def test_one_loss_has_one_from_every_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "package").mkdir()
    from_above = name("package/losses.py:loss")
    monkeypatch.chdir(here / "package")
    report = Path("../mgloss-report")
    assert name("losses.py", report) == from_above
    assert name(str(here / "package" / "losses.py"), report) == from_above
    assert name("losses.py") != from_above  # another report, in which nothing else is of it


def test_two_projects_that_share_a_report_have_two(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = set()
    report = Path(os.pardir) / "shared_report"
    for project in ("one", "two"):
        (here / project).mkdir()
        monkeypatch.chdir(here / project)
        names.add(name("loss.py", report))
    assert names == {"one.loss.loss-batch", "two.loss.loss-batch"}


def test_a_module_of_the_current_folder_is_its_file(here: Path) -> None:
    (here / "package").mkdir()
    (here / "package" / "losses.py").touch()
    assert name("package.losses:loss") == name("package/losses.py:loss")
    assert name("elsewhere.losses:loss").startswith("elsewhere.losses.loss-batch-")


def test_no_name_leads_out_of_the_report_or_is_hidden() -> None:
    above = Path(os.pardir, os.pardir, "x.py")
    absolute = Path(os.sep, "elsewhere", ".x.py")
    for loss in (f"{above}:loss", f"{absolute}:loss", "a/.hidden/x.py:loss", f"{'x' * 300}.py"):
        folder = name(loss)
        assert "/" not in folder
        assert not folder.startswith((".", "-"))
        assert len(folder) < 120
