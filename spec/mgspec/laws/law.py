"""The parts of a law: a function with a normative docstring, its cases, and its needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import hypothesis.strategies as st

from mgspec.drawing.variety import Variety
from mgspec.laws.comparison import Comparison
from mgspec.laws.needs import Need
from mgspec.loss.candidate import COMPONENTS, Candidate, Evaluation, LossError
from mgspec.problem.layout import AnyBatch, AnyProblem, Batch, Problem

Choice = int | float | tuple[int, ...]

# The components that objects alone contribute to; a total also holds the background's term.
OBJECT_TERMS = ("location", "classification")

SECTIONS = ("Formula", "Why it matters", "Broken by")


@dataclass(frozen=True)
class Case:
    """One input of a law, complete: enough to check the law again.

    batches: the batches by the name that the law's statement uses, such as "X".
    choices: the other drawn numbers by name, such as the order of images.
    """

    problem: AnyProblem
    batches: Mapping[str, AnyBatch]
    choices: Mapping[str, Choice] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """A case that breaks a law, and how.

    comparison: the one that fails; None if the loss gave no answer. `message` then says why.
    """

    case: Case
    message: str
    comparison: Comparison | None = None


Cases = Callable[[Variety], st.SearchStrategy[Case]]


@dataclass(frozen=True)
class Trial:
    """A candidate and a case: the argument of a law's function.

    components: the components that the law must compare.
    """

    candidate: Candidate
    case: Case
    components: tuple[str, ...]

    @property
    def problem(self) -> Problem:
        """The case's problem, of this layout; raises ValueError if it is of another."""
        if not isinstance(self.case.problem, Problem):
            raise ValueError("problem: is described; this law needs the project's own layout")
        return self.case.problem

    def images(self, name: str) -> AnyBatch:
        """Return the batch of this name, of any layout. Raise ValueError if there is none."""
        if name not in self.case.batches:
            raise ValueError(f"batches: expected one named {name!r}")
        return self.case.batches[name]

    def batch(self, name: str) -> Batch:
        """Return the batch of this name. Raise ValueError if it has another layout."""
        batch = self.images(name)
        if not isinstance(batch, Batch):
            raise ValueError(f"batches: {name!r} is not of the project's own layout")
        return batch

    def choice(self, name: str, least: int, most: int) -> int:
        """Return the whole number of this name. Raise ValueError if it is out of bounds.

        A drawn case is never out of bounds; a case read from a file may be.
        """
        value = self.case.choices.get(name)
        if not isinstance(value, int) or not least <= value <= most:
            raise ValueError(
                f"{name}: expected a whole number from {least} to {most}, got {value!r}"
            )
        return value

    def number(self, name: str, most: float) -> float:
        """Return the number of this name. Raise ValueError if its magnitude is above `most`."""
        value = self.case.choices.get(name)
        if not isinstance(value, (int, float)) or abs(value) > most:
            raise ValueError(f"{name}: expected a number up to {most:g}, got {value!r}")
        return float(value)

    def evaluate(
        self, batch: AnyBatch, *, gradients: bool = False, problem: AnyProblem | None = None
    ) -> Evaluation:
        """Evaluate the candidate on a batch. Raise LossError if its components have changed.

        gradients: evaluate them too; they stay None if the candidate has none.
        problem: another problem than that of the case.
        """
        return self._agreed(
            self.candidate.run(
                problem or self.case.problem, batch, gradients and self.candidate.has_gradients
            )
        )

    def _agreed(self, answer: Evaluation) -> Evaluation:
        if set(answer.components) != set(self.candidate.components):
            raise LossError(
                f"the loss returned the components {', '.join(sorted(answer.components))} "
                f"where it had returned {', '.join(sorted(self.candidate.components))}"
            )
        return answer


Check = Callable[[Trial], Iterator[Comparison]]


@dataclass(frozen=True)
class Law:
    """A law of loss normalization.

    statement: one sentence. sections: "Formula", "Why it matters", "Broken by".
    cases: returns the strategy that builds its inputs, preconditions included.
    check: yields what must hold, as comparisons.
    speaks_of: the components that it can judge.
    needs: what a loss must have to be judged by it.
    on_request: it is about this layout's own loss; other losses are judged only when it is named.
    one_in: try 1 of N examples, because each costs several evaluations.
    """

    name: str
    statement: str
    sections: Mapping[str, str]
    cases: Cases
    check: Check
    speaks_of: tuple[str, ...] = COMPONENTS
    needs: tuple[Need, ...] = ()
    on_request: bool = False
    one_in: int = 1

    def components_of(self, candidate: Candidate) -> tuple[str, ...]:
        """Return the candidate's components that this law can judge."""
        if candidate.description is None or self.speaks_of == ("total",):
            return tuple(c for c in candidate.components if c in self.speaks_of)
        if self.speaks_of == OBJECT_TERMS:
            held = candidate.description.background
            return tuple(c for c in candidate.components if c not in held)
        return candidate.components

    def why_not(self, candidate: Candidate) -> str | None:
        """Return why this law cannot judge the candidate, or None if it can."""
        for need in self.needs:
            reason = need.why_not(candidate)
            if reason is not None:
                return reason
        if self.components_of(candidate):
            return None
        returned = ", ".join(candidate.components)
        if candidate.description is not None:
            return (
                "speaks of what objects alone contribute; in each component of this loss, "
                f"{returned}, the description says there is background"
            )
        return f"speaks of {' and '.join(self.speaks_of)}; the loss returns only {returned}"


REGISTERED: dict[str, Law] = {}  # in the order of definition


def law(
    cases: Cases,
    *,
    speaks_of: tuple[str, ...] = COMPONENTS,
    needs: tuple[Need, ...] = (),
    on_request: bool = False,
    one_in: int = 1,
) -> Callable[[Check], Check]:
    """Register a function as the law of its name; its docstring becomes the normative text.

    Arguments: the fields of `Law`.
    """

    def register(check: Check) -> Check:
        name = check.__name__
        statement, *paragraphs = (inspect.getdoc(check) or "").split("\n\n")
        sections = {}
        for paragraph in paragraphs:
            title, _, text = paragraph.partition(":")
            sections[title] = " ".join(text.split())
        if tuple(sections) != SECTIONS:
            raise TypeError(f"law {name}: its docstring needs {', '.join(SECTIONS)}")
        REGISTERED[name] = Law(
            name,
            " ".join(statement.split()),
            sections,
            cases,
            check,
            speaks_of,
            needs,
            on_request,
            one_in,
        )
        return check

    return register
