"""The JSON of verdicts and its schema; `tests.gate.conftest` validates what every test writes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

import jsonschema
import pytest

from mgspec import COMPONENTS, LAWS
from mgspec.saved.counterexample import load
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED
from tests.gate.conftest import LOSSES, SCHEMA, Run
from tests.gate.reports.conftest import Reported


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_knows_every_status_and_component() -> None:
    verdict = SCHEMA["$defs"]["verdict"]["properties"]
    assert set(verdict["status"]["enum"]) == {HOLDS, BROKEN, SKIPPED, ERROR}
    of_this_layout = SCHEMA["then"]["properties"]["verdicts"]["items"]["properties"]["component"]
    assert set(of_this_layout["enum"]) == {*COMPONENTS, None}


def test_the_file_names_its_format_and_its_counterexamples(reported: Reported) -> None:
    document = json.loads(reported.text("out.json"))
    assert (document["format"], document["version"]) == ("mgloss-verdicts", 3)
    broken = [v for v in document["verdicts"] if v["status"] == "broken"]
    assert {"partition", "sharding"} <= {v["law"] for v in broken}
    for verdict in broken:
        saved = load(reported.folder / verdict["counterexample"])
        assert (saved.law, saved.component) == (verdict["law"], verdict["component"])


@pytest.mark.parametrize(
    ("name", "laws"),
    [
        ("raises", ("finite", "pure", "gradient")),
        ("without_a_guard", ("finite", "permutation", "pure")),
        ("plain", ()),
        *(
            pytest.param(name, (), marks=pytest.mark.nightly)
            for name in ("raises", "without_a_guard", "by_cells")
        ),
    ],
)
def test_what_any_loss_comes_to_fits_the_schema(
    name: str, laws: tuple[str, ...], mgloss: Run
) -> None:
    chosen = [f"--law={law}" for law in laws]
    few = ("--max-examples", 10, "--seed", 1)
    result = mgloss("check", f"{LOSSES}:{name}", *chosen, *few, "--json", "out.json")
    assert result.returncode in (0, 1), result.stderr


WRONG: dict[str, Callable[[dict], object]] = {
    "another format": lambda d: d.update(format="mgloss-counterexample"),
    "another version": lambda d: d.update(version=1),
    "no seed": lambda d: d.pop("seed"),
    "something more": lambda d: d.update(verdict=[]),
    "an unknown status": lambda d: d["verdicts"][0].update(status="passed"),
    "an unknown component": lambda d: d["verdicts"][0].update(component="locaton"),
    "broken without a counterexample": lambda d: d["verdicts"][1].update(counterexample=None),
    "broken without a message": lambda d: d["verdicts"][1].update(message=""),
    "holds with a message": lambda d: d["verdicts"][0].update(message="well"),
    "a verdict without examples": lambda d: d["verdicts"][0].pop("examples"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_the_schema_refuses(fault: str, reported: Reported) -> None:
    document = json.loads(reported.text("out.json"))
    holds = next(v for v in document["verdicts"] if v["status"] == "holds")
    broken = next(v for v in document["verdicts"] if v["status"] == "broken")
    document["verdicts"] = [holds, broken]
    jsonschema.validate(document, SCHEMA)
    wrong = copy.deepcopy(document)
    WRONG[fault](wrong)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


def test_every_law_is_in_a_whole_check(mgloss: Run, tmp_path) -> None:
    mgloss("check", f"{LOSSES}:plain", "--max-examples", 5, "--json", "out.json")
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert {v["law"] for v in document["verdicts"]} == set(LAWS)
