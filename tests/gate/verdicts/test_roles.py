"""What a component holds decides what is asked of it; a person can say it, or it is learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mgloss.gate.losses.importing import LoadError
from mgloss.gate.losses.loading import load
from mgloss.gate.losses.request import LossRequest
from mgloss.testing import Judgement, judge_loss
from mgspec import LAWS, search
from mgspec.loss.roles import Roles
from tests.gate.conftest import SAMPLES, Run, run_pytest, said

role_losses: Any = pytest.importorskip("tests.gate.verdicts.role_losses", exc_type=ImportError)
BY_ROLE = ["empty", "object_monotone", "resolution"]


def judged(
    loss: str, laws: list[str] | None = None, problem: Any = "anchors", **roles: Any
) -> Judgement:
    request = LossRequest(getattr(role_losses, loss), problem=problem, roles=Roles(**roles))
    loaded = load(request)
    verdicts = tuple(
        verdict
        for law in laws or BY_ROLE
        for verdict in search(LAWS[law], loaded.candidate, max_examples=8, seed=0, shrink=False)
    )
    return Judgement(loss, "batch", loaded.candidate.components, verdicts, loaded.notes)


def broken(judgement: Judgement) -> set[tuple[str, str | None]]:
    return {(v.law, v.component) for v in judgement.verdicts if v.status == "broken"}


def message(judgement: Judgement, law: str, component: str) -> str:
    return next(v.message for v in judgement.of(law) if v.component == component)


def spoken_of(judgement: Judgement, law: str) -> set[str | None]:
    return {v.component for v in judgement.of(law) if v.status != "skipped"}


def test_a_classification_is_known_by_its_usual_name_and_the_report_says_so() -> None:
    judgement = judged("dense")
    assert judgement.holds
    assert spoken_of(judgement, "resolution") == {"loss_bbox"}
    notes = " ".join(judgement.notes)
    assert "loss_cls is taken to teach the background too, by its name" in notes
    assert "--objects NAME or --metric NAME says otherwise" in notes
    assert "loss_bbox is taken to hold what objects alone contribute, by its name" in notes


def test_the_message_about_an_unusual_name_says_how_it_was_taken_and_what_to_say() -> None:
    judgement = judged("of_an_unusual_name")
    assert ("empty", "my_scores") in broken(judgement)
    told = message(judgement, "empty", "my_scores")
    assert "my_scores is taken to hold what objects alone contribute" in told
    assert "its name is not a usual one" in told
    assert "--background my_scores" in told
    assert judged("of_an_unusual_name", background=("my_scores",)).holds


def test_a_classification_that_forgets_the_background_is_found_out() -> None:
    assert broken(judged("forgets_the_background")) == {("empty", "loss_cls")}
    assert judged("forgets_the_background", objects=("loss_cls",)).holds


def test_boxes_of_the_background_are_found_out() -> None:
    judgement = judged("regresses_the_background")
    assert ("empty", "loss_bbox") in broken(judgement)


def test_metrics_by_usual_names_are_asked_for_no_gradient_and_no_normalization() -> None:
    laws = ["finite", "pure", "permutation", "empty", "partition", "gradient", "resolution"]
    judgement = judged("with_metrics", laws)
    assert judgement.holds
    losses = {"loss_cls", "loss_bbox"}
    assert spoken_of(judgement, "pure") == losses | {"class_error", "cardinality_error"}
    assert spoken_of(judgement, "empty") == spoken_of(judgement, "partition") == losses


def test_a_component_that_never_has_a_gradient_is_a_metric() -> None:
    judgement = judged("with_a_metric_of_an_unusual_name")
    assert judgement.holds
    assert (
        "misses is taken to be a metric that trains nothing, because it never had a gradient"
        in (" ".join(judgement.notes))
    )
    said_otherwise = judged("with_a_metric_of_an_unusual_name", background=("misses",))
    assert broken(said_otherwise) == {("empty", "misses")}


def test_a_loss_that_trains_nothing_at_all_is_no_metric() -> None:
    assert ("empty", "misses") in broken(judged("trains_nothing"))
    assert ("gradient", "loss_bbox") in broken(judged("detaches_its_boxes", ["gradient"]))


def test_a_classification_beside_an_objectness_may_teach_objects_alone() -> None:
    assert judged("classifies_objects_beside_an_objectness").holds


def test_a_number_that_is_one_component_can_be_said_to_be_it() -> None:
    assert broken(judged("boxes_alone")) == {("empty", "total")}
    assert judged("boxes_alone", component="loss_bbox").holds
    laws = ["empty", "masking", "resolution"]
    alone = judged("location_alone", laws, problem=None)
    assert broken(alone) == {("empty", "total")}
    assert any("--component location" in note for note in alone.notes)
    named = judged("location_alone", laws, problem=None, component="location")
    assert named.holds
    assert spoken_of(named, "masking") == {"location"}


def test_tokens_are_told_that_nothing_is_their_background() -> None:
    judgement = judged("words", ["empty"], problem=role_losses.sentences)
    told = message(judgement, "empty", "total")
    assert "where nothing is taught by a background, as with tokens" in told
    assert "background=frozenset()" in told
    assert judged("words", ["empty"], problem=role_losses.sentences, objects=("total",)).holds
    assert judged("words", ["empty"], problem=role_losses.without_background).holds


@pytest.mark.parametrize(
    ("how", "text"),
    [
        (
            {"background": "loss_cl"},
            "--background: unknown component 'loss_cl'",
        ),
        ({"metric": ("loss_cls",), "objects": ("loss_cls",)}, "a component has one role"),
        ({"detached": ("",)}, "--detached: expected the name of a component"),
        ({"component": "location"}, "--component location is for a loss that returns one number"),
        ({"component": "locaton", "problem": None}, "did you mean 'location'"),
    ],
)
def test_what_is_said_wrongly_of_components_is_refused(how: dict[str, Any], text: str) -> None:
    with pytest.raises((LoadError, ValueError), match=text):
        judged("dense", **how)


def test_tests_and_notebooks_take_roles_as_one_name_or_several() -> None:
    how: dict[str, Any] = {"problem": "anchors", "laws": ["empty"], "max_examples": 2}
    assert judge_loss(role_losses.of_an_unusual_name, background="my_scores", **how).holds
    assert judge_loss(role_losses.boxes_alone, component="loss_bbox", metric=[], **how).holds
    with pytest.raises(ValueError, match="a component has one role"):
        judge_loss(role_losses.dense, objects=["a"], metric=["a"], **how)


SPECKS = SAMPLES / "described_losses.py"
ABOUT = (f"{SPECKS}:by_images", "--problem", f"{SPECKS}:problem", "--law", "empty")
OTHERWISE = ("--background", "../box/loss")


def test_every_command_takes_roles_and_repeats_them(mgloss: Run) -> None:
    told = mgloss("baseline", *ABOUT)
    assert "--background ../box/loss" not in said(told.stdout)
    compared = mgloss("check", *ABOUT, *OTHERWISE, "--baseline", "mgloss-baseline.json")
    assert compared.returncode == 1
    assert "recorded with no roles, this is with --background ../box/loss" in said(compared.stdout)
    told = mgloss("baseline", *ABOUT, *OTHERWISE)
    assert "--background ../box/loss" in said(told.stdout)
    same = mgloss("check", *ABOUT, *OTHERWISE, "--baseline", "mgloss-baseline.json")
    assert same.returncode == 0
    assert "this is with" not in said(same.stdout)


def test_what_a_person_says_must_be_of_a_component_that_there_is(mgloss: Run) -> None:
    refused = mgloss("check", *ABOUT, "--metric", "../bax/loss")
    assert refused.returncode == 2
    assert "did you mean '../box/loss'?" in said(refused.stderr)
    refused = mgloss("check", "--metric", "location")
    assert refused.returncode == 2
    assert "the roles of the reference's components are known" in said(refused.stderr)


def test_a_regression_test_and_a_replay_repeat_what_was_said(mgloss: Run, tmp_path: Path) -> None:
    told = mgloss("check", *ABOUT, *OTHERWISE)
    assert told.returncode == 1
    (test,) = (tmp_path / "mgloss-report").rglob("test_*.py")
    assert 'background=["../box/loss"],' in test.read_text(encoding="utf-8")
    (stored,) = (tmp_path / "mgloss-report").rglob("*.json")
    about = ("replay", stored, "--loss", *ABOUT[:3])
    assert mgloss(*about, *OTHERWISE).returncode == 1
    assert mgloss(*about).returncode == 0


def test_pytest_takes_roles_too(tmp_path: Path) -> None:
    about = (
        "--loss",
        ABOUT[0],
        "--loss-problem",
        ABOUT[2],
        "--law",
        "empty",
        "--law-examples",
        "3",
    )
    assert run_pytest(tmp_path, *about).returncode == 0
    told = run_pytest(tmp_path, *about, "--loss-background", "../box/loss")
    assert told.returncode == 1
    assert "../box/loss is taken to teach the background too, as --background says" in told.stdout
