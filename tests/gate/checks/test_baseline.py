"""`mgloss baseline` and `mgloss check --baseline`: only what is worse fails."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mgloss.gate.checks.baseline import Baseline, BaselineError, compare, load, save
from mgloss.gate.commands.cli import app
from mgspec import LAWS, Verdict
from tests.gate.conftest import LOSSES, Run

FEW = "--max-examples=20"
BY_POSITIVES, BY_BATCH = f"{LOSSES}:by_positives", f"{LOSSES}:by_batch"

HELD = {"location": "holds", "total": "holds"}
HALF = {"location": "broken", "total": "holds"}
NONE = {"location": "broken", "total": "broken"}
NO_NUMBER = {"loss": "error"}
SKIPPED = {"loss": "skipped"}


def changes(before: dict[str, str] | None, now: dict[str, str]) -> tuple[set, set, set]:
    """The components of one law that are worse, better, and known to fail."""
    laws = {} if before is None else {"partition": before}
    found = [Verdict("partition", None if c == "loss" else c, status) for c, status in now.items()]
    compared = compare(Baseline("mine.py", "batch", 100, 0, laws), found)
    return (
        {c.component for c in compared.worse},
        {c.component for c in compared.better},
        {c.component for c in compared.known},
    )


NOTHING: set[str] = set()
BOTH = {"location", "total"}


@pytest.mark.parametrize(
    ("before", "now", "worse", "better", "known"),
    [
        pytest.param(HELD, HELD, NOTHING, NOTHING, NOTHING, id="what holds still holds"),
        pytest.param(HELD, HALF, {"location"}, NOTHING, NOTHING, id="what held is broken"),
        pytest.param(HALF, HALF, NOTHING, NOTHING, {"location"}, id="what was broken still is"),
        pytest.param(HALF, HELD, NOTHING, {"location"}, NOTHING, id="what was broken holds"),
        pytest.param(HALF, NONE, {"total"}, NOTHING, {"location"}, id="another component breaks"),
        pytest.param(HELD, NO_NUMBER, BOTH, NOTHING, NOTHING, id="what held gives no number"),
        pytest.param(NONE, NO_NUMBER, BOTH, NOTHING, NOTHING, id="what was broken gives none"),
        pytest.param(HALF, NO_NUMBER, BOTH, NOTHING, NOTHING, id="half held, none now"),
        pytest.param(NO_NUMBER, HALF, {"location"}, {"total"}, NOTHING, id="it gives numbers now"),
        pytest.param(NO_NUMBER, NO_NUMBER, NOTHING, NOTHING, {"loss"}, id="it still gives none"),
        pytest.param(HELD, SKIPPED, BOTH, NOTHING, NOTHING, id="what held is not judged"),
        pytest.param(NONE, SKIPPED, NOTHING, NOTHING, NOTHING, id="what was broken is not judged"),
        pytest.param(SKIPPED, SKIPPED, NOTHING, NOTHING, NOTHING, id="still not judged"),
        pytest.param(SKIPPED, HALF, {"location"}, NOTHING, NOTHING, id="judged now, and broken"),
        pytest.param(SKIPPED, HELD, NOTHING, NOTHING, NOTHING, id="judged now, and holds"),
        pytest.param(HELD, {"total": "holds"}, {"location"}, NOTHING, NOTHING, id="one has gone"),
        pytest.param(HALF, {"total": "holds"}, NOTHING, NOTHING, NOTHING, id="a broken one gone"),
        pytest.param({"total": "holds"}, HALF, {"location"}, NOTHING, NOTHING, id="a new one"),
        pytest.param({"total": "holds"}, HELD, NOTHING, NOTHING, NOTHING, id="a new one holds"),
        pytest.param(None, NONE, BOTH, NOTHING, NOTHING, id="a new law must hold"),
        pytest.param(None, NO_NUMBER, {"loss"}, NOTHING, NOTHING, id="a new law without number"),
        pytest.param(None, HELD, NOTHING, NOTHING, NOTHING, id="a new law holds"),
    ],
)
def test_what_held_must_hold_and_so_must_what_is_new(
    before: dict[str, str] | None,
    now: dict[str, str],
    worse: set[str],
    better: set[str],
    known: set[str],
) -> None:
    assert changes(before, now) == (worse, better, known)


def test_laws_that_were_not_judged_are_not_compared() -> None:
    compared = compare(Baseline("mine.py", "batch", 100, 0, {"partition": HELD}), [])
    assert (compared.worse, compared.better, compared.known) == ((), (), ())


def test_a_baseline_guards_a_loss_that_breaks_laws_today(mgloss: Run, tmp_path: Path) -> None:
    laws = ("--law=density_monotone", "--law=pure", "--law=gradient")
    recorded = mgloss("baseline", BY_POSITIVES, *laws, FEW)
    assert recorded.returncode == 0, recorded.stdout + recorded.stderr
    document = json.loads((tmp_path / "mgloss-baseline.json").read_text())
    assert (document["loss"], document["claims"]) == (BY_POSITIVES, "batch")
    assert document["max_examples"] == 20
    assert document["laws"]["density_monotone"] == {
        "location": "broken",
        "classification": "broken",
    }
    assert document["laws"]["pure"]["anchor"] == "holds"
    assert document["laws"]["gradient"] == {"loss": "skipped"}

    command = next(line for line in recorded.stdout.splitlines() if "--baseline" in line)
    assert command.split()[:2] == ["mgloss", "check"]
    result = mgloss(*command.split()[1:])
    assert result.returncode == 0, result.stdout
    assert "nothing is worse" in result.stdout
    assert "counterexample:" not in result.stdout

    better = mgloss("check", BY_BATCH, *laws, FEW, "--baseline", "mgloss-baseline.json")
    assert better.returncode == 0
    assert "better  density_monotone of location was broken, and now holds" in better.stdout
    (update,) = (line for line in better.stdout.splitlines() if "mgloss baseline" in line)
    assert f"mgloss baseline {BY_BATCH} --claims=batch --law=" in update
    assert update.endswith("--max-examples=20 --output mgloss-baseline.json")
    assert f"with loss '{BY_POSITIVES}', this is '{BY_BATCH}'" in better.stdout


def test_what_gets_worse_fails_and_is_shown_with_its_batch(mgloss: Run) -> None:
    laws = ("--law=density_monotone", "--law=pure", FEW)
    mgloss("baseline", BY_BATCH, *laws)
    result = mgloss("check", BY_POSITIVES, *laws, "--baseline", "mgloss-baseline.json")
    assert result.returncode == 1
    assert "worse   density_monotone of location held, and now is broken" in result.stdout
    assert "the location counterexample:" in result.stdout
    assert "better" not in result.stdout
    assert "mgloss baseline" not in result.stdout


def test_a_loss_that_raises_is_worse_than_one_that_held(mgloss: Run) -> None:
    mgloss("baseline", f"{LOSSES}:plain", "--law=pure", FEW)
    result = mgloss("check", f"{LOSSES}:raises", "--law=pure", "--baseline=mgloss-baseline.json")
    assert result.returncode == 1
    assert "pure of total held, and now comes to no verdict" in result.stdout
    assert "the loss raised KeyError" in result.stdout


def test_a_broken_law_that_comes_to_no_verdict_is_worse(mgloss: Run) -> None:
    request = ("--claims=batch", "--law=partition", FEW)
    mgloss("baseline", BY_POSITIVES, *request)
    baseline = "--baseline=mgloss-baseline.json"
    result = mgloss("check", f"{LOSSES}:raises", *request, baseline)
    assert result.returncode == 1, result.stdout
    assert "partition of location was broken, and now comes to no verdict" in result.stdout


def test_a_law_that_comes_to_no_verdict_as_recorded_is_known(mgloss: Run) -> None:
    request = (f"{LOSSES}:raises", "--law=partition", FEW)
    mgloss("baseline", *request)
    result = mgloss("check", *request, "--baseline=mgloss-baseline.json")
    assert result.returncode == 0, result.stdout
    assert "partition: as before" in result.stdout


def test_a_component_that_is_not_returned_any_more_is_worse(mgloss: Run) -> None:
    mgloss("baseline", BY_BATCH, "--law=pure", FEW)
    result = mgloss(
        "check", f"{LOSSES}:plain", "--law=pure", FEW, "--baseline=mgloss-baseline.json"
    )
    assert result.returncode == 1
    assert "pure of location held, and now is not judged: the loss does not" in result.stdout


def test_a_recorded_law_that_is_not_claimed_is_guarded_too(mgloss: Run, tmp_path: Path) -> None:
    mgloss("baseline", BY_POSITIVES, "--law=density_neutral", FEW)
    found = json.loads((tmp_path / "mgloss-baseline.json").read_text())["laws"]
    assert found == {"density_neutral": {"location": "holds", "classification": "holds"}}
    result = mgloss("check", BY_BATCH, FEW, "--baseline=mgloss-baseline.json")
    assert result.returncode == 1
    assert "density_neutral of location held, and now is broken" in result.stdout
    assert "pure" not in result.stdout.partition("since ")[2]


def test_a_law_that_was_not_recorded_is_new_and_must_hold(mgloss: Run) -> None:
    mgloss("baseline", BY_POSITIVES, "--law=density_monotone", FEW)
    laws = ("--law=density_monotone", "--law=sharding", FEW)
    result = mgloss("check", BY_POSITIVES, *laws, "--baseline=mgloss-baseline.json")
    assert result.returncode == 1
    assert "sharding of location is not in the baseline, and now is broken" in result.stdout
    assert "density_monotone: as before" in result.stdout


def test_the_update_keeps_the_laws_that_this_check_left_out(mgloss: Run) -> None:
    mgloss("baseline", BY_POSITIVES, "--law=density_monotone", "--law=density_neutral", FEW)
    result = mgloss(
        "check", BY_BATCH, "--law=density_monotone", FEW, "--baseline", "mgloss-baseline.json"
    )
    update = next(line for line in result.stdout.splitlines() if "mgloss baseline" in line)
    assert "--law=density_monotone" in update
    assert "--law=density_neutral" in update


def test_a_baseline_of_another_claim_is_refused(mgloss: Run) -> None:
    mgloss("baseline", BY_POSITIVES, "--claims=positives", "--law=pure", FEW)
    result = mgloss("check", BY_POSITIVES, "--baseline", "mgloss-baseline.json")
    assert result.returncode == 2
    assert "was recorded for --claims positives" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check", BY_BATCH, "--baseline", "none.json"), "none.json: No such file"),
        (("check", BY_BATCH, "--baseline", "."), ".: is not a file"),
        (("check", BY_BATCH, "--claims", "bach", "--baseline", "x"), "did you mean 'batch'?"),
        (("baseline", "none.py"), "none.py: no such file"),
        (("baseline", BY_BATCH, "--law", "partiton"), "did you mean 'partition'?"),
        (("baseline", BY_BATCH, "--claims", "bach"), "did you mean 'batch'?"),
        (("baseline", BY_BATCH, "--output", "no/such/x.json"), "there is no folder no/such"),
        (("baseline", BY_BATCH, "--output", "."), "is a directory, expected a file"),
        (("baseline", BY_BATCH, "--max-examples", "0"), "expected 1 or more"),
    ],
)
def test_a_wrong_request_is_refused_and_writes_nothing(
    mgloss: Run, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = mgloss(*arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_nothing_can_be_said_of_is_not_recorded(mgloss: Run, tmp_path: Path) -> None:
    result = mgloss("baseline", BY_BATCH, "--law=gradient")
    assert result.returncode == 2
    assert "nothing could be judged" in result.stdout
    assert list(tmp_path.iterdir()) == []


GOOD = Baseline(
    "mine.py:loss",
    "batch",
    100,
    0,
    {"partition": dict(HALF), "finite": dict(HELD), "gradient": {"loss": "skipped"}},
)


def test_a_baseline_loads_as_it_was_saved_and_twice_to_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    save(GOOD, first)
    assert load(first) == GOOD
    shuffled = {law: GOOD.laws[law] for law in reversed(GOOD.laws)}
    save(Baseline("mine.py:loss", "batch", 100, 0, shuffled), second)
    assert first.read_bytes() == second.read_bytes()


def test_a_baseline_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "baseline.json"
    save(GOOD, path)

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(OSError, match="no space left"):
        save(Baseline("other.py", "grid", 1, 1, {}), path)
    assert load(path) == GOOD
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "mgloss-counterexample"}, "expected 'mgloss-baseline'"),
        ({"version": 2}, "a newer mgloss wrote it: upgrade"),
        ({"version": True}, "version: expected int, got bool"),
        ({"claims": "bach"}, "did you mean 'batch'?"),
        ({"max_examples": 0}, "max_examples: expected 1 or more"),
        ({"seed": -1}, "seed: expected 0 or more"),
        ({"loss": None}, "loss: expected str, got NoneType"),
        ({"laws": {}}, "laws: expected at least one"),
        ({"laws": {"partiton": {"total": "holds"}}}, "did you mean 'partition'?"),
        ({"laws": {"partition": {}}}, "laws.partition: expected the status of each"),
        ({"laws": {"partition": {"": "holds"}}}, "expected the name of a component, got ''"),
        ({"laws": {"partition": {"x" * 101: "holds"}}}, "expected the name of a component"),
        ({"laws": {"partition": {"total": "fine"}}}, "expected one of holds, broken"),
        ({"laws": {"partition": {"total": ["holds"]}}}, "got ['holds']"),
    ],
)
def test_what_is_no_baseline_is_told_with_what_is_wrong(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path = tmp_path / "baseline.json"
    save(GOOD, path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BaselineError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert said in str(error.value)


WRONG_VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 1e308, 10**400, float("nan"), float("inf")),
    *("", "holds", "\ud800", "\x1b[2J", "\u202e", "a" * 999),
    *([], {}, [[]], {"": {}}, {"partition": None}, list(LAWS)),
]


def places(document: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document."""
    inside = document.items() if isinstance(document, dict) else ()
    return [here, *(place for key, value in inside for place in places(value, (*here, key)))]


def put(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    return {k: put(v, place[1:], value) if k == place[0] else v for k, v in document.items()}


def of_another_type(text: str, chance: random.Random) -> bytes:
    document = json.loads(text)
    changed = put(document, chance.choice(places(document)), chance.choice(WRONG_VALUES))
    return json.dumps(changed).encode()


def under_another_name(text: str, chance: random.Random) -> bytes:
    names = ("partition", "finite", "location", "total", "laws", "version", "claims", "format")
    others = ("", "partiton", "__proto__", "../../etc/passwd", "loss", "anchor", "\\ud800", "é")
    return text.replace(f'"{chance.choice(names)}"', f'"{chance.choice(others)}"').encode()


def cut_off(text: str, chance: random.Random) -> bytes:
    return text.encode()[: chance.randrange(len(text) - 2)]


def with_other_bytes(text: str, chance: random.Random) -> bytes:
    data = bytearray(text.encode())
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def of_nothing_but_noise(text: str, chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(300))


def in_another_encoding(text: str, chance: random.Random) -> bytes:
    return text.encode(chance.choice(("utf-16", "utf-32", "utf-8-sig", "utf-16-be")))


def deeply_nested(text: str, chance: random.Random) -> bytes:
    opening, closing = chance.choice((("[", "]"), ('{"laws":', "}")))
    depth = chance.choice((50, 2_000, 100_000))
    return (opening * depth + "1" + closing * chance.choice((depth, 0))).encode()


def with_a_name_twice(text: str, chance: random.Random) -> bytes:
    line = chance.choice([line for line in text.splitlines() if line.endswith(",")])
    return text.replace(line, f"{line}\n{line}", 1).encode()


def too_large(text: str, chance: random.Random) -> bytes:
    filler = chance.choice((" ", '"a",', "[", "9")) * 2**20
    return (text + filler).encode() if chance.random() < 0.5 else (filler + text).encode()


def with_a_number_that_is_none(text: str, chance: random.Random) -> bytes:
    number = chance.choice(("NaN", "Infinity", "-Infinity", "1e999", "9" * 5_000, "0x10", "01"))
    return text.replace(": 100", f": {number}").encode()


CERTAINLY_WRONG: list[Callable[[str, random.Random], bytes]] = [
    cut_off,
    in_another_encoding,
    deeply_nested,
    with_a_name_twice,
    too_large,
    with_a_number_that_is_none,
]
PERHAPS_WRONG = [of_another_type, under_another_name, with_other_bytes, of_nothing_but_noise]


@pytest.mark.parametrize("files", [40, pytest.param(500, marks=pytest.mark.nightly)])
def test_hostile_files_are_each_refused_by_name_or_are_baselines(
    files: int, tmp_path: Path
) -> None:
    save(GOOD, tmp_path / "good.json")
    text = (tmp_path / "good.json").read_text()
    chance = random.Random(20)
    path = tmp_path / "hostile.json"
    accepted = refused = 0
    for number in range(files):
        certain = number % 2 == 0
        variation = chance.choice(CERTAINLY_WRONG if certain else PERHAPS_WRONG)
        path.write_bytes(variation(text, chance))
        # The baseline is read before the loss is looked for, which there is none of.
        result = CliRunner().invoke(app, ["check", "nothing.py", "--baseline", str(path)])
        told = (variation.__name__, number, result.output[:300], result.exception)
        assert isinstance(result.exception, SystemExit), told
        assert result.exit_code == 2, told
        if f"mgloss: {path}: " in result.output:
            refused += 1
            assert result.output.count("\n") == 1, told
            assert len(result.output) < 1_000, told
            assert result.output.rstrip("\n").isprintable(), told
        else:
            accepted += 1
            assert "nothing.py: no such file" in result.output, told
            assert not certain, told
            assert isinstance(load(path), Baseline)
    # Some variations change nothing that matters; most do.
    assert accepted > files // 100
    assert refused > 0.8 * files


def test_what_is_no_file_is_refused_by_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # reading it would wait for ever
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "loop", "folder", "folder/missing", "a" * 300):
        path = tmp_path / name
        with pytest.raises(BaselineError) as error:
            load(path)
        assert str(error.value).startswith(f"{path}: ")
