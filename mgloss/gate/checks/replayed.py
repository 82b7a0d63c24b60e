"""What became of stored counterexamples, and how a report tells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mgspec.page.case_text import count

Ending = Literal["broken", "mended", "held", "passed over"]

MOST_NAMED = 2  # files that a line names for one reason


@dataclass(frozen=True)
class Replayed:
    """What became of a stored counterexample.

    ending: "broken": it still breaks its law. "mended": it was found for this loss, and the law
        holds on it now. "held": it was found for another loss, and the law holds on it. "passed
        over": it was not judged.
    reason: why it was passed over; of a mended one, why that may not be due to the loss.
    law: the one that was judged. loss: what it was found for.
    """

    path: str
    ending: Ending
    reason: str = ""
    law: str = ""
    loss: str = ""


def pass_over(path: Path, error: ValueError) -> Replayed:
    """Return that a file is passed over, for the reason of an error that may name it."""
    return Replayed(str(path), "passed over", str(error).removeprefix(f"{path}: "))


def count_judged(replayed: Iterable[Replayed]) -> dict[str, int]:
    """Return how many stored counterexamples were judged, by law."""
    counts: dict[str, int] = {}
    for each in replayed:
        if each.ending != "passed over":
            counts[each.law] = counts.get(each.law, 0) + 1
    return counts


def tell_replayed(replayed: Iterable[Replayed]) -> Iterator[str]:
    """Yield what there is to say, beside verdicts: a line for each kind of ending."""
    found = sorted(replayed, key=lambda each: each.path)
    for each in found:
        if each.ending == "mended":
            doubt = f" ({each.reason})" if each.reason else ""
            yield f"no longer broken: {each.path}{doubt}"
    held = [each for each in found if each.ending == "held"]
    if held:
        losses = ", ".join(dict.fromkeys(each.loss for each in held))
        what = count(len(held), "stored counterexample")
        verb = "does" if len(held) == 1 else "do"
        yield f"{what} found for {losses} {verb} not break a law of this loss"
    passed_over = [each for each in found if each.ending == "passed over"]
    if passed_over:
        yield f"passed over {count(len(passed_over), 'stored file')}: {_by_reason(passed_over)}"


def _by_reason(passed_over: Iterable[Replayed]) -> str:
    """Return one line that lists why stored counterexamples were not judged.

    Each reason stands once, followed by a few of its files and the number of the others.
    """
    paths: dict[str, list[str]] = {}
    for each in passed_over:
        paths.setdefault(" ".join(each.reason.split()), []).append(each.path)
    return "; ".join(f"{reason} ({_name_some(files)})" for reason, files in paths.items())


def _name_some(files: list[str]) -> str:
    named = ", ".join(files[:MOST_NAMED])
    more = len(files) - MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named
