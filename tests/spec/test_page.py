"""spec/README.md: up to date, complete, and rendered as it is meant."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from mgspec import LAWS, NORMALIZATIONS
from mgspec.laws import BATCH_LAWS
from mgspec.page import explanation, page, without_links
from mgspec.page import laws as page_laws
from mgspec.page.__main__ import main
from mgspec.page.markdown import anchor, as_it_is
from mgspec.saved.witnesses import broken_pairs, witness_of

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "spec"
LINES = page().splitlines()
HEADING = re.compile(r"^(#{1,6}) (.*)$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def headings(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """(level, text) of every heading, those in fenced blocks left out."""
    fenced = False
    for line in lines:
        fenced ^= line.startswith("```")
        found = None if fenced else HEADING.match(line)
        if found:
            yield len(found[1]), found[2]


def rendered(text: str) -> str:
    """The text that a reader sees."""
    html = MarkdownIt().enable("table").render(text)
    plain = re.sub(r"<[^>]*>", "", html)
    for entity, character in (("lt", "<"), ("gt", ">"), ("quot", '"'), ("amp", "&")):
        plain = plain.replace(f"&{entity};", character)
    return plain.strip()


def test_the_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_page_is_told_and_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("old\n", encoding="utf-8")
    assert main(["--check"], tmp_path) == 1
    assert "run python -m mgspec.page" in capsys.readouterr().err
    assert readme.read_text(encoding="utf-8") == "old\n"
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    assert readme.read_text(encoding="utf-8") == page()


def test_nothing_is_written_where_there_is_no_source_tree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], tmp_path) == 1
    assert "source tree only" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_command_checks_the_page() -> None:
    result = subprocess.run([sys.executable, "-m", "mgspec.page", "--check"], check=False, cwd=SPEC)
    assert result.returncode == 0


def test_headings_are_one_title_then_sections_and_laws() -> None:
    found = list(headings(LINES))
    assert [level for level, _ in found if level == 1] == [1]
    assert found[0][0] == 1
    assert [heading for level, heading in found if level == 3] == list(LAWS)
    assert {level for level, _ in found} == {1, 2, 3}
    anchors = [anchor(heading) for _, heading in found]
    assert len(set(anchors)) == len(anchors)


@pytest.mark.parametrize("document", ["spec/README.md", "README.md"])
def test_every_link_leads_somewhere(document: str) -> None:
    path = ROOT / document
    links = LINK.findall(path.read_text(encoding="utf-8"))
    assert links
    for target in links:
        if target.startswith("http"):
            continue
        file, _, section = target.partition("#")
        there = path.parent / file if file else path
        assert there.exists(), target
        if section:
            known = headings(there.read_text(encoding="utf-8").splitlines())
            assert section in {anchor(heading) for _, heading in known}, target


@pytest.mark.parametrize("name", LAWS)
def test_a_law_reads_on_the_page_as_its_docstring_says_it(name: str) -> None:
    law = LAWS[name]
    start = LINES.index(f"### {name}")
    rest = LINES[start + 1 :]
    end = next((k for k, line in enumerate(rest) if line.startswith("#")), len(rest))
    seen = " ".join(rendered("\n".join(rest[:end])).split())
    for text in (law.statement, *law.sections.values()):
        assert text.replace("`", "") in seen
    for of_law, normalization in broken_pairs():
        if of_law == name:
            assert f"{normalization}: {witness_of(name, normalization).message}" in seen


@pytest.mark.parametrize(
    "text", ["a * b * c", "n_i and p_c", "|x| < 1 > y", "[B, H](x)", "~~a~~", "_a_ <b>"]
)
def test_special_characters_are_seen_as_they_are(text: str) -> None:
    assert rendered(as_it_is(text)) == text
    assert rendered(as_it_is(f"`{text}`")) == text


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_tables_have_equal_rows() -> None:
    tables = 0
    for before, line in itertools.pairwise(LINES):
        if line.startswith("|"):
            if before.startswith("|"):
                assert len(cells(line)) == len(cells(before)), line
            else:
                tables += 1
    assert tables >= 10


def test_the_tables_of_the_page_are_the_truth_table() -> None:
    def marks(lines: list[str]) -> dict[tuple[str, str], bool]:
        header, _, *rows = map(cells, lines)
        found = {}
        for law, *of_law in rows:
            for name, mark in zip(header[1:], of_law, strict=True):
                found[rendered(law), name] = {"✓": True, "✗": False}[mark]
        return found

    def obeyed(laws: Iterable[str], component: str) -> dict[tuple[str, str], bool]:
        return {
            (law, name): rule.obeys(law, component)
            for law in laws
            for name, rule in NORMALIZATIONS.items()
        }

    assert marks(page_laws.truth_table()) == obeyed(BATCH_LAWS, "location")
    differing = {"partition", "locality", "sharding"}
    assert marks(page_laws.constant_count_table()) == obeyed(differing, "anchor")
    assert "\n".join(page_laws.truth_table()) in page()


def test_a_law_says_what_it_needs() -> None:
    assert page_laws.needs(LAWS["partition"]) == []
    assert page_laws.needs(LAWS["locality"]) == ["needs gradients"]
    assert page_laws.needs(LAWS["resolution"]) == [
        "speaks of location and classification only",
        "needs `with_background` of a described problem",
        "needs batches of more than one detector",
    ]
    assert "needs a loss that can be run in several ways" in page_laws.needs(LAWS["modes"])
    assert any("follows the options" in s for s in page_laws.needs(LAWS["scales"]))


def test_a_proof_stands_under_its_law_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def written(name: str) -> list[str]:
        if name != "proofs/partition":
            raise FileNotFoundError(name)
        return ["Sum over images.", "Divide by B."]

    monkeypatch.setattr(page_laws, "written", written)
    with_proof = page_laws.law_text(LAWS["partition"])
    assert with_proof[-4:] == ["**Proof**", "", "Sum over images.", "Divide by B."]
    assert "**Proof**" not in page_laws.law_text(LAWS["sharding"])


@pytest.mark.parametrize("name", [None, *LAWS, *NORMALIZATIONS, "theorem", "choosing", "notation"])
def test_what_is_explained_in_a_terminal_has_no_links(name: str | None) -> None:
    section = explanation(name)
    lines = without_links(section.lines)
    assert lines
    assert not LINK.search("\n".join(lines))


TEXTS = sorted((SPEC / "mgspec" / "page").rglob("*.md"))


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.stem)
def test_every_text_written_by_hand_is_on_the_page(text: Path) -> None:
    assert f"\n{text.read_text(encoding='utf-8').strip()}\n" in page()


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="unknown law, normalization or topic 'chosing'; did you"):
        explanation("chosing")
