"""Roles of components by their names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mgspec import Candidate, Evaluation
from mgspec.loss.roles import (
    BACKGROUND,
    METRIC,
    NO_ROLES,
    OBJECTS,
    Roles,
    may_be_idle,
    usual_role,
    words_of,
)
from mgspec.problem.descriptions import BUILT_IN


@pytest.mark.parametrize(
    "name",
    [
        *("loss_cls", "cls_loss", "classification_loss", "loss_classifier", "lossCls", "lcls"),
        *("objectness", "loss_rpn_objectness", "loss_obj", "conf_loss", "loss_ce", "loss_ce_0"),
        *("loss_vfl", "loss_vfl_dn_1", "d0.loss_cls", "loss_center_heatmap", "total", "loss"),
    ],
)
def test_names_of_what_teaches_the_background(name: str) -> None:
    assert usual_role(name) == BACKGROUND


@pytest.mark.parametrize(
    "name",
    [
        *("location", "loss_bbox", "loss_giou_3", "bbox_regression", "loss_box_reg", "loss_dfl"),
        *("centerness", "l1_loss", "loss_rpn_box_reg", "loss_mask_ce", "../box/loss"),
    ],
)
def test_names_of_what_objects_alone_contribute(name: str) -> None:
    assert usual_role(name) == OBJECTS


@pytest.mark.parametrize("name", ["class_error", "cardinality_error", "acc", "top1.accuracy"])
def test_names_of_metrics(name: str) -> None:
    assert usual_role(name) == METRIC


@pytest.mark.parametrize("name", ["penalty", "my_scores", "aux", "error", "loss_x"])
def test_other_names_tell_nothing(name: str) -> None:
    assert usual_role(name) is None


def test_a_loss_of_the_accuracy_is_no_metric() -> None:
    assert usual_role("loss_accuracy") is None


def test_words_are_read_from_every_style_of_name() -> None:
    assert words_of("lossBoxReg_2") == {"box", "reg"}
    assert words_of("loss_l1") == {"l1"}


def test_only_a_classification_beside_an_objectness_may_be_idle() -> None:
    both = frozenset({"cls", "obj", "box"})
    assert may_be_idle("cls", both)
    assert not may_be_idle("obj", both)
    assert not may_be_idle("box", both)
    assert not may_be_idle("cls", frozenset({"cls", "box"}))
    assert not may_be_idle("loss_classifier", frozenset({"loss_classifier", "loss_objectness"}))


def test_what_is_said_reads_as_command_line_arguments() -> None:
    said = Roles(objects=("a",), background=("b", "c"), component=None)
    assert said.arguments() == ["--objects", "a", "--background", "b", "--background", "c"]
    assert said.of("b") == BACKGROUND
    assert said.of("d") is None
    assert Roles(component="location").arguments() == ["--component", "location"]


def candidate(*components: str, **fields: Any) -> Candidate:
    """Return a loss of described images; it is never run."""

    def run(problem: Any, batch: Any, gradients: bool) -> Evaluation:
        raise AssertionError

    described = {"description": BUILT_IN["anchors"], "roles": NO_ROLES, **fields}
    return Candidate("mine", run, components, has_gradients=True, **described)


def test_a_description_that_names_what_teaches_the_background_is_believed() -> None:
    named = replace(BUILT_IN["anchors"], background=frozenset({"my_part"}))
    loss = candidate("my_part", "loss_cls", "class_error", description=named)
    assert [loss.role(c) for c in loss.components] == [BACKGROUND, OBJECTS, METRIC]


def test_what_a_person_says_comes_before_names_and_descriptions() -> None:
    said = Roles(objects=("loss_cls",), background=("class_error",), metric=("loss_bbox",))
    loss = candidate("loss_cls", "class_error", "loss_bbox", roles=said)
    assert [loss.role(c) for c in loss.components] == [OBJECTS, BACKGROUND, METRIC]
    assert "says otherwise" not in loss.taken("loss_cls").explanation


def test_only_a_component_of_an_unusual_name_is_learnt_to_be_a_metric() -> None:
    never = frozenset({"hits", "loss_bbox"})
    loss = candidate("loss_cls", "loss_bbox", "hits", undifferentiable=never)
    assert [loss.role(c) for c in loss.components] == [BACKGROUND, OBJECTS, METRIC]
    nothing = candidate("hits", undifferentiable=frozenset({"hits"}))
    assert nothing.role("hits") == OBJECTS


def test_a_total_holds_constant_what_one_of_its_terms_does() -> None:
    loss = candidate("loss_cls", "loss_bbox", "loss", roles=Roles(detached=("loss_cls",)))
    assert [loss.is_detached(c) for c in loss.components] == [True, False, True]
    assert not candidate("loss").is_detached("loss")
