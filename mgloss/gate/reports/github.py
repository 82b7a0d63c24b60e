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

from mgloss.gate.checks.outcome import Outcome

SUMMARY = "GITHUB_STEP_SUMMARY"
WORKSPACE = "GITHUB_WORKSPACE"

LARGEST_SUMMARY = 1_000_000  # bytes; GitHub takes 1 MiB of a step, and drops all of it if more


def is_running() -> bool:
    """Return whether this is a step of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def find_summary() -> Path | None:
    """Return GitHub's file for the summary of this step, if there is one."""
    named = os.environ.get(SUMMARY)
    return Path(named) if named else None


def commands(outcome: Outcome) -> list[str]:
    """Return a command for each law that is broken or came to no verdict."""
    file = _file(outcome.request.loss.name)
    return [
        command(
            {"file": file, "title": f"mgloss: {broken.law.name}"},
            "\n".join([broken.law.statement, *broken.messages]),
        )
        for broken in outcome.broken
    ]


def command(properties: dict[str, str | None], message: str) -> str:
    """Return an error command; leave out properties that are None."""
    given = ",".join(f"{n}={_property(v)}" for n, v in properties.items() if v is not None)
    return f"::error {given}::{_data(message)}"


def _data(text: str) -> str:
    """Escape a message as GitHub's own toolkit does; make every line break one that it knows."""
    return "%0A".join(line.replace("%", "%25") for line in text.splitlines())


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _file(loss: str | None) -> str | None:
    """Return the file of LOSS relative to the repository; None if it lies outside."""
    path = _path(loss.rpartition(":")[0] or loss) if loss else None
    if path is None:
        return None
    root = Path(os.environ.get(WORKSPACE) or Path.cwd())
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return None


def _path(place: str) -> Path | None:
    """Return the file of `path/to/file.py` or `package.module`; import nothing."""
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
    """Stop GitHub from obeying what is printed meanwhile: a loss may print `::error::`, too."""
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
    """Append a text to the summary of the step. Raises OSError."""
    encoded = text.encode("utf-8", errors="replace")
    with path.open("ab") as file:
        if file.tell() + len(encoded) > LARGEST_SUMMARY:
            encoded = text[: text.index("\n")].encode() + b"\n\nToo long for a summary.\n"
        file.write(encoded)
