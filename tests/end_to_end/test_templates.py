"""The templates as a user would try them: on a right loss and on a wrong one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gate.conftest import ROOT, environment

TEMPLATES = ROOT / "templates"
LOSS = """
import numpy as np

def loss(y_true, y_pred):
    squares = sum(np.square(p[..., :4])[t[..., 4] > 0.5].sum() for t, p in zip(y_true, y_pred))
    return {"location": squares / np.float32(DIVISOR)}
"""
RIGHT, WRONG = "len(y_true[0])", "max(1, sum((t[..., 4] > 0.5).sum() for t in y_true))"

# What lets a wrong loss in would let a right one in too.
JUDGED = pytest.mark.parametrize(
    ("divisor", "status"), [pytest.param(RIGHT, 0, marks=pytest.mark.nightly), (WRONG, 1)]
)

Written = Callable[[str], None]


def template(name: str) -> Any:
    return yaml.safe_load((TEMPLATES / name).read_text(encoding="utf-8"))


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has mgloss installed: `mgloss` and `pip` are commands."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, module in {"mgloss": "mgloss", "pre-commit": "pre_commit"}.items():
        command = commands / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        command.chmod(0o755)
    path = os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]])
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    who = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
    git = {f"GIT_{name}": "a@b.c" for name in who}
    return {**environment(), **home, **git, "PATH": path}


@pytest.fixture
def project(tmp_path: Path, variables: dict[str, str]) -> Path:
    """A user's repository, with the loss that the templates name."""
    folder = tmp_path / "project"
    (folder / "my_package").mkdir(parents=True)
    run(folder, variables, "git", "init", "--quiet", "--initial-branch=main")
    return folder


def run(folder: Path, variables: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=300
    )


def write(project: Path, divisor: str) -> None:
    file = project / "my_package" / "losses.py"
    file.write_text(LOSS.replace("DIVISOR", divisor), encoding="utf-8")


def commit(project: Path, variables: dict[str, str]) -> None:
    for command in (("add", "-A"), ("commit", "--quiet", "-m", "a loss")):
        assert run(project, variables, "git", *command).returncode == 0


@pytest.mark.parametrize(
    ("schema", "name"),
    [("vendor.github-workflows", "github-actions.yml"), ("vendor.gitlab-ci", "gitlab-ci.yml")],
)
def test_a_template_is_what_its_service_takes(
    schema: str, name: str, tmp_path: Path, variables: dict[str, str]
) -> None:
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema)
    assert run(tmp_path, variables, *command, str(TEMPLATES / name)).returncode == 0
    wrong = tmp_path / name
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    wrong.write_text(re.sub(r"^( *)(runs-on|script):", r"\1\2x:", text, flags=re.M))
    assert run(tmp_path, variables, *command, str(wrong)).returncode == 1


def test_the_workflow_of_this_repository_is_what_github_takes() -> None:
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema")
    workflow = ROOT / ".github" / "workflows" / "ci.yml"
    subprocess.run([*command, "vendor.github-workflows", str(workflow)], check=True)


def test_the_hooks_of_this_repository_are_a_valid_configuration() -> None:
    command = (sys.executable, "-m", "pre_commit", "validate-config")
    subprocess.run([*command, str(ROOT / ".pre-commit-config.yaml")], check=True)


@pytest.mark.nightly
@JUDGED
def test_the_steps_of_the_github_workflow(
    divisor: str, status: int, project: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    write(project, divisor)
    workflow = template("github-actions.yml")
    steps = {s["name"]: s for s in workflow["jobs"]["mgloss"]["steps"] if "name" in s}
    summary = tmp_path / "summary.md"
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    surroundings = {**variables, **workflow["env"], **github}
    # Its examples cost the most time; a dozen show what a hundred do.
    command = f"{steps['Judge the loss']['run']} --max-examples 12"
    result = run(project, surroundings, "bash", "-eo", "pipefail", "-c", command)
    assert result.returncode == status, result.stdout + result.stderr
    assert "laws hold" in summary.read_text(encoding="utf-8")
    assert ("::error file=my_package/losses.py" in result.stdout) == bool(status)
    for name in steps["Keep what was found"]["with"]["path"].split():
        assert list(project.glob(name.rstrip("/"))) or not status, name


@pytest.mark.nightly
def test_the_github_workflow_compares_with_main(project: Path, variables: dict[str, str]) -> None:
    write(project, RIGHT)
    commit(project, variables)
    run(project, variables, "git", "update-ref", "refs/remotes/origin/main", "HEAD")
    workflow = template("github-actions.yml")
    step = workflow["jobs"]["same-loss"]["steps"][-1]
    surroundings = {**variables, **workflow["env"]}

    def status() -> int:
        return run(project, surroundings, "bash", "-ec", step["run"]).returncode

    assert status() == 0
    write(project, WRONG)
    assert status() == 1


@JUDGED
def test_the_script_of_the_gitlab_job(
    divisor: str, status: int, project: Path, variables: dict[str, str]
) -> None:
    write(project, divisor)
    job = template("gitlab-ci.yml")["mgloss"]
    install, check = job["script"]
    assert install.startswith("python -m pip install ")
    surroundings = {**variables, **job["variables"]}
    # Two laws of all show whether it is judged and how that is told.
    few = "--max-examples 12 --law sharding --law pure"
    result = run(project, surroundings, "sh", "-ec", f"{check} {few}")
    assert result.returncode == status, result.stdout + result.stderr
    junit = (project / job["artifacts"]["reports"]["junit"]).read_text(encoding="utf-8")
    assert ("<failure" in junit) == bool(status)


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_what_a_template_installs_can_be_installed(name: str) -> None:
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    extras = set(re.search(r'pip install "\$MGLOSS\[(.*?)\]"', text)[1].split(","))  # type: ignore[index]
    said = re.search(r"FRAMEWORK: (\w+)  # or (\w+), (\w+);.*\"(\w+)\"", text)
    assert said is not None
    known = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    assert {*said.groups(), *extras - {"$FRAMEWORK"}} <= set(known)


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_pre_commit_hook_lets_a_right_loss_in_and_no_wrong_one(
    project: Path, variables: dict[str, str]
) -> None:
    shutil.copy(TEMPLATES / "pre-commit-config.yaml", project / ".pre-commit-config.yaml")
    assert run(project, variables, "pre-commit", "validate-config").returncode == 0
    assert run(project, variables, "pre-commit", "install").returncode == 0
    write(project, RIGHT)
    commit(project, variables)
    write(project, WRONG)
    run(project, variables, "git", "add", "-A")
    refused = run(project, variables, "git", "commit", "-m", "by positives")
    assert refused.returncode == 1
    assert "X: 1 image" in refused.stdout + refused.stderr
    (project / "notes.txt").write_text("nothing of the loss")
    run(project, variables, "git", "restore", "--staged", "--worktree", "my_package")
    run(project, variables, "git", "add", "-A")
    passed = run(project, variables, "git", "commit", "-m", "notes")
    assert passed.returncode == 0
    assert "Skipped" in passed.stdout + passed.stderr
