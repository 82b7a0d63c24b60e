"""The laws in tests of your own, and in a notebook.

    from mgloss.testing import parametrize_with_laws

    @parametrize_with_laws(my_loss, claims="batch", expected_failures={"partition": "issue 12"})
    def test_my_loss(check_law):
        check_law()

A reason says that a law is broken. Where the loss gives a law nothing to judge, say so instead:
`{"partition": NoVerdict("raises on one image, issue 14")}`.

Importing this is cheap: what judges is imported when there is something to judge.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mgloss.gate.checks.expectations import Expectation, Expected, NoVerdict, expect_failures

if TYPE_CHECKING:
    import pytest

    from mgloss.gate.losses.loading import Loaded
    from mgloss.gate.losses.options import ChosenOptions
    from mgloss.gate.losses.request import LossRequest
    from mgspec import Candidate, Description, Options, Verdict
    from mgspec.loss.roles import Roles

__all__ = [
    "Judgement",
    "LawCheck",
    "NoVerdict",
    "judge_loss",
    "parametrize_with_laws",
    "still_broken",
]

Loss = str | Callable[..., Any]
Names = str | Sequence[str]  # of components: one, or several


def parametrize_with_laws(
    loss: Loss,
    *,
    claims: str = "batch",
    laws: Sequence[str] | None = None,
    expected_failures: Mapping[str, Expected | Sequence[Expected]] | None = None,
    max_examples: int = 100,
    seed: int | None = 0,
    options: Options | Mapping[str, Any] | Literal["all"] | None = None,
    problem: str | Description | None = None,
    framework: str | None = None,
    background: Names = (),
    objects: Names = (),
    metric: Names = (),
    detached: Names = (),
    component: str | None = None,
    autocast: str | None = None,
    detector: Path | str | None = None,
) -> pytest.MarkDecorator:
    """Decorate a test that takes `check_law` and calls it: one test for each law.

    loss: a loss `f(y_true, y_pred)`, a factory `f(problem)` that returns one, or a LOSS as for
        `mgloss check`. claims: the normalization whose laws it must obey.
    laws: only these, claimed or not.
    expected_failures: laws that it is known to break, each with the reason. A law that comes to no
        verdict, because the loss raises or gives no finite number, is not broken: it fails unless
        `NoVerdict(reason)` expects that. Where some components are broken and others come to no
        verdict, give both: `("issue 12", NoVerdict("issue 14"))`. What is expected and does not
        come, or says nothing of this loss, fails until it is removed from here.
    max_examples: batches to try before a law is taken to hold.
    seed: the same finds the same counterexample; None for another search each time.
    options: of the MultiGrid loss, for one that is it: "all" for a factory that follows
        `problem.options`.
    problem: what the loss's images are where they are not of this project's layout: an
        `mgspec.Description`, or as of `mgloss check --problem`.
    framework: what it is written in, such as "torch"; None to recognize it.
    background, objects, metric, detached: names of components, as of `mgloss check`. Say so where a
        component also teaches the background, where objects alone contribute to it, where it is a
        metric, and where something in it is held constant by design.
    component: what a loss is that returns one number, such as "location"; None for the total.
    autocast: "bfloat16" or "float16" to run a PyTorch loss under torch.autocast too, for the law
        `modes`.
    detector: judge it on batches of this detector only, of the JSON file that `mgloss stats` reads.

    Raises ValueError or TypeError where the request is wrong.
    """
    import pytest

    from mgspec.loss.roles import Roles

    request = _request(
        loss,
        claims,
        options,
        problem,
        framework,
        Roles.said(
            component, objects=objects, background=background, metric=metric, detached=detached
        ),
        autocast,
        detector,
    )
    search = Search(max_examples, seed)
    chosen = _select(request, laws)
    expected = expect_failures(expected_failures, chosen)
    load = functools.cache(lambda: _load(request))
    checks = [LawCheck(law, load, search, expected.get(law)) for law in chosen]
    return pytest.mark.parametrize("check_law", [pytest.param(c, id=c.law) for c in checks])


@dataclass(frozen=True)
class Search:
    """How hard to search. Raises ValueError for numbers that cannot be."""

    max_examples: int
    seed: int | None

    def __post_init__(self) -> None:
        if type(self.max_examples) is not int or self.max_examples < 1:
            raise ValueError(f"max_examples: expected 1 or more, got {self.max_examples!r}")
        if self.seed is not None and (type(self.seed) is not int or self.seed < 0):
            raise ValueError(f"seed: expected 0 or more, or None, got {self.seed!r}")


@dataclass(frozen=True, repr=False)
class LawCheck:
    """Judges a loss by one law when it is called: passes, fails or skips the test that calls it.

    load: loads the loss. expected: how the law is known to fail; None where it must hold.
    """

    law: str
    load: Callable[[], Loaded]
    search: Search
    expected: Expectation | None

    def __repr__(self) -> str:
        return f"<law {self.law}>"

    def __call__(self) -> None:
        """Search, and tell pytest."""
        import pytest

        from mgloss.gate.checks.failure import failure_text
        from mgloss.gate.losses.importing import LoadError
        from mgspec.search.verdicts import BROKEN, ERROR, SKIPPED

        try:
            candidate = self.load().candidate
        except (LoadError, ValueError) as error:
            pytest.fail(str(error), pytrace=False)
        # Nobody reads the batch of what is known.
        verdicts = self._search(candidate, shrink=self.expected is None)
        statuses = {verdict.status for verdict in verdicts}
        if self.expected is not None:
            contradiction = self.expected.contradiction(self.law, verdicts)
            if contradiction is None:
                pytest.xfail(self.expected.reasons)  # returns under --runxfail
                pytest.fail(failure_text(verdicts), pytrace=False)
            if statuses & {BROKEN, ERROR}:
                shrunk = self._search(candidate, shrink=True)
                contradiction = f"{contradiction}\n{failure_text(shrunk)}"
            pytest.fail(contradiction, pytrace=False)
        if statuses == {SKIPPED}:
            pytest.skip(verdicts[0].message)
        if statuses & {BROKEN, ERROR}:
            pytest.fail(failure_text(verdicts), pytrace=False)

    def _search(self, candidate: Candidate, *, shrink: bool) -> list[Verdict]:
        from mgspec import LAWS, search

        return search(
            LAWS[self.law],
            candidate,
            max_examples=self.search.max_examples,
            seed=self.search.seed,
            shrink=shrink,
        )


@dataclass(frozen=True, repr=False)
class Judgement:
    """The verdicts on a loss; printed, it is the report.

    notes: what a person should know of how it was judged. components: those that it returns.
    """

    loss: str
    claims: str
    components: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every law that was judged holds, and any was."""
        return not self.failed and any(v.status == "holds" for v in self.verdicts)

    @property
    def failed(self) -> tuple[str, ...]:
        """The laws that are broken, or came to no verdict."""
        failed = (v.law for v in self.verdicts if v.status in ("broken", "error"))
        return tuple(dict.fromkeys(failed))

    def of(self, law: str) -> tuple[Verdict, ...]:
        """Return the verdicts of one law."""
        return tuple(v for v in self.verdicts if v.law == law)

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        import io

        from rich.console import Console

        from mgloss.gate.checks.domains import domain_lines
        from mgloss.gate.checks.failure import failure_text
        from mgloss.gate.reports.terminal import verdict_table

        yield f"{self.loss} against the laws of {self.claims}"
        for note in self.notes:
            yield f"note: {note}"
        console = Console(file=io.StringIO(), width=100, color_system=None)
        with console.capture() as table:
            console.print(verdict_table(self.verdicts, self.components))
        yield from ("", *(line.rstrip() for line in table.get().splitlines()))
        yield from domain_lines(self.verdicts)
        for law in self.failed:
            yield f"\n{failure_text(self.of(law))}"


def judge_loss(
    loss: Loss,
    *,
    claims: str = "batch",
    laws: Sequence[str] | None = None,
    max_examples: int = 100,
    seed: int | None = 0,
    options: Options | Mapping[str, Any] | Literal["all"] | None = None,
    problem: str | Description | None = None,
    framework: str | None = None,
    background: Names = (),
    objects: Names = (),
    metric: Names = (),
    detached: Names = (),
    component: str | None = None,
    autocast: str | None = None,
    detector: Path | str | None = None,
) -> Judgement:
    """Return the verdicts of the laws on a loss; arguments as of `parametrize_with_laws`.

    Raises ValueError or TypeError where the request is wrong, and
    `mgloss.gate.losses.importing.LoadError` where the loss cannot be judged.
    """
    from mgloss.gate.checks.domains import doubted
    from mgspec import LAWS, search
    from mgspec.loss.roles import Roles

    request = _request(
        loss,
        claims,
        options,
        problem,
        framework,
        Roles.said(
            component, objects=objects, background=background, metric=metric, detached=detached
        ),
        autocast,
        detector,
    )
    how = Search(max_examples, seed)
    chosen = _select(request, laws)
    loaded = _load(request)
    candidate = loaded.candidate
    verdicts = doubted(
        [
            verdict
            for law in chosen
            for verdict in search(
                LAWS[law], candidate, max_examples=how.max_examples, seed=how.seed
            )
        ]
    )
    return Judgement(candidate.name, claims, candidate.components, tuple(verdicts), loaded.notes)


def still_broken(
    counterexample: Path | str,
    loss: Loss | None,
    *,
    options: Options | Mapping[str, Any] | Literal["all"] | None = None,
    problem: str | Description | None = None,
    framework: str | None = None,
    background: Names = (),
    objects: Names = (),
    metric: Names = (),
    detached: Names = (),
    component: str | None = None,
    predictions_first: bool | None = None,
    autocast: str | None = None,
) -> str | None:
    """Return the broken law and what came instead, or None if it holds on this batch now.

    Regression tests that `mgloss check` writes call it.

    counterexample: its file, which also says what the loss claims.
    loss: as of `parametrize_with_laws`; None for the built-in reference.
    predictions_first: whether the loss takes (y_pred, y_true); None to go by its arguments' names.
    The others: as of `parametrize_with_laws`; without options, those of the counterexample.

    Raises ValueError where the file or the loss is not what it should be, and
    `mgloss.gate.losses.importing.LoadError` where the loss cannot be loaded.
    """
    from mgloss.gate.checks.stored import explain_broken
    from mgloss.gate.losses.request import LossRequest
    from mgspec.loss.roles import Roles

    request = LossRequest(
        loss,
        options=_options(options),
        problem=problem,
        framework=framework,
        predictions_first=predictions_first,
        roles=Roles.said(
            component, objects=objects, background=background, metric=metric, detached=detached
        ),
        autocast=autocast,
    )
    return explain_broken(Path(counterexample), request)


def _request(
    loss: Loss,
    claims: str,
    options: object,
    problem: str | Description | None,
    framework: str | None,
    roles: Roles,
    autocast: str | None,
    detector: Path | str | None,
) -> LossRequest:
    """Return the request; raise TypeError or ValueError where that already shows it is wrong."""
    from mgloss.gate.losses.attributes import attribute
    from mgloss.gate.losses.detectors import read_detector
    from mgloss.gate.losses.options import require_agreement
    from mgloss.gate.losses.request import LossRequest
    from mgspec import Options

    chosen = _options(options)
    if isinstance(chosen, Options):
        require_agreement(chosen, claims)
    if not isinstance(loss, str) and not callable(attribute(loss, "compute_loss", loss)):
        raise TypeError(
            "loss: expected a function f(y_true, y_pred), a factory f(problem), an object with "
            "compute_loss, or a LOSS such as 'my_loss.py:loss', got "
            f"{type(loss).__name__}"
        )
    try:
        fixed = read_detector(detector)
    except ValueError as error:
        raise ValueError(f"detector: {error}") from None
    return LossRequest(
        loss, claims, chosen, problem, framework, autocast=autocast, roles=roles, detector=fixed
    )


def _options(options: object) -> ChosenOptions:
    from mgloss.gate.losses.options import ALL
    from mgspec import Options

    if options is None or options == ALL:
        return None if options is None else ALL
    if isinstance(options, Mapping):
        return Options.from_dict(options)
    if not isinstance(options, Options):
        raise TypeError(
            f"options: expected Options, a mapping of them, or 'all', got {type(options).__name__}"
        )
    return options


def _select(request: LossRequest, laws: Sequence[str] | None) -> tuple[str, ...]:
    """Return the laws to judge."""
    from mgloss.gate.checks.selection import select_laws

    if isinstance(laws, str):
        raise TypeError(f"laws: expected a list of names, such as [{laws!r}]")
    if laws is not None and not laws:
        raise ValueError("laws: expected at least one; leave it out for all that are claimed")
    return select_laws(request.claims, tuple(laws or ()), is_multigrid=request.options is not None)


def _load(request: LossRequest) -> Loaded:
    from mgloss.gate.losses.loading import load

    return load(request)
