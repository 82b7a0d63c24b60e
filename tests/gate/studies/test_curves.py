"""`mgloss curves`: what it says and writes, and what it makes of wrong requests."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mgloss.experiment import training
from tests.gate.conftest import Run, said


@pytest.mark.nightly
def test_it_trains_tells_writes_and_draws(mgloss: Run, tmp_path: Path) -> None:
    files = ("--json", "out.json", "--plot", "out.svg")
    result = mgloss(
        "curves", "--normalization", "grid", "--steps", "3", "--seeds", "2", *files, columns=80
    )
    assert result.returncode == 0, result.stderr
    text = said(result.stdout)
    assert "gap corr sparser denser fall F1 grid " in text
    assert "over 2 seed(s), 3 steps each" in text
    assert "have 2 images instead of 8" in text
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [(run["normalization"], run["seed"]) for run in document["runs"]] == [
        ("grid", 0),
        ("grid", 1),
    ]
    assert len(document["runs"][0]["loss"]) == document["setting"]["steps"] == 3
    assert document["summary"]["grid"]["gap"]["mean"] < 1e-6
    assert "<svg" in (tmp_path / "out.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--normalization", "btach"), "'batch'"),
        (("--seeds", "0"), "--seeds 0: expected 1 or more"),
        (("--steps", "1"), "--steps 1: expected 2 or more"),
        (("--plot", "out.gif"), "--plot out.gif: expected a name that ends in .png or .svg"),
        (("--json", "gone/out.json"), "--json gone/out.json: there is no folder gone"),
    ],
)
def test_a_wrong_request_ends_with_status_2(
    mgloss: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = mgloss("curves", *arguments)
    assert result.returncode == 2
    assert message in said(result.stderr)
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def trained() -> training.Run:
    """A run of three steps, on few scenes."""
    setting = training.Setting(steps=3, scenes=16, batch=4, every=3)
    return training.train("batch", 0, setting, lambda: None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_seen_before_an_interruption_is_kept(
    number: signal.Signals,
    trained: training.Run,
    mgloss: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(name: str, seed: int, setting: Any, progress: Callable[[], None]) -> Any:
        if seed:
            signal.raise_signal(number)
            progress()
        return trained

    monkeypatch.setattr(training, "train", interrupted)
    asked = ("--normalization", "batch", "--steps", "3", "--json", "out.json")
    result = mgloss("curves", *asked)
    assert result.returncode == 130, result.stderr
    assert "interrupted after 1 of 3 runs" in result.stdout
    assert len(json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["runs"]) == 1
