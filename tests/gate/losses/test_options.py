"""`mgloss check --options`: a loss that says which MultiGrid loss it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.gate.conftest import Run, saved

FOLLOWS = """
from dataclasses import replace

from mgspec import Batch, Options, specification

def loss(problem):
    def components(y_true, y_pred):
        batch = Batch(tuple(y_true), tuple(y_pred))
        return specification("batch", None).run(problem, batch, False).components

    return components

def with_giou(problem):
    return loss(replace(problem, options=Options(location="giou", ignore_thresh=0.6)))
"""
IN_TENSORFLOW = """
from mgloss import MultiGridLoss

def loss(problem):
    shape, options = problem.input_shape, problem.options
    return MultiGridLoss(problem.anchors, problem.num_classes, shape, options).components

def with_giou(problem):
    shape, chosen = problem.input_shape, {"location": "giou", "ignore_thresh": 0.6}
    return MultiGridLoss(problem.anchors, problem.num_classes, shape, **chosen).components
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(FOLLOWS, encoding="utf-8")
    options = {"location": "giou", "ignore_thresh": 0.6}
    (tmp_path / "giou.json").write_text(json.dumps(options), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "text", [FOLLOWS, pytest.param(IN_TENSORFLOW, marks=pytest.mark.nightly)], ids=["numpy", "tf"]
)
def test_a_factory_that_follows_the_options_is_judged_by_the_laws_of_the_layout(
    text: str, mgloss: Run, mine: Path
) -> None:
    (mine / "mine.py").write_text(text, encoding="utf-8")
    laws = [f"--law={name}" for name in ("scales", "ignoring", "oracle")]
    result = mgloss("check", "mine.py", "--options", "all", "--max-examples", 10, *laws)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 laws hold" in result.stdout


def test_a_loss_of_fixed_options_is_held_to_those_of_a_file(mgloss: Run, mine: Path) -> None:
    arguments = ("--law", "oracle", "--max-examples", 20)
    right = mgloss("check", "mine.py:with_giou", "--options", "giou.json", *arguments)
    assert right.returncode == 0, right.stdout + right.stderr
    wrong = mgloss("check", "mine.py:with_giou", *arguments)  # taken for the plain terms
    assert wrong.returncode == 1
    file = saved(mine, "oracle-location.json")
    problem = json.loads(file.read_text(encoding="utf-8"))["problem"]
    assert problem["options"]["location"] == "mse"


def test_laws_about_options_are_skipped_for_a_loss_that_does_not_follow_them(
    mgloss: Run, mine: Path
) -> None:
    result = mgloss("check", "mine.py:with_giou", "--options", "giou.json", "--law", "scales")
    assert result.returncode == 2
    assert "needs a loss that follows the options of the problem" in result.stdout


@pytest.mark.nightly
def test_the_reference_is_judged_under_the_options_of_a_file(mgloss: Run, mine: Path) -> None:
    arguments = ("--law", "oracle", "--max-examples", 10)
    result = mgloss("check", "--options", "giou.json", *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "objectness" not in result.stdout


WRONG = {
    "No such file": None,
    "not JSON": "{",
    "not a text file": b"\xff\xfe\x00",
    "expected a mapping of names to values, got list": "[1]",
    "unknown option 'locations'; did you mean 'location'": '{"locations": "giou"}',
    "ignore_thresh: expected a number from 0 to 1, got 2": '{"ignore_thresh": 2}',
    "the options say loss_normalization 'grid'": '{"loss_normalization": "grid"}',
}


@pytest.mark.parametrize("message", WRONG)
def test_options_that_are_none_are_refused(message: str, mgloss: Run, mine: Path) -> None:
    content = WRONG[message]
    if content is not None:
        data = content if isinstance(content, bytes) else content.encode()
        (mine / "wrong.json").write_bytes(data)
    result = mgloss("check", "mine.py", "--options", "wrong.json")
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (mine / "mgloss-report").exists()
