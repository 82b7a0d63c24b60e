"""Running what is installed as a user does: in a process of its own, in a folder of its own.

Every JSON that a check writes here is held to its schema.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jsonschema
import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
LOSSES = Path(__file__).parent / "losses.py"

Run = Callable[..., subprocess.CompletedProcess[str]]

SCHEMA_FILE = ROOT / "mgloss" / "gate" / "reports" / "verdicts.schema.json"
SCHEMA = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
OF_THE_SURROUNDINGS = ("PYTEST", "HYPOTHESIS", "GITHUB")


def run_mgloss(
    folder: Path, *arguments: object, columns: int = 120, **variables: object
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [sys.executable, "-m", "mgloss", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=300,
        env={
            **environment(),
            "COLUMNS": str(columns),
            **{name: str(value) for name, value in variables.items()},
        },
    )
    if arguments[0] == "check" and "--json" in arguments and result.returncode != 2:
        written = folder / str(arguments[arguments.index("--json") + 1])
        jsonschema.validate(json.loads(written.read_text(encoding="utf-8")), SCHEMA)
    return result


def said(text: str) -> str:
    """What is printed, however its lines are broken."""
    return " ".join(text.split())


def environment(*folders: Path) -> dict[str, str]:
    """That of a user whose Python finds this source tree, and these folders."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OF_THE_SURROUNDINGS)}
    path = os.pathsep.join(map(str, (ROOT, ROOT / "spec", *folders)))
    return {**kept, "PYTHONPATH": path, "COLUMNS": "120", "NO_COLOR": "1"}


@pytest.fixture
def mgloss(tmp_path: Path) -> Run:
    return partial(run_mgloss, tmp_path)


@pytest.fixture
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user who has installed this source tree: pytest finds its plugin."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    folder = tmp_path_factory.mktemp("site")
    metadata = folder / "mgloss-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mgloss\nVersion: 0\n")
    lines = [f"{name} = {place}" for name, place in project["entry-points"]["pytest11"].items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines, ""]))
    return environment(folder)


@pytest.fixture
def users_pytest(tmp_path: Path, installed: dict[str, str]) -> Run:
    def run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            timeout=300,
            env={**installed, **variables},
        )

    return run
