"""How fast laws are searched: examples a second, and seconds to a minimal counterexample.

    python -m pytest benchmarks/test_search.py --benchmark-json out.json
    python benchmarks/table.py out.json

Nothing here asserts a time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mgloss.gate.losses.environment import ENVIRONMENT
from mgspec import LAWS, search
from mgspec.search.verdicts import BROKEN
from tests.meta.faults.catalogue import FAULTS

SCRIPT = Path(__file__).with_name("examples.py")
EXAMPLES = 100  # a law, in each process; as many as `mgloss check` tries
ROUNDS = 9  # of which each law's fastest counts


@pytest.mark.parametrize("processes", [1, 2])
def test_examples_a_second(benchmark, processes: int) -> None:
    """All laws that `batch` obeys, on the TensorFlow reference, in processes side by side."""
    found = []

    def setup() -> tuple[tuple[list[subprocess.Popen]], dict]:
        started = [
            subprocess.Popen(
                [sys.executable, str(SCRIPT), str(EXAMPLES), str(ROUNDS), str(seed)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=ENVIRONMENT | os.environ,  # as `mgloss` sets it
            )
            for seed in range(processes)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "READY\n"
        return (started,), {}

    def run(started: list[subprocess.Popen]) -> None:
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        lines = [process.stdout.readline() for process in started if process.stdout is not None]
        for process in started:
            process.communicate()  # which ends its input
        assert all(process.returncode == 0 for process in started)
        found.extend(map(float, line.split()) for line in lines)

    benchmark.pedantic(run, setup=setup, rounds=1)
    fastest = whole = 0.0
    for tried, best, seconds in found:
        fastest += tried / best
        whole += tried * ROUNDS / seconds
    row = f"{processes} process(es), all laws"
    benchmark.extra_info.update(table="search", row=row, rate=fastest, mean_rate=whole)


@pytest.mark.parametrize("name", FAULTS)
def test_seconds_to_a_counterexample(benchmark, name: str) -> None:
    """A planted fault under its law, until every component has its verdict."""
    fault = FAULTS[name]
    seeds = iter(range(3))

    def run() -> None:
        candidate = fault.candidate()  # anew, for some remember how often they were called
        verdicts = search(LAWS[fault.law], candidate, seed=next(seeds))
        assert any(verdict.status == BROKEN for verdict in verdicts)

    benchmark.pedantic(run, rounds=3)
    benchmark.extra_info.update(table="time to a counterexample", row=name)
