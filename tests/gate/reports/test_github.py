"""Annotations and the summary, read by the rules of GitHub's runner."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgloss.gate.reports.github import LARGEST_SUMMARY, add_summary, command
from mgspec import LAWS
from tests.gate.conftest import LOSSES, Run
from tests.gate.reports.losses import HOSTILE

HOSTILE_LOSS = Path(__file__).with_name("losses.py")

# In the order in which the runner undoes them: "%25" last.
OF_A_MESSAGE = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
OF_A_PROPERTY = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))

Command = tuple[str, dict[str, str], str]


def unescaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for escaped, meant in escapes:
        text = text.replace(escaped, meant)
    return text


def commands(output: str) -> list[Command]:
    """The commands that the runner obeys in this output: name, properties, message."""
    obeyed, waiting_for = [], None
    for line in re.split(r"\r\n|\r|\n", output):
        found = re.fullmatch(r"\s*::([^: ]+)(?: (.*?))?::(.*)", line)
        if found is None:
            continue
        name, given, message = found[1], found[2] or "", found[3]
        if waiting_for is not None:
            if name == waiting_for:
                waiting_for = None
            continue
        if name == "stop-commands":
            waiting_for = message
            continue
        pairs = (pair.partition("=") for pair in given.split(",") if pair)
        properties = {key: unescaped(value, OF_A_PROPERTY) for key, _, value in pairs}
        obeyed.append((name, properties, unescaped(message, OF_A_MESSAGE)))
    return obeyed


def test_each_broken_law_is_an_annotation_of_the_losss_file(mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    shutil.copy(LOSSES, tmp_path / "src" / "mine.py")
    result = mgloss(
        *("check", "src/mine.py:by_positives", "--law", "partition", "--law", "finite"),
        *("--law", "density_monotone", "--github"),
        small=True,
    )
    assert result.returncode == 1
    first, second = commands(result.stdout)
    name, properties, message = first
    assert (name, properties) == (
        "error",
        {"file": "src/mine.py", "title": "mgloss: partition"},
    )
    statement, *said = message.splitlines()
    assert statement == LAWS["partition"].statement
    assert said[0].startswith("location: L(X + Y) = 1, expected 0.5")
    assert second[1]["title"] == "mgloss: density_monotone"


def test_a_module_is_annotated_by_its_path_in_the_repository(mgloss: Run, tmp_path: Path) -> None:
    package = tmp_path / "src" / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    shutil.copy(LOSSES, package / "mine.py")
    arguments = ("check", "package.mine:raises", "--law", "finite", "--github")
    environment = {"GITHUB_WORKSPACE": tmp_path}
    from tests.gate.conftest import run_mgloss

    result = run_mgloss(tmp_path / "src", *arguments, **environment)
    ((_, properties, _),) = commands(result.stdout)
    assert properties["file"] == "src/package/mine.py"
    elsewhere = mgloss("check", f"{LOSSES}:raises", "--law", "finite", "--github")
    ((_, properties, _),) = commands(elsewhere.stdout)
    assert set(properties) == {"title"}


def test_in_a_step_of_github_it_annotates_unless_told_not_to(mgloss: Run, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    surroundings = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": summary}
    arguments = ("check", f"{LOSSES}:raises", "--law", "finite")

    assert commands(mgloss(*arguments, "--no-github", **surroundings).stdout) == []
    assert not summary.exists()
    assert commands(mgloss(*arguments).stdout) == []

    summary.write_text("# What came before\n", encoding="utf-8")
    assert len(commands(mgloss(*arguments, **surroundings).stdout)) == 1
    mgloss(*arguments, "--github", "--markdown", "out.md", **surroundings)
    report = (tmp_path / "out.md").read_text(encoding="utf-8")
    assert summary.read_text(encoding="utf-8") == f"# What came before\n{report}{report}"


def test_a_loss_that_holds_is_not_annotated_but_summed_up(mgloss: Run, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    result = mgloss(
        *("check", f"{LOSSES}:plain", "--law", "pure", "--github"), GITHUB_STEP_SUMMARY=summary
    )
    assert result.returncode == 0
    assert commands(result.stdout) == []
    assert summary.read_text(encoding="utf-8").startswith("## mgloss: ✓ 1 law holds\n")


@pytest.mark.parametrize("columns", [40, 60, 83, 120])
def test_a_loss_gives_no_command_wherever_its_words_are_wrapped(columns: int, mgloss: Run) -> None:
    result = mgloss(
        *("check", f"{HOSTILE_LOSS}:hostile", "--law", "finite", "--github"), columns=columns
    )
    ((name, properties, message),) = commands(result.stdout + result.stderr)
    assert (name, properties) == ("error", {"title": "mgloss: finite"})
    assert HOSTILE in message


def test_a_request_that_is_refused_lets_commands_go_on(mgloss: Run) -> None:
    result = mgloss("check", "nothing.py", "--github", "--traceback")
    assert result.returncode == 2
    first, *_, last = result.stdout.splitlines()
    assert last == f"::{first.removeprefix('::stop-commands::')}::"


FOREIGN = st.text(st.sampled_from(":,=%\r\n\x0b\u2028 25ADC") | st.characters(codec="utf-8"))


@given(FOREIGN.filter(str.strip), FOREIGN)
def test_any_text_comes_through_as_it_was(title: str, message: str) -> None:
    ((name, properties, said),) = commands(command({"file": None, "title": title}, message))
    assert name == "error"
    assert list(properties) == ["title"]
    assert properties["title"] == "\n".join(title.splitlines())
    assert said == "\n".join(message.splitlines())


def test_a_summary_too_long_for_github_is_cut_to_its_headline(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    add_summary(path, "## first\n" + "x" * (LARGEST_SUMMARY - 100) + "\n")
    add_summary(path, "## second\n" + "y" * 1_000 + "\n")
    assert path.stat().st_size <= LARGEST_SUMMARY
    assert path.read_text(encoding="utf-8").endswith("## second\n\nToo long for a summary.\n")
