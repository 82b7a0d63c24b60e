"""Annotations and the step's summary of GitHub Actions.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path

from mgloss.gate.reports.outcome import Outcome

SUMMARY = "GITHUB_STEP_SUMMARY"
WORKSPACE = "GITHUB_WORKSPACE"

LARGEST_SUMMARY = 1_000_000  # bytes; GitHub takes 1 MiB of a step, and drops all of it if more


def commands(outcome: Outcome) -> list[str]:
    """A command for each law that is broken or came to no verdict."""
    file = _file(outcome.request.loss)
    return [
        command(
            {"file": file, "title": f"mgloss: {broken.law.name}"},
            "\n".join([broken.law.statement, *(v["message"] for v in broken.verdicts)]),
        )
        for broken in outcome.broken
    ]


def command(properties: dict[str, str | None], message: str) -> str:
    """An error command; properties that are None are left out."""
    given = ",".join(f"{n}={_property(v)}" for n, v in properties.items() if v is not None)
    return f"::error {given}::{_data(message)}"


def _data(text: str) -> str:
    """As GitHub's own toolkit escapes a message; every line break is one that GitHub knows."""
    return "%0A".join(line.replace("%", "%25") for line in text.splitlines())


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _file(loss: str | None) -> str | None:
    """The file of LOSS, relative to the repository; None where it is not in there."""
    path = _path(loss.rpartition(":")[0] or loss) if loss else None
    if path is None:
        return None
    root = Path(os.environ.get(WORKSPACE) or Path.cwd())
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return None


def _path(place: str) -> Path | None:
    """The file of `path/to/file.py` or `package.module`; nothing is imported."""
    if place.endswith(".py"):
        return Path(place)
    folders = [str(Path.cwd()), *sys.path]
    origin = None
    for name in place.split("."):
        spec = PathFinder.find_spec(name, folders)
        if spec is None:
            return None
        folders = list(spec.submodule_search_locations or [])
        origin = spec.origin
    return Path(origin) if origin else None


@contextmanager
def no_commands(wanted: bool) -> Iterator[None]:
    """GitHub takes nothing printed meanwhile for a command: a loss may say `::error::`, too."""
    if not wanted:
        yield
        return
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", flush=True)
    try:
        yield
    finally:
        print(f"::{token}::", flush=True)


def add_summary(path: Path, text: str) -> None:
    """Append to what earlier commands of the step have said. Raises OSError."""
    encoded = text.encode("utf-8", errors="replace")
    with path.open("ab") as file:
        if file.tell() + len(encoded) > LARGEST_SUMMARY:
            encoded = text[: text.index("\n")].encode() + b"\n\nToo long for a summary.\n"
        file.write(encoded)
