"""One check with every report, which the tests then read."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gate.conftest import LOSSES, run_mgloss

LAWS = ("finite", "partition", "sharding", "locality", "density_monotone", "density_neutral")


@dataclass(frozen=True)
class Reported:
    folder: Path
    result: subprocess.CompletedProcess[str]

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """`by_positives` under the laws of `batch`, which it breaks."""
    folder = tmp_path_factory.mktemp("reported")
    shutil.copy(LOSSES, folder / "mine.py")
    result = run_mgloss(
        folder,
        "check",
        "mine.py:by_positives",
        *(word for law in LAWS for word in ("--law", law)),
        "--max-examples",
        30,
        *("--json", "out.json", "--junit", "out.xml", "--markdown", "out.md"),
        *("--html", "out.html"),
        small=True,
    )
    assert result.returncode == 1, result.stdout + result.stderr
    return Reported(folder, result)
