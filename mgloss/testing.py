"""The laws in tests of your own, and in a notebook.

    from mgloss.testing import parametrize_with_laws

    @parametrize_with_laws(my_loss, claims="batch", expected_failures={"partition": "issue 12"})
    def test_my_loss(check_law):
        check_law()

Importing this is cheap: what judges is imported when there is something to judge.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pytest

    from mgloss.gate.losses.loading import Loaded
    from mgspec import Description, Options, Verdict

__all__ = ["Judgement", "LawCheck", "judge_loss", "parametrize_with_laws"]

Loss = str | Callable[..., Any]


def parametrize_with_laws(
    loss: Loss,
    *,
    claims: str = "batch",
    laws: Sequence[str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    max_examples: int = 100,
    seed: int | None = 0,
    options: Options | Mapping[str, Any] | Literal["all"] | None = None,
    problem: str | Description | None = None,
    framework: str | None = None,
) -> pytest.MarkDecorator:
    """Decorates a test that takes `check_law` and calls it: one test for each law.

    loss: a loss `f(y_true, y_pred)`, a factory `f(problem)` that returns one, or a LOSS as for
        `mgloss check`. claims: the normalization whose laws it must obey.
    laws: only these, claimed or not.
    expected_failures: laws that it is known to break, each with the reason. A law that holds after
        all, or that says nothing of this loss, fails until it is removed from here.
    seed: the same finds the same counterexample; None for another search each time.
    options: of the MultiGrid loss, for one that is it: "all" for a factory that follows
        `problem.options`.
    problem: what the loss's images are where they are not of this project's layout: an
        `mgspec.Description`, or as of `mgloss check --problem`.
    framework: what it is written in, such as "torch"; None for what it is recognized as.

    Raises ValueError or TypeError where the request is wrong.
    """
    import pytest

    from mgspec.problem.normalizations import unknown

    options = _options_of(options, claims)
    chosen = _chosen(loss, claims, laws, options, max_examples, seed)
    expected = expected_failures or {}
    if not isinstance(expected, Mapping):
        raise TypeError(
            "expected_failures: expected a mapping of laws to reasons, "
            f"got {type(expected).__name__}"
        )
    for law, reason in expected.items():
        if law not in chosen:
            raise ValueError(
                f"expected_failures: not among the laws judged: {unknown('law', law, chosen)}"
            )
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"expected_failures[{law!r}]: expected a reason, got {reason!r}")
    loaded = functools.cache(lambda: _loaded(loss, claims, options, problem, framework))
    checks = [LawCheck(law, loaded, max_examples, seed, expected.get(law)) for law in chosen]
    return pytest.mark.parametrize("check_law", [pytest.param(c, id=c.law) for c in checks])


@dataclass(frozen=True, repr=False)
class LawCheck:
    """Judges a loss by one law when it is called: passes, fails or skips the test that calls it.

    reason: why the law is known to be broken; None where it must hold.
    """

    law: str
    loaded: Callable[[], Loaded]
    max_examples: int
    seed: int | None
    reason: str | None

    def __repr__(self) -> str:
        return f"<law {self.law}>"

    def __call__(self) -> None:
        """Search, and tell pytest."""
        import pytest

        from mgloss.gate.checks.failure import failure_text
        from mgloss.gate.losses.loading import LoadError
        from mgspec import LAWS, search
        from mgspec.search.verdicts import BROKEN, ERROR, SKIPPED

        try:
            candidate = self.loaded().candidate
        except (LoadError, ValueError) as error:
            pytest.fail(str(error), pytrace=False)
        found = search(
            LAWS[self.law],
            candidate,
            max_examples=self.max_examples,
            seed=self.seed,
            shrink=self.reason is None,  # nobody reads the batch of what is known
        )
        if all(verdict.status == SKIPPED for verdict in found):
            message = found[0].message
            if self.reason is not None:
                self._refuse_expectation(f"says nothing of this loss ({message})")
            pytest.skip(message)
        if any(verdict.status in (BROKEN, ERROR) for verdict in found):
            if self.reason is not None:
                pytest.xfail(self.reason)  # returns under --runxfail
            pytest.fail(failure_text(found), pytrace=False)
        if self.reason is not None:
            self._refuse_expectation("holds")

    def _refuse_expectation(self, what: str) -> None:
        import pytest

        pytest.fail(
            f"{self.law} is expected to fail ({self.reason}), but {what}: "
            "remove it from expected_failures",
            pytrace=False,
        )


@dataclass(frozen=True, repr=False)
class Judgement:
    """What was found of a loss; printed, it is the report.

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
        """The verdicts of one law."""
        return tuple(v for v in self.verdicts if v.law == law)

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        import io

        from rich.console import Console

        from mgloss.gate.checks.failure import failure_text
        from mgloss.gate.reports.terminal import verdict_table

        yield f"{self.loss} against the laws of {self.claims}"
        for note in self.notes:
            yield f"note: {note}"
        console = Console(file=io.StringIO(), width=100, color_system=None)
        with console.capture() as table:
            console.print(verdict_table([vars(v) for v in self.verdicts], self.components))
        yield from ("", *(line.rstrip() for line in table.get().splitlines()))
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
) -> Judgement:
    """The verdicts of the laws on a loss; arguments as of `parametrize_with_laws`.

    Raises ValueError or TypeError where the request is wrong, and
    `mgloss.gate.losses.importing.LoadError` where the loss cannot be judged.
    """
    from mgspec import LAWS, search

    options = _options_of(options, claims)
    chosen = _chosen(loss, claims, laws, options, max_examples, seed)
    loaded = _loaded(loss, claims, options, problem, framework)
    candidate = loaded.candidate
    verdicts = tuple(
        verdict
        for law in chosen
        for verdict in search(LAWS[law], candidate, max_examples=max_examples, seed=seed)
    )
    return Judgement(candidate.name, claims, candidate.components, verdicts, loaded.notes)


def _options_of(options: object, claims: str) -> Options | Literal["all"] | None:
    from mgloss.gate.losses.options import agreeing
    from mgspec import Options

    if options is None or options == "all":
        return None if options is None else "all"
    if isinstance(options, Mapping):
        options = Options.from_dict(options)
    if not isinstance(options, Options):
        raise TypeError(
            f"options: expected Options, a mapping of them, or 'all', got {type(options).__name__}"
        )
    return agreeing(options, claims)


def _loaded(
    loss: Loss,
    claims: str,
    options: Options | Literal["all"] | None,
    problem: str | Description | None,
    framework: str | None,
) -> Loaded:
    from mgloss.gate.losses.loading import load_object

    return load_object(loss, claims, options=options, problem=problem, framework=framework)


def _chosen(
    loss: Loss,
    claims: str,
    laws: Sequence[str] | None,
    options: object,
    max_examples: int,
    seed: int | None,
) -> tuple[str, ...]:
    """The laws to judge, of a request that is right in all that shows before the loss is loaded."""
    from mgloss.gate.checks.plugin import selected

    if not isinstance(loss, str) and not callable(getattr(loss, "compute_loss", loss)):
        raise TypeError(
            "loss: expected a function f(y_true, y_pred), a factory f(problem), an object with "
            "compute_loss, or a LOSS such as 'my_loss.py:loss', got "
            f"{type(loss).__name__}"
        )
    if isinstance(laws, str):
        raise TypeError(f"laws: expected a list of names, such as [{laws!r}]")
    if laws is not None and not laws:
        raise ValueError("laws: expected at least one; leave it out for all that are claimed")
    if type(max_examples) is not int or max_examples < 1:
        raise ValueError(f"max_examples: expected 1 or more, got {max_examples!r}")
    if seed is not None and (type(seed) is not int or seed < 0):
        raise ValueError(f"seed: expected 0 or more, or None, got {seed!r}")
    return selected(claims, tuple(laws or ()), is_multigrid=options is not None)
