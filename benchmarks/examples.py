"""Prints how many examples of every law one process tries, and in how many seconds.

    python benchmarks/examples.py EXAMPLES SEED

The reference is imported and traced before the clock starts: it says READY, and begins when it is
sent a line, so that several processes can be started together.
"""

from __future__ import annotations

import sys
import time

from mgloss.gate.loading import load
from mgspec import LAWS, search
from mgspec.search import HOLDS


def main() -> None:
    """Trace, wait for a line, search every law that `batch` obeys, print."""
    examples, seed = int(sys.argv[1]), int(sys.argv[2])
    candidate = load(None, "batch").candidate
    laws = [law for law in LAWS.values() if law.name != "density_neutral"]  # `batch` breaks it
    for name in ("finite", "nonnegative", "modes"):  # with gradients, without, in every mode
        search(LAWS[name], candidate, max_examples=50, seed=seed)
    print("READY", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    tried = 0
    for law in laws:
        verdicts = search(law, candidate, max_examples=examples, seed=seed)
        if any(verdict.status != HOLDS for verdict in verdicts):
            sys.exit(f"{law.name} is broken by the reference: its time would be that of shrinking")
        tried += max(verdict.examples for verdict in verdicts)
    print(tried, time.perf_counter() - start)


if __name__ == "__main__":
    main()
