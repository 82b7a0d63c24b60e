"""The registries of frameworks and problems agree with what they stand for."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from mgloss.gate.losses.adapters.frameworks import FRAMEWORKS, NUMPY
from mgloss.gate.losses.adapters.starting import start_adapter
from mgloss.gate.losses.problem_names import BUILT_IN_PROBLEMS
from mgspec.problem.descriptions import BUILT_IN
from tests.gate.conftest import ROOT, Run, environment

EVERY_FRAMEWORK = pytest.mark.parametrize("name", FRAMEWORKS)


@EVERY_FRAMEWORK
def test_an_adapter_has_the_name_of_its_framework(name: str) -> None:
    assert start_adapter(name).name == name


@EVERY_FRAMEWORK
def test_an_adapter_stacks_what_a_snippet_makes_and_knows_it_as_its_own(name: str) -> None:
    framework, adapter = FRAMEWORKS[name], start_adapter(name)
    names = {"np": np}
    exec(framework.import_line or "", names)
    made = eval(framework.make_array, names)(np.ones(3, np.float32))
    assert tuple(adapter.stack([made, made]).shape) == (2, 3)
    assert adapter.is_own_number(made[0])


@EVERY_FRAMEWORK
def test_what_a_snippet_makes_is_a_copy(name: str) -> None:
    names = {"np": np}
    exec(FRAMEWORKS[name].import_line or "", names)
    original = np.ones(3, np.float32)
    made = eval(FRAMEWORKS[name].make_array, names)(original)
    original[...] = 0
    assert [float(number) for number in made] == [1, 1, 1]


@EVERY_FRAMEWORK
def test_a_framework_that_must_be_installed_has_an_extra(name: str) -> None:
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert name == NUMPY or name in project["optional-dependencies"]


def test_no_package_reveals_two_frameworks() -> None:
    packages = [package for f in FRAMEWORKS.values() for package in f.packages]
    assert len(packages) == len(set(packages))


def test_help_names_every_framework_and_every_built_in_problem(mgloss: Run) -> None:
    shown = mgloss("check", "--help").stdout
    assert [name for name in (*FRAMEWORKS, *BUILT_IN) if name not in shown] == []


def test_the_names_for_help_are_those_of_the_built_in_descriptions() -> None:
    assert tuple(BUILT_IN) == BUILT_IN_PROBLEMS


def test_help_imports_neither_numpy_nor_hypothesis() -> None:
    code = (
        "import sys; import mgloss.gate.commands.cli; import mgloss.gate.checks.plugin; "
        "print(sorted({'numpy', 'hypothesis', 'mgspec'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"
