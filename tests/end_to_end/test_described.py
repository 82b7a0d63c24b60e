"""Losses of described problems in pytest runs of their users."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.gate.conftest import SAMPLES, Run, environment

LOSSES = SAMPLES / "described_losses.py"


def test_a_described_loss_in_tests_of_ones_own(tmp_path: Path) -> None:
    test = tmp_path / "test_mine.py"
    test.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(LOSSES.parent)!r})\n"
        "from described_losses import by_objects, problem\n"
        "from mgloss.testing import parametrize_with_laws\n\n\n"
        "@parametrize_with_laws(by_objects, problem=problem, max_examples=20,\n"
        "    laws=['partition', 'sharding', 'pure', 'finite'],\n"
        "    expected_failures={'partition': 'known', 'sharding': 'known'})\n"
        "def test_mine(check_law):\n    check_law()\n",
        encoding="utf-8",
    )
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", str(test)],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert "2 xfailed" in result.stdout


def test_a_described_loss_as_items_of_pytest(users_pytest: Run) -> None:
    asked = (f"--loss={LOSSES}:by_objects", f"--loss-problem={LOSSES}", "--law-examples=20")
    result = users_pytest(*asked, "-k", "partition or pure")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 failed, 1 passed" in result.stdout
    assert "true/box [1]" in result.stdout
