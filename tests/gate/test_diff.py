"""`mgloss diff`: two losses, two revisions of one, and what it says to wrong requests."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mgloss.gate.losses.adapters.numpy_adapter import ADAPTER
from mgloss.gate.losses.loading import LoadError
from mgloss.gate.losses.revisions import RevisedLoss, parse_revision
from mgspec.saved.counterexample import CounterexampleError, load
from mgspec.scaling.difference import Pair, find_differences
from tests.gate.conftest import LOSSES, ROOT, Run, said
from tests.meta.faults.false_alarms import styled
from tests.meta.faults.right import NORMALIZATIONS as WRITTEN
from tests.meta.faults.right import einsums, loops


@pytest.mark.parametrize("claims", WRITTEN)
def test_one_loss_in_two_styles_of_float32_is_one_loss(claims: str) -> None:
    pair = Pair.of(*(styled(style, ADAPTER, claims) for style in (loops, einsums)))
    seen, effort = find_differences(pair, max_examples=60, seed=0)
    assert seen == []
    assert effort.comparisons > 200


def test_two_losses_that_differ_are_told_apart(mgloss: Run, tmp_path: Path) -> None:
    result = mgloss("diff", f"{LOSSES}:by_batch", f"{LOSSES}:by_cells", "--json", "out.json")
    assert result.returncode == 1, result.stderr
    text = said(result.stdout)
    assert "location: OLD gives 1, NEW gives 0.5, 0.5 times as much" in text
    assert "NEW is OLD divided by the cells of the grid" in text
    assert "OLD behaves as batch (or expected: the same up to a constant), NEW as grid" in text
    assert "they differ in location, anchor and classification" in text
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (document["format"], document["version"]) == ("mgloss-differences", 1)
    assert document["comparisons"] > 100
    location = document["differences"][0]
    assert (location["component"], location["factor"]) == ("location", 0.5)
    saved = json.loads((tmp_path / "mgloss-report" / "difference-location.json").read_bytes())
    assert saved == location
    target = location["batches"]["X"]["targets"][0]
    assert np.prod(target["shape"]) == len(target["values"])


def test_a_saved_difference_is_not_taken_for_a_counterexample(mgloss: Run, tmp_path: Path) -> None:
    mgloss("diff", f"{LOSSES}:by_batch", f"{LOSSES}:by_cells")
    with pytest.raises(CounterexampleError, match="got 'mgloss-difference'"):
        load(tmp_path / "mgloss-report" / "difference-location.json")


def test_a_loss_is_the_same_as_itself_and_how_hard_was_looked_is_said(
    mgloss: Run, tmp_path: Path
) -> None:
    result = mgloss("diff", f"{LOSSES}:by_batch", f"{LOSSES}:by_batch", "--max-examples", 40)
    assert result.returncode == 0, result.stderr
    text = said(result.stdout)
    assert "no difference found in 60 batches, 180 comparisons; taken for rounding: up to" in text
    assert list(tmp_path.iterdir()) == []


def test_a_difference_without_objects_only_is_described(mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "def make(skips):\n"
        "    def loss(y_true, y_pred):\n"
        "        if skips and not any(t[..., 4].any() for t in y_true):\n"
        "            return 0.0\n"
        "        return sum(np.sum(np.logaddexp(0, p[..., 4])) / len(p) for p in y_pred)\n"
        "    return loss\n"
        "plain, skipping = make(False), make(True)\n",
        encoding="utf-8",
    )
    result = mgloss("diff", "mine.py:plain", "mine.py:skipping")
    assert result.returncode == 1, result.stderr
    text = said(result.stdout)
    assert "X: 1 image, 0 objects" in text
    assert "NEW as batch (or expected: the same up to a constant) except in batches" in text


def test_components_that_one_loss_only_returns_are_named(mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "def loss(y_true, y_pred):\n"
        "    return {'location': np.float32(1)}\n"
        "def more(y_true, y_pred):\n"
        "    return {'location': np.float32(1), 'anchor': np.float32(2)}\n"
        "def total(y_true, y_pred):\n"
        "    return np.float32(1)\n",
        encoding="utf-8",
    )
    result = mgloss("diff", "mine.py", "mine.py:more")
    assert result.returncode == 2
    text = said(result.stdout)
    assert "only NEW returns anchor: not compared" in text
    assert "no difference found" in text
    assert "but they do not return the same components" in text
    result = mgloss("diff", "mine.py", "mine.py:total")
    assert result.returncode == 2
    assert "no component in common: mine.py returns location, mine.py:total returns total" in said(
        result.stderr
    )


def test_losses_that_never_answer_cannot_be_compared(mgloss: Run) -> None:
    result = mgloss("diff", f"{LOSSES}:raises", f"{LOSSES}:raises", "--max-examples", 20)
    assert result.returncode == 2
    assert "neither loss answers on any batch" in said(result.stdout)


def test_a_loss_that_no_longer_answers_differs(mgloss: Run) -> None:
    result = mgloss("diff", f"{LOSSES}:plain", f"{LOSSES}:raises", "--max-examples", 20)
    assert result.returncode == 1
    text = said(result.stdout)
    assert "NEW: the loss raised KeyError: 'no such head'; OLD gives an answer" in text
    assert "they differ in whether they answer" in text


def test_tensorflow_and_numpy_losses_can_be_compared(mgloss: Run) -> None:
    result = mgloss(
        "diff", ROOT / "examples" / "positives.py", f"{LOSSES}:by_positives", "--max-examples", 40
    )
    assert result.returncode == 2, result.stdout + result.stderr
    text = said(result.stdout)
    assert "gradients are not compared: one of the losses has none" in text
    assert "no difference found" in text
    assert "only NEW returns anchor: not compared" in text


LOSS = """\
import numpy as np
{imports}
def loss(y_true, y_pred):
    location = 0.0
    for true, pred in zip(y_true, y_pred):
        mask = true[..., 4] > 0.5
        location += np.sum(mask * np.square(true[..., 2] - pred[..., 2])) / divisor(mask)
    return {{"location": location}}
"""
# The module beside it, imported when it is loaded, or each time that it is called.
EARLY = LOSS.format(imports="from {package}helper import divisor")
LATE = LOSS.format(
    imports="def divisor(mask):\n    from {package}helper import divisor\n    return divisor(mask)"
)
BY_POSITIVES = "def divisor(mask): return max(1, mask.sum())\n"
BY_BATCH = "def divisor(mask): return len(mask)\n"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A loss whose helper changes from one revision to the next, beside it and in a package."""
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "package").mkdir()

    def write(helper: str) -> None:
        for name, text in (("early", EARLY), ("late", LATE)):
            (tmp_path / f"{name}.py").write_text(text.replace("{package}", ""))
            (tmp_path / "package" / f"{name}.py").write_text(text.replace("{package}", "package."))
        (tmp_path / "helper.py").write_text(helper)
        (tmp_path / "package" / "helper.py").write_text(helper)

    for helper in (BY_POSITIVES, BY_BATCH):
        write(helper)
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-q", "-m", "a revision")
    return tmp_path


OLD_IS_POSITIVES = "OLD behaves as positives, NEW as batch"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("early.py@HEAD~1", "early.py"),
        ("late.py:loss@HEAD~1", "late.py:loss@main"),
        ("package.early:loss@HEAD~1", "package.early:loss"),
        ("package.late:loss@HEAD~1", "early.py"),
    ],
)
def test_two_revisions_are_compared_each_with_its_own_imports(
    old: str, new: str, mgloss: Run, repository: Path
) -> None:
    before = git(repository, "status", "--porcelain")
    result = mgloss("diff", old, new, "--max-examples", 60, "--report", "../report")
    assert result.returncode == 1, result.stdout + result.stderr
    assert OLD_IS_POSITIVES in said(result.stdout)
    assert (
        git(repository, "status", "--porcelain")
        .replace("?? __pycache__/\n", "")
        .replace("?? package/__pycache__/\n", "")
        == before
    )


def test_a_revision_is_the_same_as_the_files_that_it_holds(mgloss: Run, repository: Path) -> None:
    result = mgloss("diff", "late.py@HEAD", "late.py", "--max-examples", 40)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_file_that_is_gone_is_still_found_in_its_revision(mgloss: Run, repository: Path) -> None:
    git(repository, "rm", "-q", "-r", "package")
    git(repository, "commit", "-q", "-m", "remove it")
    result = mgloss("diff", "package/early.py@HEAD~1", "early.py", "--max-examples", 40)
    assert "no module named 'package'" not in result.stderr.lower()
    assert result.returncode == 0, result.stdout + result.stderr


def test_what_a_revision_lacks_is_not_taken_from_the_work_tree(
    mgloss: Run, repository: Path
) -> None:
    git(repository, "rm", "-q", "--cached", "helper.py", "package/helper.py")
    git(repository, "commit", "-q", "-m", "forget the helper")
    for loss in ("early.py@HEAD", "package.early:loss@HEAD"):
        result = mgloss("diff", loss, "early.py")
        assert result.returncode == 2, result.stdout
        assert "cannot be imported: ModuleNotFoundError" in said(result.stderr)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("early.py@main:loss", "the revision comes last; did you mean early.py:loss@main?"),
        ("early@main", "expected LOSS@REV, such as my_loss.py:loss@HEAD~1"),
        ("early.py@nowhere", "has no revision 'nowhere'"),
        ("early.py@--help", "has no revision '--help'"),
        ("earlier.py@HEAD", "that revision has no file earlier.py"),
        ("early.py:lost@HEAD", "did you mean 'loss'?"),
        ("package.earlier:loss@HEAD", "No module named 'package.earlier'"),
        ("numpy:sum@HEAD", "not from that revision; name its file instead"),
        ("earlier.py", "no such file"),
    ],
)
def test_a_revision_that_cannot_be_had_is_explained(
    asked: str, says: str, mgloss: Run, repository: Path
) -> None:
    result = mgloss("diff", asked, "early.py")
    assert result.returncode == 2, result.stdout
    assert says in said(result.stderr)
    assert "Traceback" not in result.stderr
    assert not (repository / "mgloss-report").exists()


def test_a_revision_needs_a_repository(mgloss: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def loss(y_true, y_pred): return 1.0\n")
    result = mgloss("diff", "mine.py@HEAD", "mine.py")
    assert result.returncode == 2
    assert "is in no git repository" in said(result.stderr)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("a.py", RevisedLoss("a.py", None)),
        ("a.py@v1", RevisedLoss("a.py", "v1")),
        ("b/a.py:loss@feature/x", RevisedLoss("b/a.py:loss", "feature/x")),
        ("a.py:loss@HEAD@{2}", RevisedLoss("a.py:loss", "HEAD@{2}")),
        ("p.q:loss@main", RevisedLoss("p.q:loss", "main")),
        ("x@y/a.py:loss@v1", RevisedLoss("x@y/a.py:loss", "v1")),
    ],
)
def test_the_revision_is_what_follows_the_loss(asked: str, expected: RevisedLoss) -> None:
    assert parse_revision(asked) == expected


def test_a_file_with_an_at_sign_needs_no_revision(tmp_path: Path) -> None:
    path = tmp_path / "a@b.py"
    path.write_text("")
    assert parse_revision(f"{path}:loss") == RevisedLoss(f"{path}:loss", None)
    with pytest.raises(LoadError, match="expected LOSS@REV"):
        parse_revision(str(tmp_path / "other@b.py"))


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (["--max-examples", 0], "--max-examples 0: expected 1 or more"),
        (["--seed", -1], "--seed -1: expected 0 or more"),
        (["--json", "missing/out.json"], "there is no folder missing"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_runs(
    option: list[Any], says: str, mgloss: Run, tmp_path: Path
) -> None:
    result = mgloss("diff", f"{LOSSES}:plain", f"{LOSSES}:plain", *option)
    assert result.returncode == 2
    assert says in said(result.stderr)
    assert list(tmp_path.iterdir()) == []
