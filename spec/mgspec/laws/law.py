"""The parts of a law: a function with a normative docstring, its cases, and its needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import hypothesis.strategies as st

from mgspec.drawing.variety import Variety
from mgspec.laws.comparison import Comparison
from mgspec.laws.needs import DERIVATIVE, ComponentNeed, Need
from mgspec.loss.candidate import COMPONENTS, Candidate, Evaluation, LossError
from mgspec.loss.roles import BACKGROUND, METRIC, OBJECTS
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
    on_answer: called with each batch that the loss has answered.
    """

    candidate: Candidate
    case: Case
    components: tuple[str, ...]
    on_answer: Callable[[AnyBatch], None] | None = None

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
        answer = self._agreed(
            self.candidate.run(
                problem or self.case.problem, batch, gradients and self.candidate.has_gradients
            )
        )
        if self.on_answer is not None:
            self.on_answer(batch)
        return answer

    def evaluate_reseeded(self, batch: AnyBatch) -> Evaluation | None:
        """Evaluate with other random numbers and with gradients; None if the loss draws none."""
        if self.candidate.reseeded is None:
            return None
        has_gradients = self.candidate.has_gradients
        return self._agreed(self.candidate.reseeded(self.case.problem, batch, has_gradients))

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
    component_needs: what a component must have to be judged by it.
    on_metrics: it also judges metrics, for it is true of any number of a batch.
    by_role: what it asks of a component depends on the component's role.
    on_request: it is about this layout's own loss; other losses are judged only when it is named.
    one_in: try 1 of N examples, because each costs several evaluations.
    somewhere: it says that something happens on some case. It is broken if that happens on no case
        of the whole search; one case proves nothing.
    judges_refusals: a case breaks it on which the loss raises, or gives a number that is not
        finite. To other laws such a case is none.
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
    component_needs: tuple[ComponentNeed, ...] = ()
    on_metrics: bool = False
    by_role: bool = False
    somewhere: bool = False
    judges_refusals: bool = False

    def components_of(self, candidate: Candidate) -> tuple[str, ...]:
        """Return the candidate's components that this law can judge."""
        excused = self.excused(candidate)
        return tuple(c for c in self._spoken_of(candidate) if c not in excused)

    def excused(self, candidate: Candidate) -> dict[str, str]:
        """Return the components that this law speaks of and cannot judge, each with the reason."""
        return {
            component: reason
            for component in self._spoken_of(candidate)
            for need in self.component_needs
            if (reason := need.why_not(candidate, component)) is not None
        }

    def advise(self, candidate: Candidate, component: str, problem: AnyProblem) -> str | None:
        """Return what a person may say of a component that breaks this law, or None."""
        if candidate.roles is None:
            return None
        if DERIVATIVE in self.component_needs:
            return (
                "where a loss holds an assignment or a weight constant by design, "
                f"--detached {component} says so"
            )
        return candidate.taken(component, problem).explanation if self.by_role else None

    def _spoken_of(self, candidate: Candidate) -> tuple[str, ...]:
        role = {c: candidate.role(c) for c in candidate.components}
        judged = tuple(c for c in role if self.on_metrics or role[c] != METRIC)
        if candidate.description is None or self.speaks_of == ("total",):
            judged = tuple(c for c in judged if c in self.speaks_of)
            return tuple(
                c for c in judged if self.speaks_of != OBJECT_TERMS or role[c] != BACKGROUND
            )
        if self.speaks_of == OBJECT_TERMS:
            return tuple(c for c in judged if role[c] == OBJECTS)
        return judged

    def why_not(self, candidate: Candidate) -> str | None:
        """Return why this law cannot judge the candidate, or None if it can."""
        for need in self.needs:
            reason = need.why_not(candidate)
            if reason is not None:
                return reason
        if self.components_of(candidate):
            return None
        excused = self.excused(candidate)
        if excused:
            return next(iter(excused.values()))
        returned = ", ".join(candidate.components)
        if self.speaks_of == OBJECT_TERMS and candidate.roles is not None:
            held = [candidate.taken(c) for c in candidate.components]
            if candidate.description is not None or any(t.is_said for t in held):
                taken = "; ".join(t.explanation for t in held)
                return f"speaks of what objects alone contribute; {taken}"
        if candidate.description is not None:
            return f"speaks of what objects alone contribute; the loss returns only {returned}"
        return f"speaks of {' and '.join(self.speaks_of)}; the loss returns only {returned}"


REGISTERED: dict[str, Law] = {}  # in the order of definition


def law(
    cases: Cases,
    *,
    speaks_of: tuple[str, ...] = COMPONENTS,
    needs: tuple[Need, ...] = (),
    on_request: bool = False,
    one_in: int = 1,
    component_needs: tuple[ComponentNeed, ...] = (),
    on_metrics: bool = False,
    by_role: bool | None = None,
    somewhere: bool = False,
    judges_refusals: bool = False,
) -> Callable[[Check], Check]:
    """Register a function as the law of its name; its docstring becomes the normative text.

    Arguments: the fields of `Law`. by_role: None for a law that speaks of what objects alone
        contribute.
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
            component_needs,
            on_metrics,
            speaks_of == OBJECT_TERMS if by_role is None else by_role,
            somewhere,
            judges_refusals,
        )
        return check

    return register
