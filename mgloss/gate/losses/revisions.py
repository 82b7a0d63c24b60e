"""Load a loss as it was in a revision of its git repository.

LOSS@REV names such a loss. `git archive` copies the revision's files into a separate folder; the
work tree and the index are neither read nor changed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mgloss.gate.losses.importing import LoadError
from mgloss.gate.losses.loading import Loaded
from mgloss.gate.losses.request import LossRequest
from mgloss.gate.losses.worker.process import load_apart

# Folders of modules that never belong to a revision, wherever the folders are.
_INSTALLED = {"site-packages", "dist-packages"}
# Set by git for the hooks that it runs. They name a repository; here the loss's folder decides.
_HOOK_VARIABLES = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}


@dataclass(frozen=True)
class RevisedLoss:
    """A loss, and the revision of its files; None for the files as they are."""

    loss: str
    revision: str | None

    def __str__(self) -> str:
        return self.loss if self.revision is None else f"{self.loss}@{self.revision}"


def parse_revision(argument: str) -> RevisedLoss:
    """Split LOSS or LOSS@REV; raise LoadError if the revision stands in a wrong place."""
    place = _place(argument)
    is_in_path = Path(place).is_file() and "@" not in argument[len(place) :]
    if "@" not in argument or is_in_path:
        return RevisedLoss(argument, None)
    parts = re.fullmatch(r"(?P<loss>.+?(?:\.py(?::\w+)?|:\w+))@(?P<revision>.+)", argument)
    if parts is None:
        raise LoadError(
            f"{argument!r}: expected LOSS@REV, such as my_loss.py:loss@HEAD~1 or "
            "package.module:name@main"
        )
    revision = parts["revision"]
    if ":" in revision:
        commit, _, name = revision.partition(":")
        suggestion = f"{_place(parts['loss'])}:{name}@{commit}"
        raise LoadError(f"{argument!r}: the revision comes last; did you mean {suggestion}?")
    return RevisedLoss(parts["loss"], revision)


def load_revised(request: LossRequest, folder: Path) -> Loaded:
    """Load LOSS or LOSS@REV into a process of its own, which imports that revision's modules.

    request: what to load; its `loss` may name a revision. A described problem is read from the
        files as they are.
    folder: an empty folder that outlives the candidate, for the copy of a revision.

    Raise LoadError as `load_apart` does, and if git cannot provide the revision.
    """
    assert request.name is not None
    revised = parse_revision(request.name)
    if revised.revision is None:
        return load_apart(request)
    place = _place(revised.loss)
    is_file = place.endswith(".py")
    path = (Path.cwd() / place).parent.resolve() / Path(place).name
    start = _nearest_existing(path.parent) if is_file else Path.cwd()
    toplevel = _git(start, "rev-parse", "--show-toplevel")
    if toplevel.returncode != 0:
        raise LoadError(
            f"{revised}: {start} is in no git repository ({_last_line(toplevel.stderr)})"
        )
    repository = Path(toplevel.stdout.strip()).resolve()
    _extract(revised, repository, folder)
    copy = folder.resolve()
    imports = _search_path(repository, copy)
    if is_file:
        relative = path.relative_to(repository)
        if not (copy / relative).is_file():
            raise LoadError(f"{revised}: that revision has no file {relative}")
        copied_loss = f"{copy / relative}{revised.loss[len(place) :]}"
        return load_apart(replace(request, loss=copied_loss), None, imports)
    working_folder = _nearest_existing(copy / Path.cwd().resolve().relative_to(repository))
    refuse = partial(_refuse_other_origin, revised, copy)
    return load_apart(replace(request, loss=revised.loss), working_folder, imports, refuse)


def _place(loss: str) -> str:
    """Return the file or module of LOSS, without the name in it."""
    place, colon, name = loss.rpartition(":")
    return loss if not colon or os.sep in name else place


def _extract(revised: RevisedLoss, repository: Path, folder: Path) -> None:
    """Copy the files of a revision into a folder."""
    commit = _git(
        repository,
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{revised.revision}^{{commit}}",
    )
    if commit.returncode:
        raise LoadError(
            f"{revised}: the repository {repository} has no revision {revised.revision!r}; "
            "git log --oneline lists those of this branch"
        )
    archive = subprocess.Popen(
        ["git", "-C", str(repository), "archive", "--format=tar", commit.stdout.strip()],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_git_environment(),
    )
    with archive:
        try:
            # Skip (errorlevel 0) what would be written outside the folder.
            with tarfile.open(fileobj=archive.stdout, mode="r|", errorlevel=0) as tar:
                tar.extraction_filter = getattr(tarfile, "data_filter", lambda m, _: m)
                tar.extractall(folder)
        except (tarfile.TarError, OSError) as error:
            archive.kill()
            raise LoadError(f"{revised}: cannot be copied from {repository}: {error}") from None


def _search_path(repository: Path, copy: Path) -> list[str]:
    """Return `sys.path` with the repository's folders first, each replaced by its copy."""
    own, others = [], []
    for entry in sys.path:
        path = Path(entry or ".")
        if _belongs_to(repository, path):
            own.append(str(copy / path.resolve().relative_to(repository)))
        else:
            others.append(entry)
    return [*own, *others]


def _refuse_other_origin(revised: RevisedLoss, copy: Path, origin: str | None) -> None:
    """Raise LoadError if a module was imported from elsewhere than the copy of the revision."""
    if origin is None or not _belongs_to(copy, Path(origin)):
        raise LoadError(
            f"{revised}: {_place(revised.loss)} is imported from {origin or 'elsewhere'}, "
            "not from that revision; name its file instead: path/to/file.py:name@REV"
        )


def _belongs_to(folder: Path, path: Path) -> bool:
    """Return whether a path lies in a folder, but not in packages installed there."""
    resolved = path.resolve()
    return resolved.is_relative_to(folder) and not _INSTALLED.intersection(resolved.parts)


def _nearest_existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists: a file may have been removed."""
    while not folder.is_dir():
        folder = folder.parent
    return folder


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=_git_environment(),
        )
    except FileNotFoundError:
        raise LoadError("LOSS@REV needs git, and there is no such command") from None


def _git_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _HOOK_VARIABLES}


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "git said nothing"
