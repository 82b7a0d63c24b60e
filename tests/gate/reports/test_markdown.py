"""Markdown as GitHub and others render it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mgloss.gate.reports.markdown import fence, span
from mgspec import LAWS
from tests.gate.conftest import Run
from tests.gate.reports.conftest import Reported
from tests.gate.reports.losses import HOSTILE

HOSTILE_LOSS = Path(__file__).with_name("losses.py")
RENDERER = MarkdownIt("commonmark", {"html": True}).enable("table")

# What Markdown, HTML and GitHub give a meaning to, more often than chance would.
FOREIGN = st.text(
    st.sampled_from("`~|<>&\\*_[]()#!@ \n\r\tabc")
    | st.characters(codec="utf-8", exclude_characters="\0")
)


def rendered(text: str) -> list[tuple[str, str]]:
    """The leaves of what is rendered: kind and content."""
    blocks = [token for token in RENDERER.parse(text) if token.children or token.nesting == 0]
    leaves = [leaf for block in blocks for leaf in block.children or [block]]
    return [(leaf.type, leaf.content) for leaf in leaves]


def test_it_holds_the_verdicts_and_each_broken_law_in_full(reported: Reported) -> None:
    text = reported.text("out.md")
    assert text.startswith("## mgloss: ✗ 3 laws broken, ✓ 2 laws hold\n")
    html = RENDERER.render(text)
    assert "<td><code>partition</code></td>" in html
    assert '<td style="text-align:center">✗ broken</td>' in html
    for part in (
        LAWS["partition"].statement,
        "location: L(X + Y) = 1, expected 0.5",
        "X: 1 image, 0 objects (# = cell with an object)",
        "mgloss replay mgloss-report/mine.by_positives-batch/partition-location.json "
        "--loss mine.py:by_positives",
        "needs gradients, and this loss has none",
    ):
        assert part in text


def test_every_row_of_the_table_has_a_cell_for_each_column(reported: Reported) -> None:
    rows = [line for line in reported.text("out.md").splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1
    assert "| `density_monotone` | ✗ broken | · | ✗ broken |" in reported.text("out.md")


def test_what_a_loss_says_stays_text(mgloss: Run, tmp_path: Path) -> None:
    shutil.copy(HOSTILE_LOSS, tmp_path / "a|b`c``<b>@d.py")
    name = "a|b`c``<b>@d.py:hostile"
    mgloss("check", name, "--law", "finite", "--markdown", "out.md")
    leaves = rendered((tmp_path / "out.md").read_text(encoding="utf-8"))
    assert {kind for kind, _ in leaves} & {"html_block", "html_inline", "link_open", "image"} == (
        set()
    )
    assert ("code_inline", name) in leaves
    holding = [kind for kind, content in leaves if HOSTILE in content]
    assert holding
    assert set(holding) == {"fence"}


@given(FOREIGN)
def test_a_span_is_a_code_span_with_the_same_words(said: str) -> None:
    (leaf,) = (leaf for leaf in rendered(f"before {span(said)} after") if leaf[0] != "text")
    kind, content = leaf
    assert kind == "code_inline"
    assert content.split() == said.split()


@given(st.lists(FOREIGN), FOREIGN)
def test_a_fence_holds_every_line_and_nothing_after_it(said: list[str], after: str) -> None:
    leaves = rendered("\n".join([*fence([*said, after]), "", "the end"]))
    assert [kind for kind, _ in leaves if kind in ("fence", "text")] == ["fence", "text"]
    assert leaves[-1] == ("text", "the end")


@pytest.mark.parametrize("said", ["a`b", "``", "`", "", "a\n\nb", " "])
def test_a_span_of_hard_text_is_one_line(said: str) -> None:
    assert "\n" not in span(said)
    assert rendered(span(said))[0][0] == "code_inline"
