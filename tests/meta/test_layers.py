"""Layers: each imports only from those below it, and no files import each other in a circle.

`[tool.importlinter]` in pyproject.toml has the layers. Imports inside functions and under
TYPE_CHECKING count; what `importlib` imports by a name that is put together does not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
LINT = """
import sys
from importlinter.cli import lint_imports
sys.exit(lint_imports(sys.argv[1], no_cache=True))
"""


def lint(*folders: Path) -> subprocess.CompletedProcess[str]:
    """Check the packages in these folders against the contracts."""
    return subprocess.run(
        [sys.executable, "-c", LINT, str(ROOT / "pyproject.toml")],
        cwd=folders[0],  # Python looks here first
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_layer_imports_only_from_layers_below_it() -> None:
    result = lint(ROOT, ROOT / "spec")
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_file_imports_itself_through_others() -> None:
    graph = grimp.build_graph("mgloss", "mgspec", cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


GATE = "A layer of the gate imports only from layers below it"
MGLOSS = "A layer of mgloss imports only from layers below it"
SPECIFICATION = "A layer of the specification imports only from layers below it"
INDEPENDENT = "The specification knows neither mgloss nor a framework"
CIRCLES = "No modules and no packages import each other in a circle"


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("mgloss/gate/reports/junit.py", "import mgloss.gate.studies.diff", GATE),
        ("mgloss/gate/losses/problems.py", "import mgloss.gate.commands.cli", GATE),
        ("mgloss/gate/new_folder/__init__.py", "", GATE),
        ("mgloss/reference/boxes.py", "import mgloss.gate.losses.reference", MGLOSS),
        ("mgloss/reference/boxes.py", "import mgloss.data.detector", MGLOSS),
        ("mgloss/data/targets.py", "import mgloss.reference.boxes", MGLOSS),
        ("mgspec/problem/options.py", "import mgspec.loss.boxes", SPECIFICATION),
        ("mgspec/laws/law.py", "def late():\n    import mgspec.search.search", SPECIFICATION),
        ("mgspec/saved/files.py", "import mgspec.scaling.probes", SPECIFICATION),
        ("mgspec/loss/boxes.py", "def late():\n    import torch", INDEPENDENT),
        ("mgspec/page/laws.py", "import mgloss.reference.loss", INDEPENDENT),
        ("mgloss/data/detector.py", "import mgloss.data.object_counts", CIRCLES),
        (
            "mgspec/laws/law.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import mgspec.laws.batch",
            CIRCLES,
        ),
    ],
)
def test_a_planted_import_breaks_its_contract(
    file: str, line: str, broken: str, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "mgloss", tmp_path / "mgloss")
    shutil.copytree(ROOT / "spec" / "mgspec", tmp_path / "mgspec")
    planted = tmp_path / file
    planted.parent.mkdir(exist_ok=True)
    with planted.open("a", encoding="utf-8") as text:
        text.write(f"\n\n{line}\n")
    assert f"{broken} BROKEN" in lint(tmp_path).stdout
