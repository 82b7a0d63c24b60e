"""Running the command as a user does: in a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOSSES = Path(__file__).parent / "losses.py"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def mgloss(tmp_path: Path) -> Run:
    def run(*arguments: object, columns: int = 120) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "HYPOTHESIS"))}
        path = os.pathsep.join((str(ROOT), str(ROOT / "spec")))
        return subprocess.run(
            [sys.executable, "-m", "mgloss", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            timeout=300,
            env={**kept, "PYTHONPATH": path, "COLUMNS": str(columns), "NO_COLOR": "1"},
        )

    return run
