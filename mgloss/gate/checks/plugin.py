"""The pytest plugin: one test item for each law that a loss is to obey.

    pytest --loss path/to/file.py:name --claims batch

It is installed as `mgloss`, and so every pytest run of everybody who has mgloss imports this file:
what is heavy is imported when a loss is to be judged, and without one nothing happens.

It only makes items and runs them; whoever reports (the command line, JUnit, a terminal) reads the
results from the items' reports.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from mgloss.gate.losses.adapters.frameworks import names_for_help
from mgloss.gate.losses.defaults import (
    DEFAULT_CLAIMS,
    DEFAULT_EXAMPLES,
    DEFAULT_MEMORY,
    DEFAULT_SEED,
    DEFAULT_TIMEOUT,
    ROLE_HELP,
)
from mgloss.gate.losses.problem_names import BUILT_IN_PROBLEMS

if TYPE_CHECKING:
    from mgloss.gate.checks.databases import Shared
    from mgloss.gate.checks.replayed import Ending, Replayed
    from mgloss.gate.checks.request import CheckRequest
    from mgloss.gate.checks.stored import Stored
    from mgloss.gate.losses.loading import Loaded
    from mgspec import Candidate, Finding, Verdict
    from mgspec.loss.roles import Roles

ENTRY_POINT = "mgloss"  # the name that pyproject.toml installs this plugin by
OLD_NAME = "mgloss.gate.plugin"  # where it was before 0.2
MARKER = "mgloss"  # `pytest -m mgloss` runs the laws only
PROPERTY = "mgloss"  # the attribute of an item's report that holds its results, as data
NOTES = "mgloss_notes"  # the attribute that holds what else is to be said
REPLAYED = "mgloss_replayed"  # the attribute that holds what became of stored counterexamples
REQUESTS = pytest.StashKey["tuple[CheckRequest, ...]"]()
PROGRESS = pytest.StashKey[Callable[[], None]]()
TRAVELLING = "mgloss_requests"  # the key of a worker's input that holds the requests


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the plugin's options."""
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
        help=f"the normalization whose laws it must obey (default: {DEFAULT_CLAIMS})",
    )
    group.addoption(
        "--law", metavar="NAME", action="append", default=[], help="only this law; repeatable"
    )
    group.addoption(
        "--law-examples",
        metavar="N",
        type=int,
        default=DEFAULT_EXAMPLES,
        help="batches to try before a law is taken to hold (default: %(default)s)",
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
        "--loss-detector",
        metavar="FILE",
        help="judge it on batches of this detector only, of the JSON file that mgloss stats reads",
    )
    group.addoption(
        "--loss-framework",
        metavar="NAME",
        help=f"framework of the loss: {names_for_help()} (default: as recognized)",
    )
    for role, text in ROLE_HELP.items():
        if role != "component":
            group.addoption(
                f"--loss-{role}",
                metavar="NAME",
                action="append",
                default=[],
                help=f"{text[0].lower()}{text[1:-1]}; repeatable",
            )
    group.addoption(
        "--loss-component",
        metavar="NAME",
        help=f"{ROLE_HELP['component'][0].lower()}{ROLE_HELP['component'][1:-1]}",
    )
    group.addoption(
        "--loss-autocast",
        metavar="DTYPE",
        help="run a PyTorch loss under torch.autocast too, to bfloat16 or float16",
    )
    group.addoption(
        "--loss-traceback", action="store_true", help="show the traceback when the loss raises"
    )
    group.addoption(
        "--loss-timeout",
        metavar="SECONDS",
        type=float,
        default=DEFAULT_TIMEOUT,
        help="seconds allowed for one batch (default: %(default)g)",
    )
    group.addoption(
        "--loss-memory",
        metavar="GIB",
        type=float,
        default=DEFAULT_MEMORY,
        help="GiB allowed for the loss's own process (default: %(default)g)",
    )
    group.addoption(
        "--law-replay", metavar="DIR", help="judge the counterexamples stored in DIR first"
    )
    group.addoption(
        "--law-database",
        metavar="WHERE",
        help="keep found examples in an example database: a directory, "
        "redis://HOST:PORT/NUMBER, or github:OWNER/REPOSITORY",
    )


def _is_worker(config: pytest.Config) -> bool:
    """Return whether this is a process that pytest-xdist has started, perhaps on another host."""
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Make the request of the options; refuse a wrong one before any test is looked for."""
    if _is_worker(config):
        text = config.workerinput.get(TRAVELLING)  # type: ignore[attr-defined]
        if text is not None:
            from mgloss.gate.checks.request import from_text

            config.stash[REQUESTS] = from_text(text)
    elif REQUESTS not in config.stash:  # whoever calls pytest may have put them there
        option = config.option
        if option.loss is None:
            if option.law or option.claims is not None:
                raise pytest.UsageError(
                    "--law and --claims are about a loss: say which with --loss"
                )
            return
        config.stash[REQUESTS] = (_request_of(option),)
    if REQUESTS in config.stash:
        config.addinivalue_line("markers", f"{MARKER}: a law that the loss of --loss must obey")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the requests to a process that pytest-xdist starts."""
    requests = node.config.stash.get(REQUESTS, None)
    if requests is not None:
        from mgloss.gate.checks.request import to_text

        node.workerinput[TRAVELLING] = to_text(requests)


def _request_of(option: argparse.Namespace) -> CheckRequest:
    """Return the check that the options ask for.

    Open the database and the loss already, so that a mistake shows before any test is looked for.
    Raise UsageError for an option that is out of range, or a database or loss that does not open.
    """
    from pathlib import Path

    from mgloss.gate.checks.request import CheckRequest
    from mgloss.gate.losses.detectors import read_detector
    from mgloss.gate.losses.importing import LoadError
    from mgloss.gate.losses.opening import open_loss
    from mgloss.gate.losses.options import read_options
    from mgloss.gate.losses.request import LossRequest

    if option.law_examples < 1:
        raise pytest.UsageError(f"--law-examples {option.law_examples}: expected 1 or more")
    if option.law_seed < 0:
        raise pytest.UsageError(f"--law-seed {option.law_seed}: expected 0 or more")
    claims = option.claims or DEFAULT_CLAIMS
    try:
        detector = read_detector(option.loss_detector)
    except ValueError as error:
        raise pytest.UsageError(f"--loss-detector {error}") from None
    try:
        loss = LossRequest(
            option.loss,
            claims,
            read_options(option.loss_options, claims),
            option.loss_problem,
            option.loss_framework,
            autocast=option.loss_autocast,
            show_traceback=option.loss_traceback,
            timeout=option.loss_timeout,
            memory=option.loss_memory,
            roles=_roles_of(option),
            options_file=option.loss_options,
            detector=detector,
            detector_file=option.loss_detector,
        )
        replay = None if option.law_replay is None else Path(option.law_replay)
        request = CheckRequest(
            loss,
            tuple(option.law),
            (),
            option.law_examples,
            option.law_seed,
            replay,
            option.law_database,
        )
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    try:
        open_database(request.database)
    except ValueError as error:
        raise pytest.UsageError(f"--law-database {error}") from None
    try:
        open_loss(loss)
    except (LoadError, ValueError) as error:
        raise pytest.UsageError(f"--loss: {error}") from None
    return request


def _roles_of(option: argparse.Namespace) -> Roles:
    """Return what the options say of the loss's components."""
    from mgspec.loss.roles import Roles

    return Roles.said(**{role: getattr(option, f"loss_{role}") for role in ROLE_HELP})


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is judged, and what a person should know of it."""
    if _is_worker(config):
        return []
    lines = []
    for request in config.stash.get(REQUESTS, ()):
        if request.loss.loss is not None:
            lines.append(
                f"mgloss: {request.name} against the laws of {request.claims}"
                f" ({request.max_examples} examples a law, seed {request.seed})"
            )
            lines += [f"mgloss: note: {note}" for note in _open(request).notes]
    return lines


def _open(request: CheckRequest) -> Loaded:
    """Return the loss of a request; raise UsageError where it cannot be judged."""
    from mgloss.gate.losses.importing import LoadError
    from mgloss.gate.losses.opening import open_loss

    try:
        return open_loss(request.loss)
    except (LoadError, ValueError) as error:
        raise pytest.UsageError(f"--loss: {error}") from None


@functools.cache
def open_database(where: str | None) -> Shared | None:
    """Return `databases.opened`, opened once for each place."""
    if where is None:
        return None
    from mgloss.gate.checks import databases

    return databases.opened(where)


def node_id(request: CheckRequest, law: str) -> str:
    """Return the id of the item that judges a law of a request."""
    return f"{request.name}::{request.claims}::{law}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add an item for each law of each request."""
    for request in session.config.stash.get(REQUESTS, ()):
        stored: list[Stored] = []
        if request.replay is not None or request.report is not None:
            from mgloss.gate.checks.stored import find_stored

            stored = find_stored(request, _open(request).candidate.description)[0]
        group = LawGroup.from_parent(
            session,
            name=request.claims,
            nodeid=f"{request.name}::{request.claims}",
            request=request,
            stored=stored,
        )
        items.extend(group.collect())


class LawGroup(pytest.Collector):
    """The laws that one request holds a loss to; its name is the claim.

    stored: counterexamples, of which each law is given its own.
    """

    def __init__(self, *, request: CheckRequest, stored: Sequence[Stored], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.request = request
        self.stored = stored

    def collect(self) -> Iterator[LawItem]:
        """Yield an item for each law; those that take longest come first.

        So no process ends up with one of them alone.
        """
        from mgspec import LAWS
        from mgspec.search.search import FINITE

        for law in sorted(self.request.laws, key=lambda law: -LAWS[law].one_in):
            # A stored case of any law that the loss refuses by now belongs to `finite`.
            own = [each for each in self.stored if law in (FINITE, each.counterexample.law)]
            yield LawItem.from_parent(self, name=law, request=self.request, stored=own)


class LawItem(pytest.Item):
    """One law on one loss; its name is the law's.

    stored: counterexamples of this claim, judged before any are searched: those of this law, and
        for `finite` those of the others, too.
    results: as data, once the law has been judged.
    """

    def __init__(self, *, request: CheckRequest, stored: Sequence[Stored], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.request = request
        self.stored = stored
        self.notes: list[str] = []
        self.replayed: list[Replayed] = []
        self.results: list[dict[str, Any]] | None = None
        self.add_marker(MARKER)

    def runtest(self) -> None:
        """Search; the results go into the report."""
        from mgloss.gate.checks.domains import share_answered
        from mgloss.gate.checks.results import make_result, to_data
        from mgspec import LAWS, search
        from mgspec.search.verdicts import BROKEN, ERROR, SKIPPED

        request = self.request
        loaded = _open(request)
        candidate = loaded.candidate
        database = open_database(request.database)
        known = self._replay(candidate)
        findings = [finding for _, finding in known if finding is not None]
        verdicts = search(
            LAWS[self.name],
            candidate,
            max_examples=request.max_examples,
            seed=request.seed,
            progress=self.config.stash.get(PROGRESS, None),
            known=findings,
            database=database,
        )
        results = [make_result(v, request, known, loaded.framework) for v in verdicts]
        self.results = [to_data(result) for result in results]
        share = share_answered(verdicts)
        if share is not None:
            self.user_properties.append(("answered", f"{share} batches"))
        if database is not None and database.failure:
            self.notes.append(database.failure)
        if all(v.status == SKIPPED for v in verdicts):
            pytest.skip(verdicts[0].message)
        if any(v.status in (BROKEN, ERROR) for v in verdicts):
            raise LawBrokenError([result.verdict for result in results])

    def _replay(self, candidate: Candidate) -> list[tuple[Stored, Finding | None]]:
        """Return each stored case that says something of the loss, and how it breaks the law.

        Keep what became of all of them.
        """
        from mgloss.gate.checks.replayed import Replayed, pass_over
        from mgloss.gate.checks.stored import judge_stored, refused_by
        from mgspec import LAWS
        from mgspec.search.search import FINITE, is_refusal

        judged: list[tuple[Stored, Finding | None]] = []
        others = []
        for stored in self.stored:
            if stored.counterexample.law != self.name:
                others.append(stored)
                continue
            try:
                finding = judge_stored(candidate, stored)
            except ValueError as error:
                self.replayed.append(pass_over(stored.path, error))
                continue
            if finding is not None and is_refusal(LAWS[self.name], finding):
                is_told = FINITE in self.request.laws
                told = "as finite tells" if is_told else "which finite would tell"
                reason = f"the loss gives no finite number on it, {told}"
                self.replayed.append(Replayed(str(stored.path), "passed over", reason))
                continue
            judged.append((stored, finding))
            ending: Ending = (
                "broken" if finding is not None else "mended" if stored.is_own else "held"
            )
            doubt = stored.doubt if ending == "mended" else ""
            said = Replayed(str(stored.path), ending, doubt, self.name, stored.found_for)
            self.replayed.append(said)
        for refused in filter(None, (refused_by(candidate, each) for each in others)):
            finding = judge_stored(candidate, refused)
            judged.append((refused, finding))
            if finding is not None:  # one is enough: the others cost a time-out each if it hangs
                path, found_for = str(refused.path), refused.found_for
                self.replayed.append(Replayed(path, "broken", "", self.name, found_for))
                break
        return judged

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the law and what came instead; a traceback of the gate would say nothing."""
        if isinstance(excinfo.value, LawBrokenError):
            from mgloss.gate.checks.failure import failure_text

            return failure_text(excinfo.value.verdicts)
        if isinstance(excinfo.value, pytest.UsageError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, None, str]:
        """Return where the item is from: nowhere in a file."""
        return self.path, None, f"{self.name}: {self.request.name} against {self.request.claims}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Send the results along with the report of a law, between processes too."""
    outcome: Any = yield
    if isinstance(item, LawItem) and item.results is not None:
        # Not among its user_properties, which JUnit would print in full.
        setattr(outcome.get_result(), PROPERTY, item.results)
        setattr(outcome.get_result(), NOTES, item.notes)
        setattr(outcome.get_result(), REPLAYED, [asdict(each) for each in item.replayed])


class LawBrokenError(Exception):
    """The verdicts of a law that does not hold."""

    def __init__(self, verdicts: list[Verdict]) -> None:
        super().__init__(verdicts[0].law)
        self.verdicts = verdicts
