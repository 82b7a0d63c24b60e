"""What is left beside a counterexample: a regression test, and a snippet that needs no mgloss."""

from __future__ import annotations

import ast
import copy
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgloss.gate.checks.outcome import Outcome
from mgloss.gate.checks.request import CheckRequest
from mgloss.gate.checks.results import Result, make_result
from mgloss.gate.losses.form import Style
from mgloss.gate.losses.loading import load
from mgloss.gate.losses.request import LossRequest
from mgloss.gate.reports.reproduction.regression import test_text as regression_text
from mgloss.gate.reports.reproduction.snippet import BODIES, snippet_text, why_none
from mgloss.gate.reports.saving import save_counterexamples
from mgloss.testing import still_broken
from mgspec import LAWS, Batch, Case, Problem, Verdict, search
from mgspec.saved.counterexample import (
    Counterexample,
    CounterexampleError,
    from_document,
    to_document,
)
from mgspec.saved.witnesses import witness_of
from tests.gate.conftest import ROOT, SAMPLES, Run

LOSSES = SAMPLES / "simple_losses.py"
HIDDEN_TORCH = SAMPLES / "hidden_torch.py"
NUMPY = Style("numpy", is_factory=False, per_scale=False)
REQUEST = CheckRequest(LossRequest("mine.py:loss"))

Python = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Left:
    """What a check left for one law."""

    test: Path
    snippet: Path
    json: Path
    message: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(LOSSES, tmp_path / "losses.py")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def python(folder: Path) -> Python:
    def run(*arguments: str, with_mgloss: bool) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "PYTHON"))}
        path = os.pathsep.join((str(ROOT), str(ROOT / "spec"))) if with_mgloss else ""
        return subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**kept, "PYTHONPATH": path},
        )

    return run


def checked(loss: str, law: str, claims: str = "batch") -> Left:
    """As `mgloss check` does, without a process of its own."""
    loaded = load(LossRequest(loss, claims))
    request = CheckRequest(LossRequest(loss, claims))
    results = [
        make_result(verdict, request, (), "numpy")
        for verdict in search(LAWS[law], loaded.candidate, seed=0, shrink=False)
    ]
    broken = [result for result in results if result.counterexample is not None]
    assert broken, f"{loss} does not break {law}"
    first = saved(broken, loaded.style, request)[0]
    assert first.files is not None
    test, json = first.files.test, first.files.counterexample
    snippet = test.with_name(test.name.replace("test_", "show_", 1))
    return Left(test, snippet, json, first.verdict.message)


def outcome(
    results: Sequence[Result], style: Style | None, request: CheckRequest = REQUEST
) -> Outcome:
    return Outcome(request, ("location",), style, (), (), tuple(results), True)


def saved(
    results: Sequence[Result], style: Style | None, request: CheckRequest = REQUEST
) -> tuple[Result, ...]:
    return save_counterexamples(outcome(results, style, request), Path("report")).results


WITHOUT_MGLOSS = (
    "import sys; sys.modules['mgloss'] = sys.modules['mgspec'] = None; "
    "import runpy; runpy.run_path(sys.argv[1])"
)


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"= (-?(?:nan|[\d.]+(?:e[+-]?\d+)?))", text)]


@pytest.mark.parametrize("law", BODIES)
def test_a_snippet_runs_without_mgloss_and_shows_the_numbers_of_the_message(
    law: str, python: Python
) -> None:
    left = checked(f"losses.py:{law}", law)
    result = python("-c", WITHOUT_MGLOSS, str(left.snippet), with_mgloss=False)
    assert result.returncode == 0, result.stderr
    assert "the law says: " in result.stdout
    shown = numbers(result.stdout)
    if law == "pure":  # what it remembers depends on how often it was called
        assert shown[0] != shown[2]
        return
    actual = numbers(left.message)[0]
    assert any(value == pytest.approx(actual, rel=1e-6, nan_ok=True) for value in shown)
    expected = re.search(r"expected (?:at least |more than )?(-?[\d.e+-]+)", left.message)
    if expected and law not in ("empty", "nonnegative"):
        assert any(value == pytest.approx(float(expected[1]), rel=1e-6) for value in shown)


@pytest.mark.parametrize(
    "law", ["partition", pytest.param("density_neutral", marks=pytest.mark.nightly)]
)
def test_a_regression_test_fails_with_the_laws_message_until_the_loss_is_mended(
    law: str, folder: Path, python: Python
) -> None:
    mine = folder / "mine.py"
    mine.write_text(f"from losses import {law} as loss\n", encoding="utf-8")
    left = checked("mine.py", law)
    users = folder / "tests" / "of_losses"
    users.mkdir(parents=True)
    for file in (left.test, left.json):
        shutil.copy(file, users)
    test = users / left.test.name
    assert LAWS[law].statement in ast.get_docstring(ast.parse(test.read_text()).body[-1])  # type: ignore[arg-type,operator]

    broken = python("-m", "pytest", "-p", "no:cacheprovider", str(test), with_mgloss=True)
    assert broken.returncode == pytest.ExitCode.TESTS_FAILED, broken.stdout + broken.stderr
    assert f"{law}: {LAWS[law].statement}" in broken.stdout
    assert left.message in broken.stdout

    mended = "neutral" if law == "density_neutral" else "right"
    mine.write_text(f"from losses import {mended} as loss\n", encoding="utf-8")
    result = python("-m", "pytest", "-p", "no:cacheprovider", str(test), with_mgloss=True)
    assert result.returncode == pytest.ExitCode.OK, result.stdout + result.stderr


def test_inputs_that_are_written_into_are_shown(python: Python) -> None:
    left = checked("losses.py:writes", "pure")
    result = python(str(left.snippet), with_mgloss=False)
    assert "its inputs are as they were: False" in result.stdout


def test_a_loss_that_raises_does_so_in_the_snippet(python: Python) -> None:
    left = checked("losses.py:raises", "finite")
    assert left.snippet.name.endswith("_finite_loss.py")
    result = python(str(left.snippet), with_mgloss=False)
    assert "ZeroDivisionError: one object" in result.stderr
    assert still_broken(left.json, "losses.py:raises") is not None
    assert still_broken(left.json, "losses.py:right") is None


@pytest.mark.parametrize(
    ("loss", "law"),
    [
        ("losses.py:of_one_scale", "replication"),
        ("losses.py:made", "resolution"),
        ("losses:partition", "partition"),
    ],
)
def test_a_snippet_calls_the_loss_in_the_form_that_it_has(
    loss: str, law: str, python: Python
) -> None:
    left = checked(loss, law)
    result = python(str(left.snippet), with_mgloss=False)
    assert result.returncode == 0, result.stderr
    actual = numbers(left.message)[0]
    assert any(value == pytest.approx(actual, rel=1e-5) for value in numbers(result.stdout))


def test_arrays_come_back_with_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    problem = Problem((((16.0, 16.0),) * 2, ((32.0, 8.0),)), 12, (32, 64))
    arrays = []
    for scale, shape in enumerate(((2, 1, 2), (2, 2, 4))):
        array = rng.normal(size=(*shape, problem.channels(scale))).astype(np.float32)
        array[rng.random(array.shape) < 0.7] = -0.0 if scale else 1e-30
        arrays.append(array)
    batch = Batch(tuple(arrays), tuple(array[:, ::-1].copy() for array in arrays))
    case = Case(problem, {"X": batch})
    found = Counterexample("nonnegative", "location", "a.py", "batch", "", case)
    text = snippet_text(found, NUMPY)
    assert all(len(line) <= 100 for line in text.splitlines())
    written = text[: text.index("def load")]
    names: dict = {}
    exec(compile(written, "show.py", "exec"), names)
    written_arrays = (*names["X"][0], *names["X"][1])
    for ours, theirs in zip((*batch.targets, *batch.predictions), written_arrays, strict=True):
        assert (ours.shape, ours.dtype, ours.tobytes()) == (
            theirs.shape,
            theirs.dtype,
            theirs.tobytes(),
        )


def test_the_problem_of_a_snippet_answers_to_new_and_old_names() -> None:
    text = snippet_text(_PARTITION, replace(NUMPY, is_factory=True))
    names: dict = {}
    exec(compile(text[: text.index("def load")], "show.py", "exec"), names)
    problem, ours = names["PROBLEM"], _PARTITION.case.problem
    assert problem.anchors == ours.anchors
    assert problem.num_classes == problem.classes == ours.num_classes
    assert problem.input_shape == problem.input_size == ours.input_shape


_PARTITION = replace(witness_of("partition", "positives"), loss="mine.py:loss")


def skeleton(text: str) -> str:
    """The code without what its strings say."""
    tree = ast.parse(text.encode())
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def texts(found: Counterexample) -> tuple[str, str]:
    return (
        regression_text(
            found, "partition-location.json", outcome([], NUMPY), f"because {found.law}"
        ),
        snippet_text(found, Style("numpy", True, False)),
    )


HARMLESS = [
    tuple(map(skeleton, texts(replace(_PARTITION, loss=loss)))) for loss in ("a.py:b", "a:b")
]
NASTY = [
    '"""\nimport os\nos.system("touch pwned")\n"""',
    "'''\\",
    "\\\n\\",
    "a\nb\rc\x0bd\x0ce\x1cf\x85g\u2028h\u2029i",
    "# -*- coding: rot13 -*-",
    "{__import__('os')}",
    "\udc80 \x00 \x1b[31m \u202e\u2066",
    "é 物 𝔘",
    '" or "',
    "%s {0} {}",
]


@pytest.mark.parametrize("nasty", NASTY)
def test_what_a_loss_is_called_and_says_never_becomes_code(nasty: str) -> None:
    for loss in (nasty, f"{nasty}.py", f"{nasty}.py:{nasty}", f"a:{nasty}"):
        found = replace(_PARTITION, loss=loss, message=nasty)
        told = texts(found)
        assert tuple(map(skeleton, told)) in HARMLESS
        (named,) = (
            node.value
            for node in ast.parse(told[0].encode()).body
            if isinstance(node, ast.Assign) and node.targets[0].id == "LOSS"  # type: ignore[attr-defined]
        )
        assert ast.literal_eval(named) == loss


@given(st.text(min_size=1), st.text())
def test_no_text_ever_becomes_code(loss: str, message: str) -> None:
    told = texts(replace(_PARTITION, loss=loss, message=message))
    assert tuple(map(skeleton, told)) in HARMLESS


def test_names_of_a_hostile_file_are_left_out() -> None:
    document = copy.deepcopy(to_document(_PARTITION))
    nasty = 'x = __import__("os")\ny'
    document["batches"][nasty] = document["batches"]["X"]
    document["choices"][nasty] = 1
    told = texts(from_document(document))
    assert tuple(map(skeleton, told)) in HARMLESS
    assert "__import__" not in "".join(told)


def test_where_there_is_no_snippet_the_test_says_why(folder: Path) -> None:
    gradient = replace(_PARTITION, message="location: d(L(X))/d(x) in image 0 = 1, expected 0")
    for found, style, reason in (
        (replace(_PARTITION, loss=""), None, "the reference is a part of mgloss"),
        (replace(_PARTITION, law="masking"), NUMPY, "'masking' compares with what mgloss computes"),
        (gradient, NUMPY, "what differs is a gradient"),
        (_PARTITION, replace(NUMPY, framework="abacus"), "how to give arrays to abacus"),
    ):
        told = why_none(found, style)
        assert told is not None
        assert reason in told
        assert reason in " ".join(
            regression_text(found, "x.json", outcome([], style), told).split("\n# ")
        )


def test_a_snippet_of_an_older_counterexample_does_not_stay(folder: Path) -> None:
    left = checked("losses.py:partition", "partition")
    assert left.snippet.exists()
    found = replace(_PARTITION, message="location: d(L(X))/d(x) = 1, expected 0")
    again = [Result("batch", Verdict("partition", "location", "broken"), found)]
    saved(again, NUMPY, CheckRequest(LossRequest("losses.py:partition")))
    assert not left.snippet.exists()
    assert left.test.exists()


@pytest.mark.parametrize(
    ("framework", "says"),
    [("tensorflow", "tf.constant(array)"), ("torch", "torch.tensor"), ("jax", "jnp.array")],
)
def test_arrays_are_given_as_the_framework_takes_them(framework: str, says: str) -> None:
    text = snippet_text(_PARTITION, replace(NUMPY, framework=framework))
    assert says in text
    ast.parse(text)


def test_the_framework_is_known_from_the_loss() -> None:
    style = load(LossRequest(f"{LOSSES}:right", "batch")).style
    assert style == NUMPY
    assert load(LossRequest(f"{LOSSES}:made", "batch")).style == replace(NUMPY, is_factory=True)
    assert load(LossRequest(f"{LOSSES}:of_one_scale", "batch")).style == replace(
        NUMPY, per_scale=True
    )


def test_a_regression_test_without_its_file_or_its_loss_says_so(folder: Path) -> None:
    left = checked("losses.py:partition", "partition")
    with pytest.raises(CounterexampleError, match=r"none\.json: No such file"):
        still_broken(Path("none.json"), "losses.py:partition")
    with pytest.raises(Exception, match=r"nothing\.py: no such file"):
        still_broken(left.json, "nothing.py:loss")
    with pytest.raises(ValueError, match="is about location, which this loss does not return"):
        still_broken(left.json, "losses.py:of_one_scale")


def written_test(folder: Path) -> tuple[str, Callable[[], None]]:
    """The text of the regression test that a check has left, and the test."""
    (file,) = (folder / "mgloss-report").glob("*/test_*.py")
    text = file.read_text(encoding="utf-8")
    names: dict = {"__file__": str(file)}
    exec(compile(text, str(file), "exec"), names)
    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    return text, test


def test_a_regression_test_keeps_the_framework_and_the_problem(
    mgloss: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = f"{HIDDEN_TORCH}:by_labelled_anchors"
    what = ("--framework", "torch", "--problem", "anchors", "--max-examples", 20)
    assert mgloss("check", loss, "--law", "partition", *what).returncode == 1
    monkeypatch.chdir(tmp_path)

    text, test = written_test(tmp_path)

    assert 'framework="torch"' in text
    assert 'problem="anchors"' in text
    with pytest.raises(AssertionError, match="loss_bbox: L"):
        test()


@pytest.mark.parametrize("options", ["all", '{"ignore_thresh": 1, "coord_scale": 2}'])
def test_a_regression_test_keeps_the_options_and_the_order_of_arguments(
    options: str, mgloss: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss, said_to_be = f"{HIDDEN_TORCH}:swapped", options
    if options != "all":
        (tmp_path / "options.json").write_text(options, encoding="utf-8")
        said_to_be = "options.json"
    found = mgloss("check", loss, "--law", "partition", "--options", said_to_be)
    assert found.returncode == 1, found.stdout
    (tmp_path / "options.json").unlink(missing_ok=True)
    monkeypatch.chdir(tmp_path)

    text, test = written_test(tmp_path)

    assert "predictions_first=True" in text
    assert ('options="all"' if options == "all" else "'coord_scale': 2.0") in text
    with pytest.raises(AssertionError, match="location: L"):
        test()
