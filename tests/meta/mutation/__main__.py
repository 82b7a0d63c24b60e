"""Which faults of the code do the tests notice? `python -m tests.meta.mutation loss`."""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.meta.mutation.mutants import ROOT, Mutant, mutants
from tests.meta.mutation.running import KILLED, SURVIVED, Outcome, Pass, run, warm_up
from tests.meta.mutation.targets import TARGETS, Target

SURVIVORS = Path(__file__).with_name("survivors.json")
AT_A_TIME = 24  # mutants that go through all passes before others start


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as the command line says; 0 where every mutant ends as expected, 1 where one survives."""
    asked = _arguments(arguments)
    target = TARGETS[asked.target]
    names = [one.name for one in target.passes]
    if asked.until not in (None, *names):
        print(f"--until {asked.until!r}: expected one of {', '.join(names)}", file=sys.stderr)
        return 2
    passes = target.passes[: names.index(asked.until or names[-1]) + 1]
    chosen = [
        mutant
        for module in target.modules
        for mutant in mutants(module)
        if asked.only in mutant.key
    ]
    if asked.list:
        print(*(mutant.key for mutant in chosen), sep="\n")
        return 0
    if not chosen:
        print(f"--only {asked.only!r}: no mutant of {asked.target} has this text", file=sys.stderr)
        return 2
    warm_up()
    for one in passes:
        if not _holds_without_a_fault(one):
            return 2
    random.Random(0).shuffle(chosen)  # what a run that is broken off has seen is then a sample
    outcomes = _load(asked.results)
    chosen.sort(key=lambda mutant: mutant.key in outcomes)
    for start in range(0, len(chosen), AT_A_TIME):
        for one in passes:
            left = [
                mutant
                for mutant in chosen[start : start + AT_A_TIME]
                if not mutant.within.startswith(one.unreached)
                and _is_alive(outcomes.get(mutant.key))
            ]
            for mutant, outcome in run(left, one, asked.workers):
                assert mutant is not None
                outcomes[mutant.key] = outcome
                _save(asked.results, outcomes)
                told = f"{outcome.status} {outcome.seconds:.0f} s {mutant.key} {outcome.by}"
                print(f"{one.name} pass: {told}", flush=True)
        print(f"{min(start + AT_A_TIME, len(chosen))} of {len(chosen)} mutants done", flush=True)
    return _report(target, chosen, outcomes, complete=not asked.only)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m tests.meta.mutation",
        description="Runs tests on the code with one small fault at a time, and tells which faults "
        "no test notices. Takes an hour for the loss.",
        epilog="Exit status: 0 every survivor is one listed in survivors.json; 1 another survived; "
        "2 the request is wrong, or tests fail without any fault.",
    )
    parser.add_argument("target", choices=TARGETS, help="what to plant faults in")
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants that have this text")
    parser.add_argument(
        "--until", metavar="PASS", help="the last pass to run; loss: quick, modes, full"
    )
    parser.add_argument("--list", action="store_true", help="print the mutants, run nothing")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="at a time (default 1)")
    parser.add_argument(
        "--results",
        type=Path,
        metavar="FILE",
        help="JSON to save outcomes in, and to go on from: what it has as killed is not run again "
        "(default mutation-TARGET.json)",
    )
    asked = parser.parse_args(arguments)
    if asked.workers < 1:
        parser.error(f"--workers: expected 1 or more, got {asked.workers}")
    asked.results = asked.results or ROOT / f"mutation-{asked.target}.json"
    return asked


def _holds_without_a_fault(one: Pass) -> bool:
    """A test that fails anyway would kill every mutant."""
    ((_, outcome),) = run([None], one, 1)
    print(f"{one.name} pass without a fault: {outcome.seconds:.0f} s {outcome.by}", flush=True)
    return outcome.status == SURVIVED


def _is_alive(outcome: Outcome | None) -> bool:
    return outcome is None or outcome.status == SURVIVED


def _load(path: Path) -> dict[str, Outcome]:
    """Outcomes by key, as saved; survivors are left out, so that they are tried again."""
    if not path.exists():
        return {}
    saved = json.loads(path.read_text(encoding="utf-8"))
    found = {key: Outcome(**outcome) for key, outcome in saved.items()}
    return {key: outcome for key, outcome in found.items() if outcome.status == KILLED}


def _save(path: Path, outcomes: dict[str, Outcome]) -> None:
    document = {key: asdict(outcome) for key, outcome in sorted(outcomes.items())}
    half = path.with_suffix(".part")
    half.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    half.replace(path)


def _report(
    target: Target, chosen: Sequence[Mutant], outcomes: dict[str, Outcome], complete: bool
) -> int:
    """Print the score and what is not as listed; the exit status."""
    reasons = json.loads(SURVIVORS.read_text(encoding="utf-8"))
    of_target = {key for key in reasons if key.startswith(tuple(f"{m}:" for m in target.modules))}
    keys = {mutant.key for mutant in chosen if mutant.key in outcomes}
    survivors = {key for key in keys if outcomes[key].status == SURVIVED}
    ways = Counter(outcomes[key].in_pass for key in keys if outcomes[key].status == KILLED)
    killed = len(keys) - len(survivors)
    if len(keys) < len(chosen):
        print(f"{len(chosen) - len(keys)} mutants that no pass so far reaches")
    by_pass = ", ".join(f"{name} {count}" for name, count in ways.items())
    print(
        f"{len(keys)} mutants: {killed} killed, {len(survivors)} survived, "
        f"{len(survivors & of_target)} of them listed as no faults"
    )
    faults = len(keys - (survivors & of_target))
    if faults:
        print(f"killed: {killed / len(keys):.1%} of all, {killed / faults:.1%} of the faults")
    if ways:
        print(f"killed in pass {by_pass}")
    for key in sorted((of_target & keys) - survivors):
        print(f"listed as a survivor, but killed: {key}\n  by {outcomes[key].by}")
    for key in sorted(of_target - {mutant.key for mutant in chosen}) if complete else ():
        print(f"listed as a survivor, but no mutant any more: {key}")
    for key in sorted(survivors - of_target):
        print(f"survived, and not listed in {SURVIVORS.name}: {key}")
    return 1 if survivors - of_target else 0


if __name__ == "__main__":
    sys.exit(main())
