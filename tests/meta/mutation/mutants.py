"""The mutants of a module: its source with one small fault each, made by cosmic-ray's operators.

Which operators, and why not all: see README.md.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import parso
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator

ROOT = Path(__file__).parents[3]

OF_COSMIC_RAY = (
    *(
        f"ReplaceBinaryOperator_{pair}"
        for pair in (
            "Add_Sub",
            "Sub_Add",
            "Mul_Div",
            "Div_Mul",
            "FloorDiv_Mod",
            "Mod_FloorDiv",
            "Pow_Mul",
            "BitAnd_BitOr",
            "BitOr_BitAnd",
        )
    ),
    *(
        f"ReplaceComparisonOperator_{pair}"
        for pair in (
            "Eq_NotEq",
            "NotEq_Eq",
            "Lt_LtE",
            "Lt_GtE",
            "LtE_Lt",
            "LtE_Gt",
            "Gt_GtE",
            "Gt_LtE",
            "GtE_Gt",
            "GtE_Lt",
            "Is_IsNot",
            "IsNot_Is",
        )
    ),
    "ReplaceUnaryOperator_Delete_USub",
    "ReplaceUnaryOperator_Delete_Invert",
    "ReplaceUnaryOperator_Delete_Not",
    "AddNot",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ExceptionReplacer",
    "NumberReplacer",
    "ZeroIterationForLoop",
)

# In array code much of the logic is the choice of a function, which cosmic-ray leaves as it is.
PARTNERS = {
    name: partner
    for pair in (
        ("minimum", "maximum"),
        ("min", "max"),
        ("reduce_any", "reduce_all"),
        ("any", "all"),
        ("ones_like", "zeros_like"),
        ("argmax", "argmin"),
        ("sigmoid", "tanh"),
    )
    for name, partner in (pair, pair[::-1])
} | {"floor": "round", "ceil": "floor"}
TRANSPARENT = ("stop_gradient", "relu", "abs", "square", "clip_by_value", "clip")


class ReplaceFunction(Operator):
    """A function called by its partner, such as minimum by maximum."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """Names that are called and have a partner."""
        if _is_called(node) and node.value in PARTNERS:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """The node with the partner's name."""
        node.value = PARTNERS[node.value]
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """None are needed: they only serve cosmic-ray's own tests."""
        return ()


class RemoveFunction(Operator):
    """A call replaced by its first argument: no stopped gradient, no relu, no bound."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """Names of functions whose first argument can stand for them."""
        if _is_called(node) and node.value in TRANSPARENT and _call_of(node) is not None:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """The name with the function put around it that gives its first argument back."""
        node.value = f"{node.value} and (lambda first, *_: first)"
        call = _call_of(node)
        if node.parent.type == "trailer":  # module.name(...): open the parenthesis before module
            first = call.get_first_leaf()
            first.value = f"({first.value}"
            node.value += ")"
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """None are needed: they only serve cosmic-ray's own tests."""
        return ()


def _call_of(node: Any) -> Any:
    """The expression `module.name(...)` or `name(...)` that this name is the function of."""
    holder = node.parent if node.parent.type == "trailer" else node
    return holder.parent if holder.parent.type in ("atom_expr", "power") else None


def _is_called(node: Any) -> bool:
    following = node.get_next_leaf() if isinstance(node, parso.python.tree.Name) else None
    return following is not None and following.value == "(" and node.parent.type != "funcdef"


@dataclass(frozen=True, order=True)
class Mutant:
    """One fault: in a module, within a function, this line became that one.

    number: tells apart mutants of the same function that read alike.
    source: the whole module with the fault.
    """

    module: str
    within: str
    line: str
    mutant: str
    number: int
    source: str

    @property
    def key(self) -> str:
        """What it is known by in files, as long as its function and line stay as they are."""
        number = f" ({self.number})" if self.number else ""
        return f"{self.module}: {self.within}: {self.line} -> {self.mutant}{number}"


def mutants(module: str) -> list[Mutant]:
    """All mutants of a module, by its path from the root; each program once."""
    code = (ROOT / module).read_text(encoding="utf-8")
    known, found = {_program(code)}, []
    alike: Counter[tuple[str, str, str]] = Counter()
    operators = [get_operator(f"core/{name}") for name in OF_COSMIC_RAY]
    for operator in (*operators, ReplaceFunction, RemoveFunction):
        occurrence = 0
        while (source := mutate_code(code, operator(), occurrence)) is not None:
            occurrence += 1
            program = _program(source)
            if program is None or program in known:  # no program, or one that does the same
                continue
            known.add(program)
            number, line, mutant = _difference(code, source)
            name = (_within(code, number), line, mutant)
            found.append(Mutant(module, *name, alike[name], source))
            alike[name] += 1
    return found


def _program(code: str) -> str | None:
    """What tells two programs apart: not annotations, which nothing evaluates; None for no program.

    A dictionary's `**` looks like a power to cosmic-ray, for one.
    """
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, (ast.arg, ast.AnnAssign)):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
    return ast.dump(tree)


def _difference(code: str, source: str) -> tuple[int, str, str]:
    """Number of the first line that differs, the lines as they were, and as they are."""
    before, after = code.splitlines(), source.splitlines()
    pairs = list(zip(before, after, strict=False))
    first = next(i for i, (old, new) in enumerate(pairs) if old != new)
    more = len(after) - len(before)
    last = len(before)
    while before[last - 1] == after[last - 1 + more]:
        last -= 1
    old, new = before[first:last], after[first : last + more]
    return first + 1, " ".join(" ".join(old).split()), " ".join(" ".join(new).split())


def _within(code: str, line: int) -> str:
    """The functions and classes around a line, such as "Pairs.nested"."""
    names = [
        node.name
        for node in ast.walk(ast.parse(code))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return ".".join(names) or "module"
