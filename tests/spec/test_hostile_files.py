"""500 hostile and random variations of a counterexample file: a clear error, or a plain verdict.

Whatever a file holds, loading and judging it raises nothing but a ValueError that names the file or
says what is no case of the law, runs nothing, and takes a bounded amount of memory.
"""

from __future__ import annotations

import copy
import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mgspec import LAWS, Candidate, Evaluation, judge, specification
from mgspec.drawing.variety import FULL
from mgspec.laws import BATCH_LAWS
from mgspec.loss.candidate import PLAIN_OPTIONS
from mgspec.saved.counterexample import Counterexample, CounterexampleError, load, to_document

VARIATIONS = 500
PARTS = 25  # each holds every kind of change; the huge file of the first is not large
MEMORY = 1024 * 2**20  # bytes; the largest file allowed takes some hundred as Python's own numbers

NUMBERS: list[Any] = [
    *(0, -1, 1, 2, 3, 7, 99, 100, 101, 10**6, 2**31, 2**63, 10**18, 10**400, -(10**400)),
    *(0.5, -0.0, 1e-46, 1e38, 1e39, 1e308, float("nan"), float("inf"), -float("inf")),
]
VALUES: list[Any] = [
    *NUMBERS,
    *(None, True, False, "", "X", "../../etc/passwd", "__import__('os').system('id')", "\udc80"),
    *("partition", "finite", "é 物", "\x00", "nan", "1", "a" * 10_000, [], {}, [[]], [[[]]]),
    *([1], [1, 1, 1, 7], [10**9] * 4, [2**62, 4, 1, 1], {"shape": [1, 1, 1, 7], "values": [0] * 7}),
    {"__class__": "os.system", "__reduce__": ["id"]},
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document; of long lists the first few."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for index in range(min(len(value), 4)):
            yield from places(value[index], (*path, index))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


Change = Callable[[random.Random, dict[str, Any]], str]


def dumped(document: Any) -> str:
    return json.dumps(document)  # NaN and Infinity as Python's own, which are no JSON


def one_value(rng: random.Random, document: dict[str, Any]) -> str:
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        path = rng.choice([p for p in places(document) if p])
        at(document, path[:-1])[path[-1]] = copy.deepcopy(rng.choice(VALUES))
    return dumped(document)


def one_choice(rng: random.Random, document: dict[str, Any]) -> str:
    for name in list(document["choices"]) or ["times"]:
        if rng.random() < 0.7:
            document["choices"][name] = rng.choice([*NUMBERS, [0], [1, 0], [0, 0], list(range(9))])
    return dumped(document)


def one_missing(rng: random.Random, document: dict[str, Any]) -> str:
    path = rng.choice([p for p in places(document) if p])
    del at(document, path[:-1])[path[-1]]
    return dumped(document)


def another_law(rng: random.Random, document: dict[str, Any]) -> str:
    document["law"] = rng.choice(list(LAWS))
    document["claims"] = rng.choice(["batch", "hybrid", "positives", "nobody"])
    return dumped(document)


def swapped(rng: random.Random, document: dict[str, Any]) -> str:
    batches = document["batches"]
    for batch in batches.values():
        if rng.random() < 0.6:
            batch["targets"], batch["predictions"] = batch["predictions"], batch["targets"]
    names = list(batches)
    renamed = rng.sample([*names, "Z", "x", "../X"], len(names))
    document["batches"] = dict(zip(renamed, batches.values(), strict=True))
    return dumped(document)


def other_shapes(rng: random.Random, document: dict[str, Any]) -> str:
    for batch in document["batches"].values():
        for role in ("targets", "predictions"):
            for array in batch[role]:
                if rng.random() < 0.5:
                    rng.shuffle(array["shape"])
                if rng.random() < 0.2:
                    array["values"] = array["values"] * rng.choice((0, 2, 3))
                    array["shape"][0] *= 2
    return dumped(document)


def large_numbers(rng: random.Random, document: dict[str, Any]) -> str:
    for batch in document["batches"].values():
        for role in ("targets", "predictions"):
            for array in batch[role]:
                large = rng.choice((3.4e38, -3.4e38, 1e30, 1e-45))
                array["values"] = [large if rng.random() < 0.5 else v for v in array["values"]]
    return dumped(document)


def huge(rng: random.Random, document: dict[str, Any]) -> str:
    """As many numbers as fit into a file, and a law that makes more of them."""
    fine, channels = rng.choice((40, 200, 400)), 7
    arrays = [
        {"shape": [1, side, side, channels], "values": [0] * (side * side * channels)}
        for side in (1, fine)
    ]
    law = rng.choice(("resolution", "translation", "replication", "permutation", "partition"))
    document["law"], document["component"] = law, None
    document["problem"]["anchors"] = [[[16.0, 16.0]], [[8.0, 8.0]]]
    document["problem"]["classes"] = 1
    document["batches"] = {n: {"targets": arrays, "predictions": arrays} for n in ("X", "Y")}
    document["choices"] = {
        **{"rows": rng.choice((8, 100)), "columns": rng.choice((8, 100)), "prediction": 0.0},
        **{"row": 1, "column": 1, "times": 100, "order": [0], "shards": 1},
    }
    return dumped(document)


def huge_problem(rng: random.Random, document: dict[str, Any]) -> str:
    document["problem"]["classes"] = rng.choice((10**9, 10**30, 10**400))
    document["problem"]["input_size"] = [rng.choice((1, 10**9, 10**400)) for _ in range(2)]
    if rng.random() < 0.5:
        document["problem"]["classes"] = 1
    return dumped(document)


def other_options(rng: random.Random, document: dict[str, Any]) -> str:
    options = document["problem"]["options"]
    for name in rng.sample(list(options), 3):
        options[name] = rng.choice([*VALUES, "ciou", "focal", "objectness", [1.0], [1e308], 1e300])
    return dumped(document)


def cut(rng: random.Random, document: dict[str, Any]) -> str:
    text = dumped(document)
    return text[: rng.randrange(len(text))]


def noise(rng: random.Random, document: dict[str, Any]) -> str:
    text = list(dumped(document))
    for _ in range(rng.choice((1, 3, 30))):
        text[rng.randrange(len(text))] = rng.choice('{}[]",:0-9eE.\\ \x00é\u2028Nt')
    return "".join(text)


def twice(rng: random.Random, document: dict[str, Any]) -> str:
    """A key that stands twice: the last one counts, and must be checked as any."""
    key = rng.choice(list(document))
    again = json.dumps({key: rng.choice(VALUES)})
    return dumped(document)[:-1] + ", " + again[1:]


def deep(rng: random.Random, document: dict[str, Any]) -> str:
    depth = rng.choice((10, 500, 5_000, 100_000))
    nested = rng.choice(("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth))
    key = rng.choice(list(document))
    document[key] = "HERE"
    return dumped(document).replace('"HERE"', nested, 1)


def long_integer(rng: random.Random, document: dict[str, Any]) -> str:
    digits = "9" * rng.choice((100, 4_301, 100_000))
    path = rng.choice([p for p in places(document) if p])
    at(document, path[:-1])[path[-1]] = "HERE"
    return dumped(document).replace('"HERE"', digits, 1)


CHANGES: list[Change] = [
    *(one_value, one_value, one_value, one_choice, one_choice, one_missing, another_law, swapped),
    *(other_shapes, large_numbers, huge, huge_problem, other_options, cut, noise, twice, deep),
    long_integer,
]


@pytest.fixture(scope="module")
def originals() -> list[dict[str, Any]]:
    """A case of every law, under plain options and others, as documents."""
    found = []
    for index, law in enumerate(LAWS.values()):
        options = PLAIN_OPTIONS if index % 2 else None
        cases = law.cases(replace(FULL, options=options))
        case = drawn(cases, index)
        found.append(to_document(Counterexample(law.name, None, "a.py", "batch", "", case)))
    return found


def drawn(strategy: Any, seed: int) -> Any:
    """One case of a strategy, always the same: the last of a few."""
    from hypothesis import Phase, given, settings
    from hypothesis import seed as seeded

    kept = []

    @settings(max_examples=5, database=None, phases=[Phase.generate], derandomize=False)
    @given(strategy)
    def keep(case: Any) -> None:
        kept.append(case)

    seeded(seed)(keep)()
    return kept[-1]


def answers_anything(problem: Any, batch: Any, gradients: bool) -> Evaluation:
    """A NumPy loss in the simplest form."""
    value = float(sum(abs(p.astype("float64")).mean() for p in batch.predictions))
    return Evaluation({"location": value, "anchor": value, "classification": value})


SIMPLE = Candidate(
    "simple", answers_anything, ("location", "anchor", "classification"), has_gradients=False
)
CANDIDATES = (SIMPLE, specification(options=None))


def says_what_is_wrong(message: str, path: Path) -> None:
    assert message.startswith(str(path))
    assert 0 < len(message) < len(str(path)) + 500
    assert message.isprintable() or "\n" not in message


def told(path: Path, candidate: Candidate) -> str:
    """What comes of a file: "refused", "no case" or "judged"."""
    try:
        counterexample = load(path)
    except CounterexampleError as error:
        says_what_is_wrong(str(error), path)
        return "refused"
    law = LAWS[counterexample.law]
    if law.why_not(candidate) is not None:
        return "not judged"
    try:
        judge(law, candidate, counterexample.case)
    except ValueError as error:
        return "no case" if str(error) else "no reason"
    return "judged"


@pytest.mark.parametrize(
    "part", [0, *(pytest.param(part, marks=pytest.mark.nightly) for part in range(1, PARTS))]
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_variation_ends_in_a_clear_error_or_a_verdict(
    part: int, originals: list[dict[str, Any]], tmp_path: Path
) -> None:
    seen = []
    path = tmp_path / "hostile.json"
    for number in range(part * VARIATIONS // PARTS, (part + 1) * VARIATIONS // PARTS):
        rng = random.Random(number)
        change = CHANGES[number % len(CHANGES)]
        text = change(rng, copy.deepcopy(rng.choice(originals)))
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        # The specification is slow on what is large; whether it fits does not depend on it.
        candidate = SIMPLE if change is huge else rng.choice(CANDIDATES)
        tracemalloc.start()
        try:
            seen.append(told(path, candidate))
            peak = tracemalloc.get_traced_memory()[1]
        except Exception as error:
            error.add_note(f"variation {number}: {change.__name__}") if hasattr(
                error, "add_note"
            ) else None
            raise
        finally:
            tracemalloc.stop()
        assert peak < MEMORY, f"variation {number}: {change.__name__}"
    assert len(seen) == VARIATIONS // PARTS
    assert "no reason" not in seen
    # It is not all refused at the door: much of it gets as far as a law.
    assert seen.count("judged") + seen.count("no case") > 2
    assert seen.count("refused") > 4


def test_the_laws_of_the_originals_are_all_laws(originals: list[dict[str, Any]]) -> None:
    assert {document["law"] for document in originals} >= set(BATCH_LAWS)
