"""What a hostile loss does is told with the batch that did it, and nothing else is harmed."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mgloss.gate.losses.importing import LoadError
from mgloss.gate.losses.request import LossRequest
from mgloss.gate.losses.worker.process import end_all, load_apart
from mgspec import LAWS, Batch, Verdict, search
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS
from tests.gate.conftest import Run, said, saved
from tests.gate.losses.worker.hostile import HOSTILE

FILE = Path(__file__).with_name("hostile.py")
TIMEOUT = 0.5  # seconds: those who hang do so for the whole of it, several times
HANGS = f"did not answer within {TIMEOUT} s (--timeout)"

# What is said of each; None for one that does no harm to its answers.
SAID: dict[str, str | None] = {
    "sleeps": HANGS,
    "loops": HANGS,
    "sleeps_in_c_and_keeps_the_lock": HANGS,
    "backtracks": HANGS,
    "stops_itself": HANGS,
    "ignores_signals_and_sleeps": HANGS,
    "waits_for_a_thread": HANGS,
    "exits_with_3": "ended its process with status 3",
    "exits_as_if_all_were_well": "ended its process with status 0",
    "raises_system_exit": "raised SystemExit: 0",
    "raises_keyboard_interrupt": "raised KeyboardInterrupt",
    "raises_generator_exit": "raised GeneratorExit: done",
    "is_killed": "was ended by SIGKILL",
    "kills_its_group": "was ended by SIGKILL",
    "has_a_segmentation_fault": "was ended by SIGSEGV",
    "aborts": "was ended by SIGABRT",
    "runs_out_of_processor_time": "was ended by SIG",
    "asks_for_too_much_memory": "raised MemoryError",
    "leaks": "raised MemoryError",
    "recurses": "raised RecursionError",
    "closes_every_file": "the loss ",
    "writes_to_every_file": "the loss ",
    "promises_a_huge_answer": "answered what is no answer",
    "answers_twice": None,
    "leaves_a_child": None,
    "writes_from_a_thread": "the loss ",
    "prints_much": None,
    "asks_a_question": "raised EOFError",
    "has_no_stdout": None,
    "spoils_json": "the loss ",
    "spoils_builtins": "the loss ",
    "spoils_numpy": "the loss ",
    "empties_its_modules": None,
    "leaves_the_folder": None,
    "makes_errors_of_warnings": None,
    "sleeps_at_exit": None,
    "seeds_everything": None,
    "spoils_its_inputs": "evaluations that wrote into their inputs",
    "returns_nan": "nan",
    "returns_other_components": "returned the components total where it had returned location",
    "returns_what_never_ends": HANGS,
    "raises_what_cannot_be_read": "(its message cannot be read)",
    "raises_a_long_story": "raised RuntimeError: ?[31magain and again",
    "depends_on_its_calls": "L(X)",
}


# No loss at all, which is seen before any law is asked.
REFUSED = {
    "returns_what_raises": "the loss returned Evil for total, which is no number",
    "returns_text": "returned str for total",
    "returns_a_huge_array": "returned shape [100, 1000, 1000] for total",
}


@pytest.fixture(autouse=True)
def _no_worker_is_left() -> Iterator[None]:
    before = _children()
    yield
    end_all()
    assert not _children() - before


def _children() -> set[int]:
    """The processes that this one has started and that still run."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    return set(map(int, children.read_text().split())) if children.exists() else set()


def verdict(name: str, law: str) -> Verdict:
    # One that is only slow, on a machine with much to do, has its time.
    timeout = TIMEOUT if SAID.get(name) == HANGS else 20
    asked = LossRequest(f"{FILE}:{name}", "batch", timeout=timeout, memory=2)
    candidate = load_apart(asked).candidate
    (found,) = search(LAWS[law], candidate, max_examples=20, seed=0)
    return found


def test_every_hostile_loss_is_judged() -> None:
    assert {*SAID, *REFUSED} == set(HOSTILE)
    assert set(SAID) > ON_EVERY_CHANGE


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_number_is_refused(name: str) -> None:
    with pytest.raises(LoadError, match=re.escape(REFUSED[name])):
        verdict(name, "pure")


# Each costs a process or two, and who hangs three time-outs. These stand for all on every change:
# one for each way in which the gate learns of it, or must not be harmed.
ON_EVERY_CHANGE = {
    *("sleeps_in_c_and_keeps_the_lock",),
    *("exits_as_if_all_were_well", "is_killed", "kills_its_group"),
    *("raises_keyboard_interrupt", "asks_for_too_much_memory", "recurses"),
    *("writes_to_every_file", "promises_a_huge_answer", "answers_twice", "prints_much"),
    *("leaves_a_child", "spoils_json", "leaves_the_folder", "sleeps_at_exit"),
    *("returns_other_components",),
    *("raises_what_cannot_be_read", "raises_a_long_story"),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n in ON_EVERY_CHANGE else pytest.mark.nightly) for n in SAID],
)
def test_what_it_does_is_told_with_the_batch(name: str) -> None:
    words = SAID[name]
    # A loss that answers now and then is judged where it does; the law finite tells of the rest.
    found = verdict(name, "finite" if name == "returns_other_components" else "pure")
    if words is None:
        assert found.status == HOLDS, found.message
        return
    assert found.status in (BROKEN, ERROR), found
    assert words in found.message
    assert len(found.message) < 600
    assert found.message.isprintable()
    assert found.finding is not None
    batches = [b for b in found.finding.case.batches.values() if isinstance(b, Batch)]
    if name != "returns_other_components":  # what it returns for one image is the surprise then
        assert max(batch.images for batch in batches) > 1


@pytest.mark.parametrize(
    "name",
    [
        "seeds_everything",
        pytest.param("is_killed", marks=pytest.mark.nightly),
        pytest.param("sleeps", marks=pytest.mark.nightly),
        pytest.param("leaks", marks=pytest.mark.nightly),
    ],
)
def test_the_gate_goes_on_as_before(name: str) -> None:
    random.seed(1)
    np.random.seed(1)
    before = (random.getstate(), np.random.get_state()[1].tolist(), Path.cwd(), dict(os.environ))
    verdict(name, "partition")
    after = (random.getstate(), np.random.get_state()[1].tolist(), Path.cwd(), dict(os.environ))
    assert after == before
    assert verdict("plain", "partition").status == HOLDS


def test_the_other_laws_are_finished(mgloss: Run, tmp_path: Path) -> None:
    few = ("--law", "finite", "--law", "pure", "--max-examples", 10)
    result = mgloss("check", f"{FILE}:sleeps", "--timeout", TIMEOUT, *few, apart=True)
    assert result.returncode == 1, result.stderr
    assert HANGS in said(result.stdout)
    assert "X: 2 images" in result.stdout
    assert "broken (finite)" in said(result.stdout)
    assert saved(tmp_path, "finite-loss.json").exists()


def test_a_loss_that_harms_on_import_is_refused(mgloss: Run, tmp_path: Path) -> None:
    harms = {
        "exits": ("import os; os._exit(7)", "ended its process with status 7"),
        "raises": ("raise SystemExit(7)", "SystemExit: 7"),
        "dies": ("import os; os.abort()", "was ended by SIGABRT"),
    }
    for name, (code, words) in harms.items():
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
        result = mgloss("check", f"{name}.py", apart=True)
        assert result.returncode == 2, result.stdout
        assert words in said(result.stderr)
        assert not (tmp_path / "mgloss-report").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--timeout", "0"), "--timeout 0: expected seconds, more than 0"),
        (("--timeout", "inf"), "--timeout inf: expected seconds"),
        (("--memory", "-1"), "--memory -1: expected GiB, more than 0"),
    ],
)
def test_wrong_limits_are_refused(mgloss: Run, arguments: tuple[str, ...], words: str) -> None:
    result = mgloss("check", f"{FILE}:plain", *arguments)
    assert result.returncode == 2
    assert words in said(result.stderr)


def test_a_worker_that_has_ended_is_started_anew_for_the_next_batch() -> None:
    asked = LossRequest(f"{FILE}:exits_with_3", "batch", timeout=5)
    candidate = load_apart(asked).candidate
    for law in ("pure", "partition"):
        (found,) = search(LAWS[law], candidate, max_examples=20, seed=0)
        assert found.status == ERROR
        assert "status 3" in found.message


def test_no_more_than_two_workers_run_at_once() -> None:
    before = _children()
    candidates = [
        load_apart(LossRequest(f"{FILE}:plain", "batch", timeout=t)).candidate for t in (5, 6, 7)
    ]
    assert len(_children() - before) == 2
    for candidate in candidates:
        assert search(LAWS["finite"], candidate, max_examples=2)[0].status == HOLDS
    assert len(_children() - before) == 2


@pytest.mark.nightly
def test_hanging_is_not_made_smaller_for_long() -> None:
    found = verdict("sleeps", "partition")
    assert found.examples < 20
    assert HANGS in found.message
