"""A loss as it was in a revision of its git repository, beside the loss as it is.

LOSS@REV names it. The revision's files are copied into a folder of their own by `git archive`; the
work tree and the index are neither read nor changed.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

from mgloss.gate import problems
from mgloss.gate.loading import Loaded, LoadError, load
from mgspec import Evaluation
from mgspec.layout import AnyBatch, AnyProblem

# Modules that are never a revision's own, wherever they lie.
_INSTALLED = {"site-packages", "dist-packages"}
_OURS = {"mgloss", "mgspec"}
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


@dataclass
class Home:
    """Where a loss comes from, and what it has imported from there.

    root: the folder of its repository, or the copy of it. first, last: folders to import from,
    before and after all others. replaced: nothing is imported from within this one.
    modules: its own, which the other loss must not see.
    """

    root: Path
    first: list[str] = field(default_factory=list)
    last: list[str] = field(default_factory=list)
    replaced: Path | None = None
    modules: dict[str, ModuleType] = field(default_factory=dict)

    @contextlib.contextmanager
    def visited(self) -> Iterator[None]:
        """Its own modules can be imported here, and are out of the way afterwards."""
        path, before = list(sys.path), {*sys.modules}
        sys.path[:] = [*self.first, *(p for p in path if not self._is_replaced(p)), *self.last]
        known = list(sys.path)
        sys.modules.update(self.modules)
        try:
            yield
        finally:
            self.last += [folder for folder in sys.path if folder not in known]
            for name in {*sys.modules} - before:
                if name in self.modules or self._owns(name, sys.modules[name]):
                    self.modules[name] = sys.modules.pop(name)
            sys.path[:] = path

    def _is_replaced(self, entry: str) -> bool:
        return self.replaced is not None and _lies_in(self.replaced, Path(entry or "."))

    def _owns(self, name: str, module: ModuleType) -> bool:
        if name.partition(".")[0] in _OURS:
            return False
        origin = getattr(module, "__file__", None)
        places = [origin] if origin else getattr(module, "__path__", ())  # of a folder without code
        return any(_lies_in(self.root, Path(place)) for place in places)


@functools.cache
def _lies_in(folder: Path, path: Path) -> bool:
    """Whether it is a file or folder of a repository, what is installed into it apart."""
    place = path.resolve()
    return place.is_relative_to(folder) and not _INSTALLED.intersection(place.parts)


def load_apart(
    asked: Named,
    claims: str,
    folder: Path,
    *,
    problem: str | None = None,
    framework: str | None = None,
) -> Loaded:
    """The candidate that is asked for, whose imports are its own.

    folder: an empty one that outlives the candidate; a revision is copied into it.
    problem, framework: as of `loading.load`; the problem is not of a revision.

    Raises LoadError, also for what git cannot give.
    """
    place = _place(asked.loss)
    is_file = place.endswith(".py")
    path = (Path.cwd() / place).parent.resolve() / Path(place).name
    start = _existing(path.parent) if is_file else Path.cwd()
    found = _git(start, "rev-parse", "--show-toplevel")
    top = Path(found.stdout.strip()).resolve() if found.returncode == 0 else None
    if asked.revision is None:
        return _loaded(Home(top or start.resolve()), asked.loss, claims, problem, framework)
    if top is None:
        raise LoadError(
            f"{asked.loss}@{asked.revision}: {start} is in no git repository "
            f"({_last_line(found.stderr)})"
        )
    _extract(top, asked, folder)
    folder = folder.resolve()
    home = Home(folder, _moved(top, folder), replaced=top)
    if not is_file:
        with _inside(folder / Path.cwd().resolve().relative_to(top)):
            try:
                return _loaded(home, asked.loss, claims, problem, framework)
            finally:
                _check_origin(home, asked)
    relative = path.relative_to(top)
    if not (folder / relative).is_file():
        raise LoadError(f"{asked.loss}@{asked.revision}: that revision has no file {relative}")
    loss = f"{folder / relative}{asked.loss[len(place) :]}"
    return _loaded(home, loss, claims, problem, framework)


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


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    here = Path.cwd()
    os.chdir(_existing(folder))
    try:
        yield
    finally:
        os.chdir(here)


def _loaded(
    home: Home, loss: str, claims: str, problem: str | None, framework: str | None
) -> Loaded:
    problems.description(problem)  # from where it lies now
    with home.visited():
        loaded = load(loss, claims, problem=problem, framework=framework)
    run = loaded.candidate.run

    def at_home(of: AnyProblem, batch: AnyBatch, gradients: bool) -> Evaluation:
        with home.visited():
            return run(of, batch, gradients)

    return replace(loaded, candidate=replace(loaded.candidate, run=at_home))


def _check_origin(home: Home, asked: Named) -> None:
    """A package is imported from wherever it is found first: that must be the revision."""
    place = asked.loss.rpartition(":")[0]
    if place not in home.modules and place in sys.modules:
        raise LoadError(
            f"{asked.loss}@{asked.revision}: {place} is imported from "
            f"{getattr(sys.modules[place], '__file__', 'elsewhere')}, not from that revision; "
            "name its file instead: path/to/file.py:name@REV"
        )
