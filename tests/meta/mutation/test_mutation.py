"""The command itself, with so few tests that it takes seconds."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mgspec import LAWS, NORMALIZATIONS
from tests.meta.mutation.__main__ import SURVIVORS, main
from tests.meta.mutation.mutants import ROOT, mutants
from tests.meta.mutation.running import Pass
from tests.meta.mutation.targets import TARGETS

KILLED = "return shared / union -> return shared * union"
UNKNOWN = (
    "v = 4 / math.pi**2 * tf.square(_angle(boxes.half) - _angle(boxes.half_target)) -> v = 5 /"
)
LISTED = "boxes.py: module: @dataclass(frozen=True) -> @dataclass(frozen=False)"

# One test of boxes alone. It takes three runs of the command in one process, to start it once.
SMALL = """
import sys
from tests.meta.mutation.__main__ import main
from tests.meta.mutation.running import Pass
from tests.meta.mutation.targets import TARGETS, Target
tests = ("tests/properties/test_boxes.py", "--hypothesis-profile", "mutation")
TARGETS["small"] = Target(
    ("mgloss/reference/boxes.py",),
    (Pass("small", tests, ("boxes_that_cross", "same_shape"), only=True),),
)
for number, only in enumerate(sys.argv[2:]):
    status = main(["small", "--only", only, "--results", f"{sys.argv[1]}/{number}.json"])
    print("exit status", status)
"""


@pytest.mark.nightly
def test_it_tells_killed_mutants_from_listed_and_unknown_survivors(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SMALL, str(tmp_path), KILLED, LISTED, UNKNOWN],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "spec")))},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    *reports, rest = ended.stdout.split("exit status ")
    statuses = [text[0] for text in (*reports[1:], rest)]
    assert statuses == ["0", "0", "1"]
    assert "1 mutants: 1 killed, 0 survived, 0 of them listed" in reports[0]
    assert "0 killed, 1 survived, 1 of them listed" in reports[1]
    assert (
        f"survived, and not listed in {SURVIVORS.name}: mgloss/reference/boxes.py: ciou_loss"
        in reports[2]
    )
    (outcome,) = json.loads((tmp_path / "0.json").read_text(encoding="utf-8")).values()
    assert outcome["status"] == "killed"
    assert "test_boxes.py::" in outcome["by"]


def test_wrong_requests_are_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        TARGETS, "loss", replace(TARGETS["loss"], modules=("mgloss/reference/cells.py",))
    )
    for arguments in (["los"], ["loss", "--workers", "0"], []):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
    assert main(["loss", "--only", "no such text"]) == 2
    assert "no mutant of loss has this text" in capsys.readouterr().err
    assert main(["loss", "--until", "quik"]) == 2
    assert "expected one of quick" in capsys.readouterr().err


def test_every_mutant_is_a_program_and_has_a_name_of_its_own() -> None:
    found = mutants("mgloss/reference/cells.py")
    assert len({mutant.key for mutant in found}) == len(found) > 20
    assert len({ast.dump(ast.parse(mutant.source)) for mutant in found}) == len(found)
    original = ast.dump(ast.parse((ROOT / "mgloss/reference/cells.py").read_text(encoding="utf-8")))
    assert original not in {ast.dump(ast.parse(mutant.source)) for mutant in found}


NAMED = [(target, one) for target, all_of in TARGETS.items() for one in all_of.passes]


@pytest.mark.parametrize(("target", "chosen"), NAMED, ids=[f"{t}-{p.name}" for t, p in NAMED])
def test_the_tests_that_a_pass_names_exist(target: str, chosen: Pass) -> None:
    paths = [ROOT / text for text in chosen.arguments if text.startswith("tests/")]
    assert paths
    assert all(path.exists() for path in paths)
    files = [file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path])]
    names = " ".join(f"{file.name} {file.read_text(encoding='utf-8')}" for file in files)
    for text in chosen.order:
        name, _, parameters = text.removesuffix("]").partition("[")
        assert name in names
        law, _, normalization = parameters.partition("-")
        if normalization:
            assert law in LAWS
            assert normalization in NORMALIZATIONS


def test_every_listed_survivor_has_a_reason() -> None:
    modules = tuple(f"{module}:" for target in TARGETS.values() for module in target.modules)
    for key, reason in json.loads(SURVIVORS.read_text(encoding="utf-8")).items():
        assert key.startswith(modules)
        assert len(reason.split()) > 3
