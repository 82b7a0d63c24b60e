"""Reports that cannot be written are refused before any work, and nothing is left behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mgloss.gate.reports import registry
from mgloss.gate.reports.registry import REPORTS
from mgloss.gate.reports.writing import request_reports
from tests.gate.conftest import LOSSES, Run

FILES = ("--json", "--junit", "--markdown", "--html")


@pytest.mark.parametrize("option", FILES)
def test_a_path_that_cannot_be_written_is_refused(option: str, mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "a_folder").mkdir()
    (tmp_path / "a_file").write_text("kept", encoding="utf-8")
    for path, wrong in (
        ("nowhere/out", f"{option} nowhere/out: there is no folder nowhere"),
        ("a_folder", f"{option} a_folder: is a directory, expected a file"),
        ("a_file/out", "is not a directory"),
    ):
        result = mgloss("check", f"{LOSSES}:raises", option, path)
        assert result.returncode == 2
        assert wrong in result.stderr
        assert result.stdout == ""
    assert {p.name for p in tmp_path.iterdir()} == {"a_folder", "a_file"}


def test_a_summary_that_cannot_be_written_is_refused(mgloss: Run) -> None:
    result = mgloss(
        *("check", f"{LOSSES}:raises", "--github"), GITHUB_STEP_SUMMARY="nowhere/summary.md"
    )
    assert result.returncode == 2
    assert "GITHUB_STEP_SUMMARY nowhere/summary.md: there is no folder nowhere" in result.stderr
    assert result.stdout == ""


def test_two_reports_in_one_file_are_refused(mgloss: Run, tmp_path: Path) -> None:
    result = mgloss("check", f"{LOSSES}:plain", "--json", "out", "--html", f"{tmp_path}/out")
    assert result.returncode == 2
    assert "the same file as --json; give each its own" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["jinja2", "matplotlib"])
def test_a_page_without_what_it_needs_says_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_name = {report.name: report for report in REPORTS}
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr(registry, "find_spec", lambda name: None if name == missing else "there")
    with pytest.raises(ValueError, match=missing) as refused:
        request_reports({by_name["html"]: Path("out.html")}, None)
    assert "python -m pip install 'mgloss[report]'" in str(refused.value)
    others = {by_name["markdown"]: Path("out.md")}
    assert request_reports(others, None).files == others


def test_without_jinja2_and_matplotlib_all_else_is_written(mgloss: Run, tmp_path: Path) -> None:
    for name in ("jinja2", "matplotlib"):
        (tmp_path / f"{name}.py").write_text("raise ImportError\n", encoding="utf-8")
    result = mgloss(
        *("check", f"{LOSSES}:plain", "--law", "pure", "--max-examples", 5),
        *("--json", "out.json", "--junit", "out.xml", "--markdown", "out.md", "--github"),
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out.md").exists()


def test_a_file_that_was_there_is_replaced_as_a_whole(mgloss: Run, tmp_path: Path) -> None:
    names = {"--json": "out.json", "--junit": "out.xml", "--markdown": "out.md"}
    for name in names.values():
        (tmp_path / name).write_text("before " * 100_000, encoding="utf-8")
    asked = [word for pair in names.items() for word in pair]
    mgloss("check", f"{LOSSES}:plain", "--law", "pure", "--max-examples", 5, *asked)
    for name in names.values():
        assert "before" not in (tmp_path / name).read_text(encoding="utf-8")
    assert {p.name for p in tmp_path.iterdir()} == set(names.values())
