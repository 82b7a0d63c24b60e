"""Commands that do again what a request asked for."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path

from mgloss.gate.checks.request import CheckRequest
from mgloss.gate.checks.selection import select_laws
from mgloss.gate.losses.defaults import DEFAULT_EXAMPLES, DEFAULT_SEED


def replay_command(request: CheckRequest, path: Path) -> str:
    """Return the command that judges the loss on a saved counterexample again."""
    loss = ["--loss", request.loss.name] if request.loss.name else []
    return shlex.join(["mgloss", "replay", str(path), *loss, *_about_loss(request)])


def check_command(request: CheckRequest, laws: Collection[str], baseline: Path) -> str:
    """Return the command that judges these laws and fails on what is worse than a baseline."""
    arguments = _arguments(request, laws)
    return shlex.join(["mgloss", "check", *arguments, "--baseline", str(baseline)])


def baseline_command(request: CheckRequest, laws: Collection[str], output: Path) -> str:
    """Return the command that records these laws in a baseline file."""
    arguments = _arguments(request, laws)
    return shlex.join(["mgloss", "baseline", *arguments, "--output", str(output)])


def _about_loss(request: CheckRequest) -> list[str]:
    """Return the arguments that say what the loss is."""
    loss = request.loss
    return [
        *(["--problem", str(loss.problem)] if loss.problem else []),
        *(["--framework", loss.framework] if loss.framework else []),
        *loss.roles.arguments(),
        *(["--autocast", loss.autocast] if loss.autocast else []),
    ]


def _arguments(request: CheckRequest, laws: Collection[str]) -> list[str]:
    """Return the arguments that ask for these laws again, in the same way."""
    loss = request.loss
    usual = select_laws(request.claims, (), is_multigrid=loss.is_multigrid)
    examples, seed = request.max_examples, request.seed
    return [
        *([loss.name] if loss.name else []),
        f"--claims={request.claims}",
        *(f"--law={law}" for law in laws if set(laws) != set(usual)),
        *([f"--options={loss.options_file}"] if loss.options_file else []),
        *_about_loss(request),
        *([f"--detector={loss.detector_file}"] if loss.detector_file else []),
        *([f"--max-examples={examples}"] if examples != DEFAULT_EXAMPLES else []),
        *([f"--seed={seed}"] if seed != DEFAULT_SEED else []),
    ]
