"""`mgloss --version` prints what an issue about mgloss has to say of versions."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner

import mgloss
from mgloss.gate.commands.cli import app
from mgloss.gate.losses import versions
from tests.gate.conftest import ROOT


def printed() -> dict[str, str]:
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    return dict(line.split(" ", 1) for line in result.stdout.splitlines())  # type: ignore[misc]


def test_the_first_lines_are_mgloss_and_python() -> None:
    assert list(printed())[:2] == ["mgloss", "python"]
    assert printed()["mgloss"] == mgloss.__version__
    assert printed()["python"].startswith(".".join(map(str, sys.version_info[:3])))


@pytest.mark.parametrize("name", ["numpy", "hypothesis", "tensorflow", "torch", "jax"])
def test_a_package_that_is_installed_is_printed_with_its_version(name: str) -> None:
    assert printed()[name] == metadata.version(name)


def test_a_framework_that_is_missing_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "find_spec", lambda name: None if name == "jax" else object())
    assert "jax" not in printed()
    assert "torch" in printed()


def test_a_package_installed_under_another_name_has_an_unknown_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(versions.FRAMEWORKS, "flax_of_elsewhere", None)
    monkeypatch.setattr(versions, "find_spec", lambda name: object())
    assert printed()["flax_of_elsewhere"] == "unknown"


def test_no_framework_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from mgloss.gate.losses.versions import list_installed\n"
        "list(list_installed())\n"
        "print(*{'tensorflow', 'torch', 'jax'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "spec")))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == ""
