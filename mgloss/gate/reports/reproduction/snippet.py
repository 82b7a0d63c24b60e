"""Write a counterexample as a Python file that runs without mgloss.

The reader of a review has the loss and NumPy, and wants to see it break. The snippet holds the
arrays as literals, calls the loss as it was called here, and prints the two sides of the law.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from mgloss.gate.losses.adapters.frameworks import FRAMEWORKS, NUMPY, Framework
from mgloss.gate.losses.form import Style
from mgloss.gate.losses.importing import split_name
from mgloss.gate.reports.reproduction.python_text import comment, docstring, quoted, statement
from mgspec import LAWS, Batch, Described, Problem
from mgspec.laws import Case
from mgspec.problem.changes import with_background
from mgspec.problem.layout import Array
from mgspec.saved.counterexample import Counterexample

ABOUT_GRADIENT = re.compile(r"^\w+: (\d+ )?(d\(|max \|d)")
SHORT = 3  # numbers of a cell that are set one by one; more are written as a row


def why_none(counterexample: Counterexample, style: Style | None) -> str | None:
    """Return why there is no snippet of this counterexample; None if there is one."""
    if style is None or not counterexample.loss:
        return "the reference is a part of mgloss"
    if style.framework not in FRAMEWORKS:
        return f"it would not know how to give arrays to {style.framework}"
    if counterexample.law not in BODIES:
        return f"'{counterexample.law}' compares with what mgloss computes"
    if isinstance(counterexample.case.problem, Described):
        return "how the loss is called is told by the description of its problem"
    if ABOUT_GRADIENT.match(counterexample.message):
        return "what differs is a gradient"
    return None


def _of_layout(case: Case) -> Problem:
    """Return the case's problem; `why_none` has checked that it is of this project's layout."""
    assert isinstance(case.problem, Problem)
    return case.problem


def snippet_text(counterexample: Counterexample, style: Style) -> str:
    """Return the snippet as Python. Call it only if `why_none` returns None."""
    law, case = LAWS[counterexample.law], counterexample.case
    framework = FRAMEWORKS[style.framework]
    place, within = split_name(counterexample.loss)
    from_file = place.endswith(".py")
    sections = [
        docstring(
            law.statement,
            law.sections["Formula"],
            f"A batch on which a loss broke this law, '{law.name}'. To see both sides of it, run "
            "this file in the folder that the loss was named from. It needs NumPy and the loss.",
        ),
        [
            "import importlib.util" if from_file else "import importlib",
            "import sys",
            *(["from pathlib import Path"] if from_file else []),
            *(["from types import SimpleNamespace"] if style.is_factory else []),
            "",
            "import numpy as np",
            *([framework.import_line] if framework.import_line else []),
        ],
        [
            *comment("The loss: the file or module, and the name in it."),
            f"PLACE = {quoted(place)}",
            f"NAME = {quoted(within)}",
            *comment("The component that is compared, where the loss returns several."),
            f"COMPONENT = {quoted(counterexample.component) if counterexample.component else None}",
            *comment(f"What came when it was found: {counterexample.message}"),
        ],
        *([_problem("PROBLEM", _of_layout(case))] if style.is_factory else []),
        # By the names that laws use: a file may hold others, which would become code here.
        *(
            _batch(name, batch)
            for name in ("X", "Y")
            if isinstance(batch := case.batches.get(name), Batch)
        ),
        ["", *(LOAD_FILE if from_file else LOAD_MODULE)],
        [
            "",
            *(
                ["make = load()", "found = make(PROBLEM)"]
                if style.is_factory
                else ["found = load()"]
            ),
        ],
        ["", *_call(style, framework)],
        ["", "def show(what, value):", '    print(f"{what} = {value:.9g}")', ""],
        BODIES[counterexample.law](counterexample, style),
    ]
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


LOAD_FILE = """\
def load():
    sys.path.insert(0, str(Path(PLACE).resolve().parent))
    spec = importlib.util.spec_from_file_location("candidate", PLACE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["candidate"] = module
    spec.loader.exec_module(module)
    return getattr(module, NAME)""".splitlines()
LOAD_MODULE = """\
def load():
    sys.path.insert(0, "")
    return getattr(importlib.import_module(PLACE), NAME)""".splitlines()


def _call(style: Style, framework: Framework) -> list[str]:
    lines = [
        "def L(batch, loss=found):",
        "    y_true, y_pred = ("
        f"[{framework.make_array}(array) for array in arrays] for arrays in batch)",
    ]
    if style.per_scale:
        lines.append("    return sum(value(loss(t, p)) for t, p in zip(y_true, y_pred))")
    else:
        lines.append("    return value(loss(y_true, y_pred))")
    return [
        *lines,
        "",
        "",
        "def value(answer):",
        '    if hasattr(answer, "keys"):',
        "        answer = answer[COMPONENT or next(iter(answer))]",
        f"    return float({_as_number(style, framework)})",
    ]


def _as_number(style: Style, framework: Framework) -> str:
    """Return the code that makes one number of `answer`."""
    if style.averages:
        return framework.mean.replace("values", "answer")
    # An array of one number is no number, except for PyTorch, whose arrays NumPy cannot average.
    return "answer" if framework.name == "torch" else "np.mean(answer)"


def _number(number: Any) -> str:
    """Return the shortest decimal that is the same float32."""
    text = str(np.float32(number))
    return text.removesuffix(".0") if text != "-0.0" else text


def _array(name: str, array: Array) -> tuple[str, list[str]]:
    """Return an array of the commonest number, and the assignments of all others."""
    bits = array.view(np.uint32)  # which tell -0.0 from 0.0
    values, counts = np.unique(bits, return_counts=True)
    most = values[np.argmax(counts)] if 2 * counts.max() > array.size else np.uint32(0)
    common = np.array([most], np.uint32).view(np.float32)[0]
    shape = ", ".join(map(str, array.shape))
    base = (
        f"np.full(({shape}), {_number(common)}, np.float32)"
        if most
        else f"np.zeros(({shape}), np.float32)"
    )
    lines = []
    different = bits != most
    for place in np.argwhere(different.any(-1)):
        where = ", ".join(map(str, place))
        channels = np.flatnonzero(different[tuple(place)])
        numbers = array[tuple(place)]
        if len(channels) <= SHORT:
            lines += [f"{name}[{where}, {c}] = {_number(numbers[c])}" for c in channels]
        else:
            lines += statement(f"{name}[{where}]", [_number(number) for number in numbers])
    return base, lines


def _arrays(name: str, arrays: Iterable[Array]) -> list[str]:
    written = [_array(f"{name}[{scale}]", array) for scale, array in enumerate(arrays)]
    return [
        *statement(name, [base for base, _ in written]),
        *(line for _, lines in written for line in lines),
    ]


def _batch(name: str, batch: Batch) -> list[str]:
    """Return the lines that make a batch: two lists of arrays, and both under its name."""
    true, pred = f"{name.lower()}_true", f"{name.lower()}_pred"
    return [
        *comment(f"{name}: targets and predictions, one [B, H, W, 5 + A + C] array a scale."),
        *_arrays(true, batch.targets),
        *_arrays(pred, batch.predictions),
        f"{name} = ({true}, {pred})",
    ]


def _problem(name: str, problem: Problem) -> list[str]:
    options = [
        f"        {key}={quoted(value) if isinstance(value, str) else repr(value)},"
        for key, value in problem.options.to_dict().items()
    ]
    return [
        f"{name} = SimpleNamespace(",
        f"    anchors={problem.anchors!r},",
        f"    num_classes={problem.num_classes!r},",
        f"    input_shape={problem.input_shape!r},",
        "    options=SimpleNamespace(",
        *options,
        "    ),",
        f"    classes={problem.num_classes!r},  # the old names of num_classes and input_shape",
        f"    input_size={problem.input_shape!r},",
        ")",
    ]


def _same(*shown: tuple[str, str], law: str = "they are equal") -> list[str]:
    """Return lines that print the value of each expression, and what the law says of them."""
    return [
        *(f'show("{what}", {expression})' for what, expression in shown),
        f'print("the law says: {law}")',
    ]


def _finite(counterexample: Counterexample, style: Style) -> list[str]:
    return _same(("L(X)", "L(X)"), law="a finite number")


def _empty(counterexample: Counterexample, style: Style) -> list[str]:
    background = _of_layout(counterexample.case).options.background
    teaches = counterexample.component in ("total", background)
    return _same(("L(X)", "L(X)"), law="more than 0" if teaches else "exactly 0")


def _nonnegative(counterexample: Counterexample, style: Style) -> list[str]:
    return _same(("L(X)", "L(X)"), law="at least 0")


def _pure(counterexample: Counterexample, style: Style) -> list[str]:
    lines = [
        'show("L(X)", L(X))',
        'show("L(Y)", L(Y))',
        *_same(("L(X) again", "L(X)"), law="the first and the last are equal"),
    ]
    if style.framework != NUMPY:
        return lines
    call = "[found(t, p) for t, p in zip(*given)]" if style.per_scale else "found(*given)"
    return [
        *lines,
        "",
        "given = tuple([array.copy() for array in arrays] for arrays in X)",
        call,
        "pairs = [pair for ours, theirs in zip(X, given) for pair in zip(ours, theirs)]",
        'print("its inputs are as they were:", all(np.array_equal(a, b) for a, b in pairs))',
        'print("the law says: True")',
    ]


def _permutation(counterexample: Counterexample, style: Style) -> list[str]:
    order = list(counterexample.case.choices["order"])  # type: ignore[arg-type]
    return [
        f"order = {order}",
        "other = tuple([array[order] for array in arrays] for arrays in X)",
        *_same(("L(X in another order)", "L(other)"), ("L(X)", "L(X)")),
    ]


def _replication(counterexample: Counterexample, style: Style) -> list[str]:
    times = counterexample.case.choices["times"]
    return [
        f"many = tuple([np.concatenate([array] * {times}) for array in arrays] for arrays in X)",
        *_same((f"L(X repeated {times} times)", "L(many)"), ("L(X)", "L(X)")),
    ]


def _partition(counterexample: Counterexample, style: Style) -> list[str]:
    of_x, of_y = (counterexample.case.batches[name].images for name in ("X", "Y"))
    return [
        "both = tuple([np.concatenate(two) for two in zip(*arrays)] for arrays in zip(X, Y))",
        f"b_x, b_y = {of_x}, {of_y}  # images",
        *_same(
            ("L(X)", "L(X)"),
            ("L(Y)", "L(Y)"),
            ("L(X + Y)", "L(both)"),
            ("(B_X L(X) + B_Y L(Y)) / (B_X + B_Y)", "(b_x * L(X) + b_y * L(Y)) / (b_x + b_y)"),
            law="the last two are equal",
        ),
    ]


def _sharding(counterexample: Counterexample, style: Style) -> list[str]:
    count = counterexample.case.choices["shards"]
    return [
        f"count = {count}",
        "cut = [[np.split(array, count) for array in arrays] for arrays in X]",
        "shards = [tuple([array[k] for array in arrays] for arrays in cut) for k in range(count)]",
        "values = [L(shard) for shard in shards]",
        "for k, of_shard in enumerate(values):",
        '    show(f"L(X_{k + 1})", of_shard)',
        *_same(
            ("L(X)", "L(X)"),
            ("their mean", "sum(values) / count"),
            law="the last two are equal",
        ),
    ]


def _cell(case: Case) -> tuple[int, str]:
    image, scale, row, column = (case.choices[n] for n in ("image", "scale", "row", "column"))
    return int(scale), f"{image}, {row}, {column}"  # type: ignore[arg-type]


def _object_monotone(counterexample: Counterexample, style: Style) -> list[str]:
    scale, cell = _cell(counterexample.case)
    return [
        "without = ([array.copy() for array in X[0]], X[1])",
        f"without[0][{scale}][{cell}] = 0",
        *_same(
            ("L(X)", "L(X)"),
            ("L(X without one of its objects)", "L(without)"),
            law="the first is at least the second",
        ),
    ]


def _density_monotone(counterexample: Counterexample, style: Style) -> list[str]:
    scale, cell = _cell(counterexample.case)
    law = "the first is at least the second"
    if counterexample.claims == "hybrid":
        law = "the first is more than the second, and at most twice that"
    return [
        "only = ([np.zeros_like(array) for array in X[0]], X[1])",
        f"only[0][{scale}][{cell}] = X[0][{scale}][{cell}]",
        *_same(("L(all objects)", "L(X)"), ("L(one object)", "L(only)"), law=law),
    ]


def _density_neutral(counterexample: Counterexample, style: Style) -> list[str]:
    return _same(("L(X)", "L(X)"), ("L(Y)", "L(Y)"))


def _resolution(counterexample: Counterexample, style: Style) -> list[str]:
    case = counterexample.case
    x, choices = case.batches["X"], case.choices
    assert isinstance(x, Batch)
    rows, columns, prediction = (choices[n] for n in ("rows", "columns", "prediction"))
    problem, larger = with_background(_of_layout(case), x, rows, columns, prediction)  # type: ignore[arg-type]
    added = [(h - a, w - b) for (h, w), (a, b) in zip(larger.grids, x.grids, strict=True)]
    lines = [
        f"added = {added}  # rows and columns, by scale",
        "around = [[(0, 0), (0, rows), (0, columns), (0, 0)] for rows, columns in added]",
        "targets = [np.pad(array, pad) for array, pad in zip(X[0], around)]",
        f"fill = {_number(prediction)}",
        "predictions = [np.pad(a, pad, constant_values=fill) for a, pad in zip(X[1], around)]",
    ]
    value = "L((targets, predictions))"
    if style.is_factory:
        lines += _problem("LARGER", problem)
        value = "L((targets, predictions), make(LARGER))"
    return [*lines, *_same(("L(X with background)", value), ("L(X)", "L(X)"))]


BODIES = {
    "finite": _finite,
    "empty": _empty,
    "nonnegative": _nonnegative,
    "pure": _pure,
    "permutation": _permutation,
    "replication": _replication,
    "partition": _partition,
    "sharding": _sharding,
    "object_monotone": _object_monotone,
    "density_monotone": _density_monotone,
    "density_neutral": _density_neutral,
    "resolution": _resolution,
}
