"""Every command tells what it does and shows how it is called."""

from __future__ import annotations

import pytest

from tests.gate.conftest import Run


@pytest.mark.parametrize(
    "command",
    [
        "check",
        "matrix",
        "explain",
        "replay",
        "diff",
        "identify",
        "baseline",
        "stats",
        "targets",
        "curves",
    ],
)
def test_every_command_has_help_with_examples(command: str, mgloss: Run) -> None:
    result = mgloss(command, "--help")
    assert result.returncode == 0
    assert "Examples:" in result.stdout
    assert f"mgloss {command}" in result.stdout
