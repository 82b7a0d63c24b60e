"""A loss as it was in a revision of its git repository, beside the loss as it is.

LOSS@REV names it. The revision's files are copied into a folder of their own by `git archive`; the
work tree and the index are neither read nor changed.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mgloss.gate.losses.importing import LoadError
from mgloss.gate.losses.loading import Loaded
from mgloss.gate.losses.request import DEFAULT_MEMORY, DEFAULT_TIMEOUT, AskedLoss
from mgloss.gate.losses.worker.process import load_apart

# Modules that are never a revision's own, wherever they lie.
_INSTALLED = {"site-packages", "dist-packages"}
_HOOKS = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}


@dataclass(frozen=True)
class Named:
    """A loss and the revision that it is asked for in; None for the files as they are."""

    loss: str
    revision: str | None


def named(asked: str) -> Named:
    """What LOSS or LOSS@REV names; LoadError where the revision stands in a wrong place."""
    place = _place(asked)
    in_a_path = Path(place).is_file() and "@" not in asked[len(place) :]
    if "@" not in asked or in_a_path:
        return Named(asked, None)
    parts = re.fullmatch(r"(?P<loss>.+?(?:\.py(?::\w+)?|:\w+))@(?P<revision>.+)", asked)
    if parts is None:
        raise LoadError(
            f"{asked!r}: expected LOSS@REV, such as my_loss.py:loss@HEAD~1 or "
            "package.module:name@main"
        )
    revision = parts["revision"]
    if ":" in revision:
        commit, _, name = revision.partition(":")
        meant = f"{_place(parts['loss'])}:{name}@{commit}"
        raise LoadError(f"{asked!r}: the revision comes last; did you mean {meant}?")
    return Named(parts["loss"], revision)


def _place(loss: str) -> str:
    """The file or module of LOSS, without the name in it."""
    place, colon, name = loss.rpartition(":")
    return loss if not colon or os.sep in name else place


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=_environment(),
        )
    except FileNotFoundError:
        raise LoadError("LOSS@REV needs git, and there is no such command") from None


def _environment() -> dict[str, str]:
    """Without the repository that git names to the hooks it runs: the folder decides."""
    return {k: v for k, v in os.environ.items() if k not in _HOOKS}


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "git said nothing"


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists: a file may be gone since."""
    while not folder.is_dir():
        folder = folder.parent
    return folder


@functools.cache
def _lies_in(folder: Path, path: Path) -> bool:
    """Whether it is a file or folder of a repository, what is installed into it apart."""
    place = path.resolve()
    return place.is_relative_to(folder) and not _INSTALLED.intersection(place.parts)


def load_named(
    asked: Named,
    folder: Path,
    *,
    problem: str | None = None,
    framework: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    memory: float = DEFAULT_MEMORY,
) -> Loaded:
    """The candidate that is asked for, in a process of its own, whose imports are its own.

    folder: an empty one that outlives the candidate; a revision is copied into it.
    The others as of `AskedLoss`; the problem is not of a revision.

    Raises LoadError, also for what git cannot give.
    """

    def of(loss: str) -> AskedLoss:
        return AskedLoss(
            loss,
            "batch",
            problem=problem,
            framework=framework,
            timeout=timeout,
            memory=memory,
        )

    if asked.revision is None:
        return load_apart(of(asked.loss))
    place = _place(asked.loss)
    is_file = place.endswith(".py")
    path = (Path.cwd() / place).parent.resolve() / Path(place).name
    start = _existing(path.parent) if is_file else Path.cwd()
    found = _git(start, "rev-parse", "--show-toplevel")
    if found.returncode != 0:
        raise LoadError(
            f"{asked.loss}@{asked.revision}: {start} is in no git repository "
            f"({_last_line(found.stderr)})"
        )
    top = Path(found.stdout.strip()).resolve()
    _extract(top, asked, folder)
    folder = folder.resolve()
    others = [entry for entry in sys.path if not _lies_in(top, Path(entry or "."))]
    imports = [*_moved(top, folder), *others]
    if not is_file:
        there = _existing(folder / Path.cwd().resolve().relative_to(top))
        return load_apart(of(asked.loss), there, imports, partial(_refuse, asked, folder))
    relative = path.relative_to(top)
    if not (folder / relative).is_file():
        raise LoadError(f"{asked.loss}@{asked.revision}: that revision has no file {relative}")
    return load_apart(of(f"{folder / relative}{asked.loss[len(place) :]}"), None, imports)


def _extract(top: Path, asked: Named, folder: Path) -> None:
    revision = asked.revision
    assert revision is not None
    commit = _git(
        top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
    )
    if commit.returncode:
        raise LoadError(
            f"{asked.loss}@{revision}: the repository {top} has no revision {revision!r}; "
            "git log --oneline lists those of this branch"
        )
    archive = subprocess.Popen(
        ["git", "-C", str(top), "archive", "--format=tar", commit.stdout.strip()],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
    )
    with archive:
        try:
            # What would leave the folder is left out (errorlevel 0), not followed.
            with tarfile.open(fileobj=archive.stdout, mode="r|", errorlevel=0) as tar:
                tar.extraction_filter = getattr(tarfile, "data_filter", lambda m, _: m)
                tar.extractall(folder)
        except (tarfile.TarError, OSError) as error:
            archive.kill()
            raise LoadError(
                f"{asked.loss}@{revision}: cannot be copied from {top}: {error}"
            ) from None


def _moved(top: Path, folder: Path) -> list[str]:
    """The folders of the repository that modules are imported from, in the copy of it."""
    entries = [
        Path(entry or ".").resolve() for entry in sys.path if _lies_in(top, Path(entry or "."))
    ]
    return [str(folder / entry.relative_to(top)) for entry in entries]


def _refuse(asked: Named, folder: Path, origin: str | None) -> None:
    """A package is imported from wherever it is found first: that must be the revision."""
    if origin is None or not _lies_in(folder, Path(origin)):
        place = asked.loss.rpartition(":")[0]
        raise LoadError(
            f"{asked.loss}@{asked.revision}: {place} is imported from {origin or 'elsewhere'}, "
            "not from that revision; name its file instead: path/to/file.py:name@REV"
        )
