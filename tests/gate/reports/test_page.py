"""The page in a real browser: it renders, at any width, in light and dark, for everyone."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from mgspec import LAWS as ALL_LAWS
from mgspec import NORMALIZATIONS
from tests.gate.conftest import run_mgloss, saved
from tests.gate.reports.browser import CHROMIUM, NARROW, SCHEMES, WIDE, opened, started
from tests.gate.reports.conftest import LAWS, Reported
from tests.gate.reports.losses import HOSTILE

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

HOSTILE_LOSS = Path(__file__).with_name("losses.py")
# The narrow one is the harder to fit, and the dark one the harder to read.
SCREENS = [
    (NARROW, "dark"),
    *(
        pytest.param(*pair, marks=pytest.mark.nightly)
        for pair in ((NARROW, "light"), (WIDE, "light"), (WIDE, "dark"))
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def page_file(reported: Reported) -> Path:
    return reported.folder / "out.html"


@pytest.fixture(scope="module")
def hostile_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copy(HOSTILE_LOSS, folder / "<b>{{ 7 * 7 }}&amp;.py")
    result = run_mgloss(
        folder,
        *("check", "<b>{{ 7 * 7 }}&amp;.py:hostile", "--law", "finite", "--law", "pure"),
        *("--html", "out.html"),
    )
    assert result.returncode == 1, result.stderr
    return folder / "out.html"


@pytest.fixture(scope="module")
def page(page_file: Path, browser: Browser) -> Iterator[Page]:
    """The report on a wide and light screen, for tests that only read it."""
    with opened(browser, page_file) as (page, _):
        yield page


@pytest.fixture(scope="module")
def hostile_page(hostile_file: Path, browser: Browser) -> Iterator[Page]:
    """What is said of a hostile loss on a narrow screen, for tests that only read it."""
    with opened(browser, hostile_file, NARROW) as (page, _):
        yield page


@pytest.fixture(params=["reported", "hostile"])
def either(request: pytest.FixtureRequest, page_file: Path, hostile_file: Path) -> Path:
    return page_file if request.param == "reported" else hostile_file


def widest(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_nothing_is_wider_than_the_screen(
    either: Path, width: int, scheme: str, browser: Browser
) -> None:
    with opened(browser, either, width, scheme) as (page, _):
        assert widest(page) == width
        for figure in page.locator("svg, h1, h2, h3, p, li, figure").all():
            box = figure.bounding_box()
            if box is not None:
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= width


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_it_is_accessible_and_has_contrast(
    either: Path, width: int, scheme: str, browser: Browser
) -> None:
    with opened(browser, either, width, scheme, scripts=True) as (page, _):
        for details in page.locator("summary").all():
            details.click()
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        passed = {rule["id"] for rule in found.response["passes"]}
        assert {"color-contrast", "html-has-lang", "heading-order", "svg-img-alt"} <= passed


def luminance(color: str) -> float:
    channels = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_figures_have_contrast_too(page_file: Path, scheme: str, browser: Browser) -> None:
    with opened(browser, page_file, scheme=scheme) as (page, _):

        def color(selector: str, of: str) -> str:
            script = f"element => getComputedStyle(element).{of}"
            return str(page.locator(selector).first.evaluate(script))

        paper = color("body", "backgroundColor")
        assert (luminance(paper) > 0.5) is (scheme == "light")
        assert contrast(color(".plot text", "fill"), paper) >= 4.5
        assert contrast(color(".grid text", "fill"), color(".grid .object", "fill")) >= 4.5
        assert contrast(color(".grid .cells", "stroke"), paper) >= 3
        assert contrast(color("a", "color"), paper) >= 4.5
        lines = page.locator('.plot [id*="line2d"] > path[clip-path]').all()
        strokes = [line.evaluate("e => getComputedStyle(e).stroke") for line in lines]
        drawn = [stroke for stroke in strokes if contrast(stroke, paper) >= 3]
        assert len(drawn) >= 8


def test_it_tells_the_verdicts_in_a_table_with_headers(page: Page) -> None:
    table = page.locator("table.verdicts")
    header = [cell.inner_text() for cell in table.locator("thead th[scope=col]").all()]
    assert header == ["law", "location", "anchor", "classification", "examples"]
    rows = {}
    for row in table.locator("tbody tr").all():
        law = row.locator("th[scope=row]").inner_text()
        rows[law] = [cell.inner_text() for cell in row.locator("td").all()]
    assert list(rows) == list(LAWS)
    assert rows["finite"] == ["✓ holds", "✓ holds", "✓ holds", "30"]
    assert rows["partition"][:3] == ["✗ broken", "✓ holds", "✗ broken"]
    assert rows["locality"] == ["skipped", "skipped", "skipped", ""]
    assert "says nothing of it" in rows["density_monotone"][1]


def test_headings_are_in_order_and_name_the_loss_once(page: Page) -> None:
    assert page.title() == "mgloss: mine.py:by_positives"
    levels = [
        int(heading.evaluate("e => e.tagName[1]"))
        for heading in page.locator("h1, h2, h3, h4, h5").all()
    ]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_a_broken_law_is_told_in_full_and_its_batches_are_drawn(
    page_file: Path, browser: Browser
) -> None:
    law = ALL_LAWS["partition"]
    with opened(browser, page_file, NARROW) as (page, _):
        told = page.locator("article[aria-labelledby=law-partition]")
        said = " ".join(told.inner_text().split())
        for part in (
            law.statement,
            law.sections["Formula"],
            law.sections["Why it matters"],
            "location: L(X + Y) = 1, expected 0.5",
            "classification: L(X + Y) = 0.69",
            "target x=0.5 y=0.5 w=0 h=0 anchor 0 class 0 predicted h=1, else 0",
            "mgloss replay mgloss-report/mine.by_positives-batch/partition-location.json "
            "--loss mine.py:by_positives",
        ):
            assert part in said
        empty, one = told.locator("svg.grid").all()
        assert empty.get_attribute("aria-label") == "image 0, scale 0: 1 × 1 cells, no object"
        assert one.get_attribute("aria-label") == (
            "image 0, scale 0: 1 × 1 cells, 1 object at row 0, column 0"
        )
        assert empty.locator("rect.object").count() == 0
        assert one.locator("text").text_content() == "1"
        box, mark = one.bounding_box(), one.locator("rect.object").bounding_box()
        assert box is not None
        assert mark is not None
        assert box["x"] <= mark["x"]
        assert mark["x"] + mark["width"] <= box["x"] + box["width"]
        assert mark["width"] >= 24


def test_every_counterexample_is_drawn_with_each_cell_where_it_is(
    reported: Reported, page: Page
) -> None:
    from mgspec.saved.counterexample import load

    for law in ("partition", "sharding", "density_monotone"):
        case = load(saved(reported.folder, f"{law}-location.json")).case
        grids = page.locator(f"article[aria-labelledby=law-{law}] svg.grid").all()
        drawn = iter(grids)
        for batch in case.batches.values():
            for image in range(batch.images):
                for mask in batch.masks():
                    grid = next(drawn)
                    frame = grid.locator("rect.cells").bounding_box()
                    assert frame is not None
                    rows, columns = mask[image].shape
                    found = set()
                    for mark in grid.locator("rect.object").all():
                        box = mark.bounding_box()
                        assert box is not None
                        across = (box["x"] - frame["x"]) / frame["width"] * columns
                        down = (box["y"] - frame["y"]) / frame["height"] * rows
                        found.add((round(down), round(across)))
                    assert found == {
                        (row, column)
                        for row in range(rows)
                        for column in range(columns)
                        if mask[image][row, column]
                    }
        assert next(drawn, None) is None


def test_the_plots_show_the_loss_beside_every_normalization(page: Page) -> None:
    titles = ("Loss against batch size", "Loss against density")
    for number, title in enumerate(titles, start=1):
        article = page.locator(f"article[aria-labelledby=plot-{number}]")
        assert article.locator("h3").inner_text() == title
        plot = article.locator("svg.plot[role=img]")
        assert title in str(plot.get_attribute("aria-label"))
        words = " ".join(plot.locator("text").all_text_contents())
        for name in ("this loss", *NORMALIZATIONS):
            assert re.search(rf"\b{name}\b", words)
    said = page.locator("section[aria-labelledby=grows]").inner_text()
    assert "its location grows as under positives, batch, hybrid, grid" in said
    assert "its location grows as under positives, fixed, per_image" in said
    ids = page.locator("[id]").evaluate_all("all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_it_asks_for_nothing_from_anywhere(either: Path, browser: Browser) -> None:
    with opened(browser, either, scripts=True) as (page, asked):
        page.wait_for_load_state("networkidle")
        assert asked == []
        assert page.locator("script, iframe, link, img, object, embed, form").count() == 0


def test_what_a_loss_says_stays_text(hostile_file: Path, browser: Browser) -> None:
    with opened(browser, hostile_file, scripts=True) as (page, _):
        assert page.locator("h1").inner_text() == "<b>{{ 7 * 7 }}&amp;.py:hostile"
        assert page.title() == "mgloss: <b>{{ 7 * 7 }}&amp;.py:hostile"
        messages = page.locator(".messages").first
        assert HOSTILE in messages.inner_text()
        assert messages.locator("li").count() == 1
        assert page.locator(".messages *:not(li)").count() == 0


def test_a_law_without_a_number_is_told_once(hostile_page: Page) -> None:
    told = hostile_page.locator("article[aria-labelledby=law-pure]").inner_text()
    assert "No verdict, for the reason above." in told
    assert hostile_page.locator(".messages").count() == 1


def test_a_loss_that_cannot_be_plotted_says_why(hostile_page: Page) -> None:
    said = hostile_page.locator("section[aria-labelledby=grows]").inner_text()
    assert "No value at 1: the loss raised ValueError" in said
    assert "grows as under" not in said
