"""JUnit XML, by pytest's own plugin: each law is one of its items."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Recording:
    """arguments: those that make pytest write. text: what it wrote, once it is done."""

    arguments: list[str] = field(default_factory=list)
    text: str | None = None


@contextmanager
def recorded(wanted: bool) -> Iterator[Recording]:
    """What pytest writes goes to a folder of its own first: a report is whole or not at all."""
    recording = Recording()
    if not wanted:
        yield recording
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "junit.xml"
        recording.arguments += [
            f"--junitxml={path}",
            "--override-ini=junit_suite_name=mgloss",
        ]
        yield recording
        if path.exists():
            recording.text = path.read_text(encoding="utf-8")
