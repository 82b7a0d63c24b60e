"""Running what is installed as a user does: in a process of its own, in a folder of its own."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.gate.conftest import ROOT, Run, environment, validated

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def run_mgloss(
    folder: Path, *arguments: object, columns: int = 120, **variables: object
) -> subprocess.CompletedProcess[str]:
    """Run `mgloss` in a process, with these arguments, in this folder."""
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
    return validated(folder, arguments, result)


@pytest.fixture
def mgloss(tmp_path: Path) -> Run:
    """Run `mgloss` in a process of its own, in the test's folder."""
    return partial(run_mgloss, tmp_path)


@pytest.fixture(scope="session")
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


def run_pytest(
    folder: Path, installed: dict[str, str], *arguments: object, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the pytest of a user who has installed mgloss, in this folder."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=300,
        env={**installed, **variables},
    )


@pytest.fixture
def users_pytest(tmp_path: Path, installed: dict[str, str]) -> Run:
    """Run the pytest of a user who has installed mgloss, in the test's folder."""
    return partial(run_pytest, tmp_path, installed)
