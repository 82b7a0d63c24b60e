"""Prints how many examples of every law one process tries, and in how many seconds.

    python benchmarks/examples.py EXAMPLES ROUNDS SEED

Every law is searched once a round, the same cases each time, and counted with its fastest round:
whatever else runs on a machine makes a search slower and never faster. What all rounds took
together is printed last. The reference is imported and traced before the clock starts: the process
says READY, and begins when it is sent a line, so that several can be started together; it goes on
until its input ends, so that none is alone when it is timed.
"""

from __future__ import annotations

import select
import sys
import time
from collections import defaultdict

from mgloss.gate.losses.loading import load
from mgloss.gate.losses.request import LossRequest
from mgspec import LAWS, search
from mgspec.search.verdicts import HOLDS


def main() -> None:
    """Trace, wait for a line, search every law that `batch` obeys, print."""
    examples, rounds, seed = (int(argument) for argument in sys.argv[1:])
    candidate = load(LossRequest(None, "batch")).candidate
    laws = [law for law in LAWS.values() if law.name != "density_neutral"]  # `batch` breaks it
    for name in ("finite", "nonnegative", "modes"):  # with gradients, without, in every mode
        search(LAWS[name], candidate, max_examples=50, seed=seed)
    print("READY", flush=True)
    sys.stdin.readline()
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    tried: dict[str, int] = {}
    for _ in range(rounds):
        for law in laws:
            start = time.perf_counter()
            verdicts = search(law, candidate, max_examples=examples, seed=seed)
            seconds[law.name].append(time.perf_counter() - start)
            if any(verdict.status != HOLDS for verdict in verdicts):
                sys.exit(f"{law.name} is broken by the reference: its time would be of shrinking")
            tried[law.name] = max(verdict.examples for verdict in verdicts)
    best, all_rounds = (sum(map(of, seconds.values())) for of in (min, sum))
    print(sum(tried.values()), best, all_rounds, flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        search(LAWS["finite"], candidate, max_examples=examples, seed=seed)


if __name__ == "__main__":
    main()
