"""Ctrl-C, the end of a CI job, two gates in one folder: nothing is lost or half written."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mgspec.saved.counterexample import load
from tests.gate.conftest import LOSSES, environment

# Broken at once by the first law; later ones last for ever, and say so by a file.
SLOW = """
import time
from pathlib import Path

import numpy as np

CALLS = []

def loss(y_true, y_pred):
    CALLS.append(1)
    if len(CALLS) > {calls}:
        Path("slow").touch()
        time.sleep(0.1)
    positives = max(1, sum((t[..., 4] > 0.5).sum() for t in y_true))
    squares = sum(np.square(p[..., 2])[t[..., 4] > 0.5].sum() for t, p in zip(y_true, y_pred))
    return {{"location": squares / np.float32(positives)}}
"""


# Where these tests run in the background, the shell has made them deaf to Ctrl-C. The process
# itself mends that: before it starts would need a fork, which JAX in this process warns of.
HEARING = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('mgloss', run_name='__main__', alter_sys=True)"
)


def start(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HEARING, "check", *map(str, arguments)],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def workers_in(folder: Path) -> list[int]:
    """The processes of losses that run in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_worker = b"mgloss.gate.losses.worker" in (process / "cmdline").read_bytes()
            if is_worker and (process / "cwd").resolve() == folder.resolve():
                found.append(int(process.name))
        except OSError:  # it has ended
            continue
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")


@needs_proc
@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.nightly)]
)
def test_what_was_found_is_saved_and_reported(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW.format(calls=60), encoding="utf-8")
    # What breaks the first is small at once.
    laws = ("--law", "density_monotone", "--law", "finite", "-n", 0)
    asked = ("--max-examples", 100_000, "--json", "out.json", "--no-github")
    gate = start(tmp_path, "slow.py", *laws, *asked)
    wait_for((tmp_path / "slow").exists)
    assert workers_in(tmp_path)
    gate.send_signal(number)
    out, error = gate.communicate(timeout=60)
    assert gate.returncode == 130, out + error
    assert "Traceback" not in error
    assert "interrupted" in out
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    (broken,) = [v for v in document["verdicts"] if v["status"] == "broken"]
    assert broken["law"] == "density_monotone"
    assert load(tmp_path / broken["counterexample"]).law == "density_monotone"
    wait_for(lambda: not workers_in(tmp_path))


@needs_proc
@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.nightly)])
def test_no_process_of_a_loss_outlives_a_gate_that_is_killed(workers: int, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW.format(calls=50), encoding="utf-8")
    laws = ("--law", "finite", "--law", "pure", "-n", workers)
    gate = start(tmp_path, "slow.py", *laws, "--max-examples", 100_000)
    wait_for((tmp_path / "slow").exists)
    gate.kill()
    gate.communicate(timeout=60)
    wait_for(lambda: not workers_in(tmp_path))


@pytest.mark.nightly
def test_two_gates_in_one_folder_leave_whole_files(tmp_path: Path) -> None:
    laws = ("--law", "density_monotone", "--law", "resolution", "--law", "pure")
    asked = (
        *laws,
        "--max-examples",
        20,
        "--no-github",
        "--html",
        "page.html",
        "--json",
        "out.json",
    )
    gates = [start(tmp_path, f"{LOSSES}:{name}", *asked) for name in ("by_positives", "by_cells")]
    ends = [(*gate.communicate(timeout=240), gate.returncode) for gate in gates]
    assert [status for _, _, status in ends] == [1, 1], ends
    saved = sorted((tmp_path / "mgloss-report").glob("*/*.json"))
    assert len({path.parent for path in saved}) == 2
    assert saved
    for path in saved:
        assert load(path).law in path.name
    assert not [p for p in tmp_path.rglob(".*") if p.is_file()]
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert Path(document["loss"]).name in ("losses.py:by_positives", "losses.py:by_cells")
    assert (tmp_path / "page.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
