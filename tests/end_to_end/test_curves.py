"""`mgloss curves` is ended by Ctrl-C or by the end of a CI job."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gate.conftest import environment

# A run that ends the process in its second step, after one that is whole.
INTERRUPTED = """
import os, signal, sys
import mgloss.experiment.training
from mgloss.gate.commands.cli import main

train, runs, number = mgloss.experiment.training.train, [], getattr(signal, sys.argv.pop())

def interrupted(name, seed, setting, progress):
    if runs:
        os.kill(os.getpid(), number)
    runs.append(train(name, seed, setting, progress))
    return runs[-1]

mgloss.experiment.training.train = interrupted
main()
"""


@pytest.mark.nightly  # tests/gate/studies sends the signals to its own process
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_what_was_seen_before_an_interruption_is_kept(tmp_path: Path, name: str) -> None:
    arguments = ["curves", "--normalization", "batch", "--steps", "2", "--json", "out.json"]
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *arguments, name],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 130, result.stderr
    assert "interrupted after 1 of 3 runs" in result.stdout
    assert len(json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["runs"]) == 1
