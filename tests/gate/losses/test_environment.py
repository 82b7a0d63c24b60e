"""What TensorFlow is told: before it is imported, and not against what the user has told it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mgloss.gate.losses.environment import ENVIRONMENT, prepare

COMMAND = """
import os, sys
from mgloss.gate.commands import cli
cli.app = lambda **_: print({"tensorflow" in sys.modules}, os.environ["TF_NUM_INTEROP_THREADS"])
cli.main()
"""


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_what_the_user_has_set_stays_and_the_rest_is_set(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for known in ENVIRONMENT:
        monkeypatch.delenv(known, raising=False)
    monkeypatch.setenv(name, "7")
    prepare()
    assert {known: os.environ[known] for known in ENVIRONMENT} == {**ENVIRONMENT, name: "7"}


@pytest.mark.parametrize("given", [None, "7"])
def test_the_command_sets_it_before_tensorflow_is_imported(given: str | None) -> None:
    environment = {name: text for name, text in os.environ.items() if name not in ENVIRONMENT}
    if given is not None:
        environment["TF_NUM_INTEROP_THREADS"] = given
    printed = subprocess.run(
        [sys.executable, "-c", COMMAND], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert printed == f"{{False}} {given or '1'}\n"
