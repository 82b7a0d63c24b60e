"""Run commands of `mgloss` in this process, each as if it were the first of a process of its own.

`tests/end_to_end` starts processes; starting one takes longer than most commands do.
Every JSON that a check writes here is held to its schema.
"""

from __future__ import annotations

import functools
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

import mgspec
from mgloss.gate.commands.cli import app
from mgloss.gate.losses import opening
from mgloss.gate.losses.loading import load
from mgloss.gate.losses.worker.process import end_all

ROOT = Path(__file__).parents[2]
SAMPLES = Path(__file__).parent / "samples"
LOSSES = SAMPLES / "losses.py"

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]

SCHEMA_FILE = ROOT / "mgloss" / "gate" / "reports" / "verdicts.schema.json"
SCHEMA = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
OF_THE_SURROUNDINGS = ("PYTEST", "HYPOTHESIS", "GITHUB")
PLAIN = {"NO_COLOR": "1", "_TYPER_FORCE_DISABLE_TERMINAL": "1"}  # output without escape sequences
SEARCHING = ("check", "baseline", "matrix")  # the commands with -n
EXAMPLES = 25  # a law, unless the test says how many: enough for losses that are plainly wrong


def run_mgloss(
    folder: Path,
    *arguments: object,
    columns: int = 120,
    apart: bool = False,
    small: bool = False,
    **variables: object,
) -> Result:
    """Run a command in this process and folder, its laws too unless -n asks for others.

    apart: give the loss a process of its own, as mgloss does; starting it takes longer than most
        checks do.
    small: make counterexamples small, as mgloss does; shrinking takes longer than most checks do.
    """
    words = list(map(str, arguments))
    if words[0] in SEARCHING and "-n" not in words:
        words += ["-n", "0"]
    if words[0] in SEARCHING and not any(w.startswith("--max-examples") for w in words):
        words.append(f"--max-examples={EXAMPLES}")
    given = {"COLUMNS": str(columns), **{name: str(v) for name, v in variables.items()}}
    with _as_in_a_process(folder), pytest.MonkeyPatch.context() as patch:
        if not apart:
            patch.setattr(opening, "load_apart", load)
        if not small:
            patch.setattr(mgspec, "search", partial(mgspec.search, shrink=False))
        told = CliRunner().invoke(app, words, prog_name="mgloss", env=given)
    if told.exception is not None and not isinstance(told.exception, SystemExit):
        raise told.exception
    result = subprocess.CompletedProcess(words, told.exit_code, told.stdout, told.stderr)
    return validated(folder, words, result)


def run_pytest(folder: Path, *arguments: object, small: bool = False) -> Result:
    """Run pytest in this process, with mgloss's plugin and no other, on what is in this folder.

    small: as of `run_mgloss`.
    """
    plugins = ("mgloss.gate.checks.plugin", "no:cacheprovider", "no:unraisableexception")
    words = [*(word for name in plugins for word in ("-p", name)), *map(str, arguments)]
    output, errors = io.StringIO(), io.StringIO()
    with (
        _as_in_a_process(folder),
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(output),
        redirect_stderr(errors),
    ):
        if not small:
            patch.setattr(mgspec, "search", partial(mgspec.search, shrink=False))
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        (folder / "empty.ini").write_text("[pytest]\n", encoding="utf-8")
        status = pytest.main(["-c", "empty.ini", "--rootdir=.", "--import-mode=importlib", *words])
    return subprocess.CompletedProcess(words, int(status), output.getvalue(), errors.getvalue())


@contextmanager
def _as_in_a_process(folder: Path) -> Iterator[None]:
    """Enter a folder, and leave nothing of what runs there but files."""
    variables, here = dict(os.environ), Path.cwd()
    path, modules = list(sys.path), set(sys.modules)
    for name in variables:
        if name.startswith(OF_THE_SURROUNDINGS):
            del os.environ[name]
    os.environ.update(PLAIN)
    os.chdir(folder)
    sys.path.insert(0, str(folder))  # as `python -m mgloss` does
    try:
        yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(variables)
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if name.startswith("candidate_") or file.startswith(f"{folder}{os.sep}"):  # a user's
                del sys.modules[name]
        forget()


def forget() -> None:
    """End the processes of losses and empty the gate's caches, which know files by their names."""
    end_all()
    for name, module in list(sys.modules.items()):
        if name.startswith("mgloss.gate"):
            for value in vars(module).values():
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()


def validated(folder: Path, arguments: Sequence[object], result: Result) -> Result:
    """The result of a command; its JSON, where it is that of a check, must fit the schema."""
    if arguments[0] == "check" and "--json" in arguments and result.returncode != 2:
        written = folder / str(arguments[arguments.index("--json") + 1])
        jsonschema.validate(json.loads(written.read_text(encoding="utf-8")), SCHEMA)
    return result


def saved(folder: Path, name: str) -> Path:
    """The file of this name that a check has saved; checks of one loss ran in the folder."""
    (path,) = (folder / "mgloss-report").glob(f"*/{name}")
    return path


def said(text: str) -> str:
    """What is printed, however its lines are broken."""
    return " ".join(text.split())


def environment(*folders: Path) -> dict[str, str]:
    """That of a user whose Python finds this source tree, and these folders."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OF_THE_SURROUNDINGS)}
    path = os.pathsep.join(map(str, (ROOT, ROOT / "spec", *folders)))
    return {**kept, **PLAIN, "PYTHONPATH": path, "COLUMNS": "120"}


@pytest.fixture
def mgloss(tmp_path: Path) -> Run:
    """Run a command in this process, in the test's folder."""
    return partial(run_mgloss, tmp_path)
