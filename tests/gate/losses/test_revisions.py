"""`LOSS@REV`: a loss as it was in a revision, with the imports that it had there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mgloss.gate.losses.loading import LoadError
from mgloss.gate.losses.revisions import RevisedLoss, parse_revision
from tests.gate.conftest import Run, said

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
        ("package.late:loss@HEAD~1", "early.py"),
        pytest.param("late.py:loss@HEAD~1", "late.py:loss@main", marks=pytest.mark.nightly),
        pytest.param("package.early:loss@HEAD~1", "package.early:loss", marks=pytest.mark.nightly),
    ],
)
def test_two_revisions_are_compared_each_with_its_own_imports(
    old: str, new: str, mgloss: Run, repository: Path
) -> None:
    before = git(repository, "status", "--porcelain")
    result = mgloss("diff", old, new, "--max-examples", 20, "--report", "../report")
    assert result.returncode == 1, result.stdout + result.stderr
    assert OLD_IS_POSITIVES in said(result.stdout)
    assert (
        git(repository, "status", "--porcelain")
        .replace("?? __pycache__/\n", "")
        .replace("?? package/__pycache__/\n", "")
        == before
    )


def test_a_revision_is_the_same_as_the_files_that_it_holds(mgloss: Run, repository: Path) -> None:
    result = mgloss("diff", "late.py@HEAD", "late.py", "--max-examples", 20)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_file_that_is_gone_is_still_found_in_its_revision(mgloss: Run, repository: Path) -> None:
    git(repository, "rm", "-q", "-r", "package")
    git(repository, "commit", "-q", "-m", "remove it")
    result = mgloss("diff", "package/early.py@HEAD~1", "early.py", "--max-examples", 20)
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
