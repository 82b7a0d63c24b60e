"""Every command of examples/README.md gates its loss, and ends with the status told there."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.gate.conftest import ROOT, run_mgloss

README = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
GATED = re.findall(r"\| `mgloss (check .*?)` \| (\d)", README)
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def is_script(example: Path) -> bool:
    """Whether one runs the example itself, so that it is no loss to be gated."""
    return 'if __name__ == "__main__":' in example.read_text(encoding="utf-8")


def test_every_example_is_told_of() -> None:
    assert set(re.findall(r"\]\((\w+\.py)\)", README)) == {path.name for path in EXAMPLES}


def test_there_are_losses_of_four_frameworks_and_one_of_each_problem() -> None:
    files = {arguments.split()[1].partition(":")[0] for arguments, _ in GATED}
    assert len(files) >= 5
    assert files == {f"examples/{path.name}" for path in EXAMPLES if not is_script(path)}
    named = set(" ".join(arguments for arguments, _ in GATED).split())
    assert {"queries", "anchors", "grids", "proposals"} <= named


# A law that is broken takes longer to shrink than the others to hold; JAX compiles each shape.
QUICK = ("torch_scales", "torch_detr.py --", "numpy_fcos", "keras_yolo")


@pytest.mark.parametrize(
    "laws",
    [
        ("replication", "partition"),  # of values; gradients cost each framework several times more
        pytest.param(("replication", "partition", "locality"), marks=pytest.mark.nightly),
    ],
    ids=["values", "gradients"],
)
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        pytest.param(*gated, marks=[] if any(q in gated[0] for q in QUICK) else pytest.mark.nightly)
        for gated in GATED
    ],
)
def test_the_command_of_an_example_ends_as_told(
    arguments: str, status: str, laws: tuple[str, ...], tmp_path: Path
) -> None:
    # A few laws and examples show what all do: the losses are right, or wrong in most batches.
    more = [*(f"--law={law}" for law in laws), "--max-examples", "12", "--no-github"]
    if "--claims positives" in arguments:
        more.remove("--law=partition")  # which a loss that claims it need not obey
        more = [word for word in more if word != "--law=locality"]
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    result = run_mgloss(tmp_path, *shlex.split(arguments), *more)
    assert result.returncode == int(status), result.stdout + result.stderr
    assert "law" in result.stdout.splitlines()[-1]


def test_a_pytorch_loss_to_a_verdict_takes_ten_lines() -> None:
    text = (ROOT / "examples" / "torch_scales.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 10
