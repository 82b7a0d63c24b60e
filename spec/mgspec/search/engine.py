"""One run of Hypothesis over cases: generated, tried, and the one that is wrong made small.

Hypothesis's engine watches what each case draws, so that none comes twice and numbers that are
commonly wrong come often. The cases of this project's layout are made of whole numbers from short
ranges, any of them as good as another: there the engine gives the simplest case only, the others
are read from random bytes, as by a fuzzer, which takes less time; and one that is wrong is handed
to the engine, to be shrunk. Cases made by a user's strategies are all the engine's.
"""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from unittest import SkipTest

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.database import ExampleDatabase, InMemoryExampleDatabase, MultiplexedDatabase
from hypothesis.errors import (
    FlakyFailure,
    FlakyStrategyDefinition,
    HypothesisWarning,
    Unsatisfiable,
)
from hypothesis.strategies import SearchStrategy

from mgspec.laws import Case, Finding
from mgspec.loss.candidate import FatalLossError, LossError

# Once a run of Hypothesis's engine has had 10 cases, each new one is followed by up to five copies
# in which one part has replaced another. In a run of 100 most are such copies, and what one case in
# fifty shows is missed by some seeds. So no run gets there; one of 10 would try a small case too.
RUN_LENGTH = 9

# The number of the run that asks an example database what other searches have found, and how many
# of its examples are tried.
REUSE = -1
MOST_REUSED = 100

# Of a case that is read from bytes, and how often others are read where they are none.
MOST_BYTES = 512
MOST_READ = 100


class _BrokenError(Exception):
    """Carries a finding through Hypothesis."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class _FatalError(BaseException):
    """Carries a finding out of Hypothesis, which would ask for it once more, and smaller."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class Section(ExampleDatabase):
    """The part of an example database that is about one question.

    Hypothesis keys examples by the source of the test function, and that is the same for all laws.
    A database that puts something before its keys is what its public interface allows.
    """

    def __init__(self, whole: ExampleDatabase, question: str) -> None:
        super().__init__()
        self.whole = whole
        self.question = question.encode("utf-8", "surrogatepass") + b"/"

    def save(self, key: bytes, value: bytes) -> None:
        """Keep an example."""
        self.whole.save(self.question + key, value)

    def fetch(self, key: bytes) -> Iterable[bytes]:
        """The examples kept."""
        return self.whole.fetch(self.question + key)

    def delete(self, key: bytes, value: bytes) -> None:
        """Forget an example."""
        self.whole.delete(self.question + key, value)

    def move(self, src: bytes, dest: bytes, value: bytes) -> None:
        """Keep an example under another key."""
        self.whole.move(self.question + src, self.question + dest, value)


@dataclass
class Tally:
    """What one run counted; `last` is its finding, shrunk if it was to be."""

    examples: int = 0
    comparisons: int = 0
    seconds: float = 0.0
    last: Finding | None = None

    def plus(self, other: Tally) -> Tally:
        """Both together, with the other's finding."""
        return Tally(
            self.examples + other.examples,
            self.comparisons + other.comparisons,
            self.seconds + other.seconds,
            other.last,
        )


def run_length(number: int, from_bytes: bool) -> int:
    """Cases that the run of this number may generate.

    From bytes each run is twice as long as the one before: beginning one takes time, and so does
    beginning anew where it has found something in one component and others are left.
    """
    if from_bytes:
        return 4 << number if number else 1  # 1, 8, 16, ...; the first is of the simplest case
    return RUN_LENGTH - bool(number)  # without the simplest case


def run(
    judge: Callable[[Case, Tally], Finding | None],
    cases: SearchStrategy[Case],
    *,
    number: int,
    length: int,
    seed: str | None,
    from_bytes: bool,
    progress: Callable[[], None] | None,
    shrink: bool,
    database: ExampleDatabase | None,
) -> Tally:
    """One run; it ends with the first case that is wrong, shrunk.

    judge: how a case is wrong, if it is; counts its comparisons. Where it raises LossError, the
        case is wrong; where FatalLossError, the run ends there, and nothing is shrunk.
    number: of the run, counted from 0; those before it found nothing. REUSE: of the run that
        generates nothing, and tries what the database holds.
    length: cases to generate. seed: the same one generates the same.
    from_bytes: read cases from bytes; the first run, of the simplest case, does not.
    progress: called once for each case tried.
    """
    tally = Tally()
    # Every run of the engine begins with the simplest case, and the first one has judged it.
    skip = number > 0 and not from_bytes

    def attempt(case: Case) -> None:
        nonlocal skip
        if skip:
            skip = False
            return
        tally.examples += 1
        if progress is not None:
            progress()
        try:
            finding = judge(case, tally)
        except FatalLossError as error:
            raise _FatalError(Finding(case, str(error))) from error
        except LossError as error:
            finding = Finding(case, str(error))
        if finding is not None:
            tally.last = finding
            raise _BrokenError(finding)

    def probe(case: Case) -> None:  # short, for Hypothesis reads its source in each run
        attempt(case)

    def engine(phase: Phase, database: ExampleDatabase | None) -> None:
        settings = hypothesis.settings(
            max_examples=length + skip,
            database=database,
            deadline=None,
            derandomize=False,
            phases=[phase, Phase.shrink] if shrink else [phase],
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
            verbosity=Verbosity.quiet,
            backend="hypothesis",
        )
        test = hypothesis.given(cases)(probe)
        if seed is not None:
            test = hypothesis.seed(seed)(test)
        settings(test)()  # last, for seeding turns the database off

    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        try:
            if number == REUSE:
                engine(Phase.reuse, database)
            elif number == 0 or not from_bytes:
                engine(Phase.generate, database)
            else:
                kept: ExampleDatabase = InMemoryExampleDatabase()
                if database is not None:  # which may be one that cannot be written to
                    kept = MultiplexedDatabase(kept, database)
                test = hypothesis.settings(database=kept)(hypothesis.given(cases)(probe))
                read = test.hypothesis.fuzz_one_input  # type: ignore[attr-defined]
                try:
                    _try_bytes(read, length, random.Random(seed))
                except _BrokenError:  # it is kept
                    engine(Phase.reuse, kept)
        except (_BrokenError, _FatalError) as broken:
            tally.last = broken.finding
        except (SkipTest, Unsatisfiable):
            # The database holds nothing, or nothing that is a case any more.
            if number != REUSE:
                raise
        except (FlakyFailure, FlakyStrategyDefinition):
            assert tally.last is not None
            tally.last = _now_and_then(tally.last)
        else:
            if tally.last is not None:
                tally.last = _now_and_then(tally.last)
    tally.seconds = time.perf_counter() - start
    return tally


def _try_bytes(read: Callable[[bytes], bytes | None], count: int, source: random.Random) -> None:
    """Read so many cases, each from bytes of its own, and try them."""
    for _ in range(count):
        if all(read(source.randbytes(MOST_BYTES)) is None for _ in range(MOST_READ)):
            raise Unsatisfiable(f"no case was found in {MOST_READ} x {MOST_BYTES} bytes")


def _now_and_then(finding: Finding) -> Finding:
    """Of a loss that broke the law on a case, and not when it was asked again."""
    return replace(finding, message=f"{finding.message}; not every time it is asked")
