"""The pytest plugin: one test item for each law that a loss is to obey.

    pytest --loss path/to/file.py:name --claims batch

It is installed as `mgloss`, and so every pytest run of everybody who has mgloss imports this file:
what is heavy is imported when a loss is asked for, and without one nothing happens.

It only makes items and runs them; whoever reports (the command line, JUnit, a terminal) reads the
verdicts from the items' reports.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mgloss.gate.losses.adapters.frameworks import names_for_help
from mgloss.gate.losses.problem_names import BUILT_IN_PROBLEMS
from mgloss.gate.losses.request import DEFAULT_MEMORY, DEFAULT_TIMEOUT, AskedLoss, loaded

if TYPE_CHECKING:
    from mgloss.gate.checks.databases import Shared
    from mgloss.gate.checks.stored import Stored
    from mgloss.gate.losses.loading import Loaded
    from mgspec import Candidate, Finding, Verdict

ENTRY_POINT = "mgloss"  # the name that pyproject.toml installs this plugin by
MARKER = "mgloss"  # `pytest -m mgloss` runs the laws only
PROPERTY = "mgloss"  # the attribute of an item's report that holds its verdicts
NOTES = "mgloss_notes"  # the attribute that holds what else is to be said
PROGRESS = pytest.StashKey[Callable[[], None]]()

DEFAULT_CLAIMS = "batch"
DEFAULT_EXAMPLES = 100
DEFAULT_SEED = 0


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """The plugin's options."""
    # pytest refuses one module under two names: -p mgloss.gate.checks.plugin where it is installed.
    for name in (ENTRY_POINT, __name__):
        if not pluginmanager.has_plugin(name):
            pluginmanager.set_blocked(name)
    group = parser.getgroup("mgloss", "laws of loss normalization")
    group.addoption(
        "--loss",
        metavar="LOSS",
        help="judge this loss: package.module:name or path/to/file.py:name",
    )
    group.addoption(
        "--claims",
        metavar="NAME",
        default=DEFAULT_CLAIMS,
        help="the normalization whose laws it must obey (default: %(default)s)",
    )
    group.addoption(
        "--law", metavar="NAME", action="append", default=[], help="only this law; repeatable"
    )
    group.addoption(
        "--law-examples",
        metavar="N",
        type=int,
        default=DEFAULT_EXAMPLES,
        help="batches tried before a law is taken to hold (default: %(default)s)",
    )
    group.addoption(
        "--law-seed",
        metavar="N",
        type=int,
        default=DEFAULT_SEED,
        help="the same seed finds the same counterexample (default: %(default)s)",
    )
    group.addoption(
        "--loss-options",
        metavar="all|FILE",
        help="it is the MultiGrid loss, with all options or those of a JSON file",
    )
    group.addoption(
        "--loss-problem",
        metavar="NAME|FILE:NAME",
        help="images of the loss, if not of this project's layout: "
        f"{', '.join(BUILT_IN_PROBLEMS)}, or an mgspec.Description in a file",
    )
    group.addoption(
        "--loss-framework",
        metavar="NAME",
        help=f"framework of the loss: {names_for_help()} (default: as recognized)",
    )
    group.addoption(
        "--loss-traceback", action="store_true", help="show the traceback where the loss raises"
    )
    group.addoption(
        "--loss-timeout",
        metavar="SECONDS",
        type=float,
        default=DEFAULT_TIMEOUT,
        help="that an evaluation may take (default: %(default)g)",
    )
    group.addoption(
        "--loss-memory",
        metavar="GIB",
        type=float,
        default=DEFAULT_MEMORY,
        help="that the loss's own process may use (default: %(default)g)",
    )
    group.addoption(
        "--law-replay", metavar="DIR", help="stored counterexamples, which are judged first"
    )
    group.addoption(
        "--law-database",
        metavar="WHERE",
        help="an example database to keep what is found in: a directory, "
        "redis://HOST:PORT/NUMBER, or github:OWNER/REPOSITORY",
    )
    # What only `mgloss` itself asks for: every law of the reference, and the truth table.
    group.addoption("--law-reference", action="store_true", help=argparse.SUPPRESS)
    group.addoption("--law-matrix", action="store_true", help=argparse.SUPPRESS)


def _is_asked(option: argparse.Namespace) -> bool:
    return bool(option.loss is not None or option.law_reference or option.law_matrix)


def _is_worker(config: pytest.Config) -> bool:
    """Whether this is a process that pytest-xdist has started, perhaps on another host."""
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a wrong request before any test is looked for."""
    option = config.option
    if not _is_asked(option):
        if option.law or option.claims != DEFAULT_CLAIMS:
            raise pytest.UsageError("--law and --claims are about a loss: say which with --loss")
        return
    config.addinivalue_line("markers", f"{MARKER}: a law that the loss of --loss must obey")
    if _is_worker(config):  # the controller has looked
        return
    if option.law_examples < 1:
        raise pytest.UsageError(f"--law-examples {option.law_examples}: expected 1 or more")
    if option.law_seed < 0:
        raise pytest.UsageError(f"--law-seed {option.law_seed}: expected 0 or more")
    try:
        _selected_as_asked(option)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    try:
        opened(option.law_database)
    except ValueError as error:
        raise pytest.UsageError(f"--law-database {error}") from None
    if option.loss is not None:
        _loaded_as_asked(option)


def _loaded_as_asked(option: argparse.Namespace) -> Loaded:
    """The loss of --loss; a usage error where it cannot be judged."""
    from mgloss.gate.losses.loading import LoadError

    try:
        return loaded(_asked(option))
    except (LoadError, ValueError) as error:
        raise pytest.UsageError(f"--loss: {error}") from None


def _asked(option: argparse.Namespace) -> AskedLoss:
    return AskedLoss(
        option.loss,
        option.claims,
        option.loss_options,
        option.loss_problem,
        option.loss_framework,
        option.loss_traceback,
        option.loss_timeout,
        option.loss_memory,
    )


def pytest_report_header(config: pytest.Config) -> list[str]:
    """What is judged, and what a person should know of it."""
    option = config.option
    if option.loss is None or _is_worker(config):
        return []
    head = (
        f"mgloss: {option.loss} against the laws of {option.claims}"
        f" ({option.law_examples} examples a law, seed {option.law_seed})"
    )
    return [head, *(f"mgloss: note: {note}" for note in _loaded_as_asked(option).notes)]


@functools.cache
def opened(where: str | None) -> Shared | None:
    """`databases.opened`, once for each."""
    if where is None:
        return None
    from mgloss.gate.checks import databases

    return databases.opened(where)


def selected(claims: str, laws: tuple[str, ...], *, is_multigrid: bool) -> tuple[str, ...]:
    """The laws to run: those named, else all claimed that need not be asked for.

    is_multigrid: the loss is the one that the specification tells, as the reference is and one
    with options says it is; then all laws are for it. Raises ValueError for a name that is none.
    """
    from mgspec import LAWS, law_named, normalization

    rule = normalization(claims)
    if laws:
        return tuple(dict.fromkeys(law_named(name).name for name in laws))
    return tuple(
        name
        for name, law in LAWS.items()
        if rule.obeys(name) and (is_multigrid or not law.on_request)
    )


def _selected_as_asked(option: argparse.Namespace) -> tuple[str, ...]:
    is_multigrid = option.loss is None or option.loss_options is not None
    return selected(option.claims, tuple(option.law), is_multigrid=is_multigrid)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add an item for each law that the options ask for."""
    option = session.config.option
    if not _is_asked(option):
        return
    from mgspec import LAWS, NORMALIZATIONS
    from mgspec.laws import BATCH_LAWS

    if option.law_matrix:
        groups = {claims: list(BATCH_LAWS) for claims in NORMALIZATIONS}
    else:
        laws = _selected_as_asked(option)
        # The laws that take longest come first, so that no process ends up with one alone.
        groups = {option.claims: sorted(laws, key=lambda law: -LAWS[law].one_in)}
    loss = option.loss or "reference"
    stored: list[Stored] = []
    if option.law_replay is not None:
        from mgloss.gate.checks.stored import of_folder

        description = None if option.law_matrix else _loaded_as_asked(option).candidate.description
        stored = of_folder(Path(option.law_replay), description)[0]
    for claims, laws_of_group in groups.items():
        group = LawGroup.from_parent(
            session, name=claims, nodeid=f"{loss}::{claims}", laws=laws_of_group, stored=stored
        )
        items.extend(group.collect())


def claims_and_law(nodeid: str) -> tuple[str, str]:
    """What an item with this id, `LOSS::CLAIMS::LAW`, is about."""
    _, claims, law = nodeid.rsplit("::", 2)
    return claims, law


class LawGroup(pytest.Collector):
    """The laws that one loss is held to by what it claims to be; its name is the claim.

    stored: counterexamples, of which each law is given its own.
    """

    def __init__(self, *, laws: list[str], stored: Sequence[Stored], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.laws = laws
        self.stored = stored

    def collect(self) -> Iterator[LawItem]:
        """An item for each law."""
        from mgloss.gate.checks.stored import fitting

        for law in self.laws:
            own = fitting(self.stored, [law], self.name)[0]
            yield LawItem.from_parent(self, name=law, stored=own)


class LawItem(pytest.Item):
    """One law on one loss; its name is the law's.

    stored: counterexamples of this law and claim, judged before any are searched.
    """

    def __init__(self, *, stored: Sequence[Stored], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stored = stored
        self.notes: list[str] = []
        self.claims, self.law = claims_and_law(self.nodeid)
        self.add_marker(MARKER)
        self.documents: list[dict[str, Any]] | None = None

    def runtest(self) -> None:
        """Search; the verdicts go into the report."""
        from mgloss.gate.checks import verdicts
        from mgspec import LAWS, search
        from mgspec.search.verdicts import BROKEN, ERROR, SKIPPED

        option = self.config.option
        loaded = self._loaded()
        candidate = loaded.candidate
        framework = loaded.style.framework if loaded.style is not None else None
        database = opened(option.law_database)
        known = self._replayed(candidate)
        results = search(
            LAWS[self.law],
            candidate,
            max_examples=option.law_examples,
            seed=option.law_seed,
            progress=self.config.stash.get(PROGRESS, None),
            known=[finding for _, finding in known],
            database=database,
        )
        self.documents = [
            verdicts.document(
                v, option.loss, self.claims, option.law_seed, _origin(v, known), framework
            )
            for v in results
        ]
        if database is not None and database.failure:
            self.notes.append(database.failure)
        if all(v.status == SKIPPED for v in results):
            pytest.skip(results[0].message)
        if any(v.status in (BROKEN, ERROR) for v in results):
            raise LawBrokenError(results)

    def _replayed(self, candidate: Candidate) -> list[tuple[Stored, Finding]]:
        """The stored cases that break the law still; of the others a note is taken."""
        from mgloss.gate.checks.stored import judged

        known = []
        for stored in self.stored:
            try:
                finding = judged(candidate, stored)
            except ValueError as error:
                self.notes.append(f"passed over {error}")
                continue
            if finding is None:
                self.notes.append(f"no longer broken: {stored.path}")
            else:
                known.append((stored, finding))
        return known

    def _loaded(self) -> Loaded:
        option = self.config.option
        if option.law_matrix:
            from mgloss.gate.losses.loading import Loaded
            from mgloss.gate.losses.reference import reference
            from mgspec.loss.candidate import PLAIN_OPTIONS

            return Loaded(reference(self.claims, PLAIN_OPTIONS))
        return _loaded_as_asked(option)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The law and what came instead; a traceback of ours would say nothing."""
        if isinstance(excinfo.value, LawBrokenError):
            from mgloss.gate.checks.failure import failure_text

            return failure_text(excinfo.value.results)
        if isinstance(excinfo.value, pytest.UsageError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, None, str]:
        """Where the item is from: nowhere in a file."""
        loss = self.config.option.loss or "reference"
        return self.path, None, f"{self.law}: {loss} against {self.claims}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """The verdicts travel with the report of a law, between processes too."""
    outcome: Any = yield
    if isinstance(item, LawItem) and item.documents is not None:
        # Not among its user_properties, which JUnit would print in full.
        setattr(outcome.get_result(), PROPERTY, item.documents)
        setattr(outcome.get_result(), NOTES, item.notes)


def _origin(verdict: Verdict, known: Sequence[tuple[Stored, Finding]]) -> Stored | None:
    """The stored counterexample that the verdict's finding is of, if it is."""
    return next((stored for stored, finding in known if finding is verdict.finding), None)


class LawBrokenError(Exception):
    """The verdicts of a law that does not hold."""

    def __init__(self, results: list[Verdict]) -> None:
        super().__init__(results[0].law)
        self.results = results
