"""The tables of README.md list what is registered in the code, and its links lead to files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import tables

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")


def test_the_tables_of_the_readme_are_up_to_date() -> None:
    assert tables.main(["--check"]) == 0


def test_a_table_that_is_out_of_date_fails_the_check_and_is_rewritten(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    right = tables.README.read_text(encoding="utf-8")
    file.write_text(right.replace("| `torch` |", "| `pytorch` |"), encoding="utf-8")
    assert tables.main(["--check"], file) == 1
    assert tables.main([], file) == 0
    assert file.read_text(encoding="utf-8") == right


@pytest.mark.parametrize("registry", tables.REGISTRIES)
def test_a_readme_without_a_table_is_refused(registry: str, tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    right = tables.README.read_text(encoding="utf-8")
    file.write_text(right.replace(f"registry: {registry}", "nothing"), encoding="utf-8")
    with pytest.raises(ValueError, match=registry):
        tables.main([], file)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_links_to_files_that_exist(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_a_page_names_files_that_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    names = re.findall(
        r"`((?:mgloss|spec|tests|docs|examples|templates|benchmarks)/[\w/.-]+)`", text
    )
    assert names
    assert [name for name in names if not (ROOT / name).exists()] == []
