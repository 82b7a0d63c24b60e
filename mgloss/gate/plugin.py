"""The pytest plugin: one test item for each law that a loss is to obey.

    pytest -p mgloss.gate.plugin --loss package.module:name --claims batch

It only makes items and runs them; whoever reports (the command line, JUnit, a terminal) reads the
verdicts from the items' reports.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from mgloss.gate import verdicts
from mgloss.gate.loading import Loaded, load
from mgspec import LAWS, NORMALIZATIONS, Verdict, law_named, normalization, search
from mgspec.candidate import PLAIN_OPTIONS
from mgspec.laws import BATCH_LAWS
from mgspec.search import BROKEN, ERROR, SKIPPED

PROPERTY = "mgloss"  # the key of a report's user_properties that holds its verdicts
PROGRESS = pytest.StashKey[Callable[[], None]]()

DEFAULT_CLAIMS = "batch"
DEFAULT_EXAMPLES = 100
DEFAULT_SEED = 0

loaded = functools.lru_cache(maxsize=None)(load)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's options."""
    group = parser.getgroup("mgloss", "laws of loss normalization")
    group.addoption("--loss", help="package.module:name or path/to/file.py:name")
    group.addoption("--claims", default=DEFAULT_CLAIMS, help="normalization the loss claims")
    group.addoption("--law", action="append", default=[], help="only this law; repeatable")
    group.addoption("--law-examples", type=int, default=DEFAULT_EXAMPLES)
    group.addoption("--law-seed", type=int, default=DEFAULT_SEED)
    group.addoption("--loss-options", help="'all', or a JSON file of options")
    group.addoption("--loss-traceback", action="store_true")
    group.addoption(
        "--reference", action="store_true", help="judge the built-in reference, not --loss"
    )
    group.addoption(
        "--matrix",
        action="store_true",
        help="every batch law on the reference's plain terms under every normalization",
    )


def selected(
    loss: str | None, claims: str, laws: tuple[str, ...], options: str | None = None
) -> tuple[str, ...]:
    """The laws to run: those named, else all claimed that need not be asked for.

    A loss with options says that it is the one that the specification tells: all laws are for it.
    Raises ValueError for a name that is none.
    """
    if laws:
        return tuple(dict.fromkeys(law_named(name).name for name in laws))
    obeyed = normalization(claims).obeys
    return tuple(
        name
        for name, law in LAWS.items()
        if name in obeyed and (loss is None or options is not None or not law.on_request)
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add an item for each law that the options ask for."""
    option = session.config.option
    if option.matrix:
        pairs = [(claims, law) for claims in NORMALIZATIONS for law in BATCH_LAWS]
    elif option.loss or option.reference:
        try:
            laws = selected(option.loss, option.claims, tuple(option.law), option.loss_options)
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None
        # The laws that take longest come first, so that no process ends up with one alone.
        ordered = sorted(laws, key=lambda law: -LAWS[law].one_in)
        pairs = [(option.claims, law) for law in ordered]
    else:
        return
    for claims, law in pairs:
        items.append(LawItem.from_parent(session, name=f"{claims}:{law}", claims=claims, law=law))


class LawItem(pytest.Item):
    """One law on one loss; its name is `claims:law`."""

    def __init__(self, *, claims: str, law: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.claims = claims
        self.law = law

    def runtest(self) -> None:
        """Search; the verdicts go into the report's properties."""
        option = self.config.option
        found = self._loaded()
        results = search(
            LAWS[self.law],
            found.candidate,
            max_examples=option.law_examples,
            seed=option.law_seed,
            progress=self.config.stash.get(PROGRESS, None),
        )
        documents = [
            verdicts.document(v, option.loss, self.claims, option.law_seed) for v in results
        ]
        self.user_properties.append((PROPERTY, documents))
        if all(v.status == SKIPPED for v in results):
            pytest.skip(results[0].message)
        if any(v.status in (BROKEN, ERROR) for v in results):
            raise LawBrokenError(results)

    def _loaded(self) -> Loaded:
        option = self.config.option
        if option.matrix:
            from mgloss.gate.tensorflow_adapter import reference

            return Loaded(reference(self.claims, PLAIN_OPTIONS))
        found: Loaded = loaded(
            option.loss,
            self.claims,
            options=option.loss_options,
            show_traceback=option.loss_traceback,
        )
        return found

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The law and what came instead; a traceback of ours would say nothing."""
        if isinstance(excinfo.value, LawBrokenError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, None, str]:
        """Where the item is from: nowhere in a file."""
        return self.path, None, self.name


class LawBrokenError(Exception):
    """The verdicts of a law that does not hold."""

    def __init__(self, results: list[Verdict]) -> None:
        law = LAWS[results[0].law]
        lines = [f"{law.name}: {law.statement}"]
        lines += [f"  {v.message}" for v in results if v.message]
        super().__init__("\n".join(lines))
