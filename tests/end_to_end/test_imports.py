"""What a command imports, and what it says where TensorFlow is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.gate.conftest import LOSSES, ROOT, environment, said


def test_an_explanation_needs_no_tensorflow() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from mgloss.gate.commands.cli import app;"
        "r = CliRunner().invoke(app, ['explain', 'partition']); assert r.exit_code == 0, r.output;"
        "print('HEAVY', *({'tensorflow', 'keras', 'pytest'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.strip() == "HEAVY"


def test_help_shows_examples_and_needs_no_tensorflow() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from mgloss.gate.commands.cli import app;"
        "r = CliRunner().invoke(app, ['--help']); print(r.output);"
        "print('HEAVY', *({'tensorflow', 'hypothesis', 'numpy', 'pytest'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "mgloss check my_loss.py:loss" in result.stdout
    assert result.stdout.strip().endswith("HEAVY")


def test_a_numpy_loss_is_checked_without_importing_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys; from mgloss.gate.losses.loading import load;"
        "from mgloss.gate.losses.request import LossRequest;"
        f"load(LossRequest({str(LOSSES) + ':by_batch'!r})); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'spec'}", "PATH": ""},
    )


# TensorFlow as it is where nobody installed it.
WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None
from mgloss.gate.commands.cli import main
main()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        "check",
        "identify",
        *(
            pytest.param(arguments, marks=pytest.mark.nightly)
            for arguments in ("check --law finite", "check -n 0", "baseline", "matrix")
        ),
    ],
)
def test_the_reference_without_tensorflow_is_refused_and_says_what_to_do(
    tmp_path: Path, arguments: str
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, *arguments.split()],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(),
        timeout=300,
    )
    assert result.returncode == 2
    assert "python -m pip install 'mgloss[tensorflow]'" in said(result.stderr)
    assert "or name a LOSS" in said(result.stderr)
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())
