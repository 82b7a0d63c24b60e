"""Roles of components by their names."""

from __future__ import annotations

import pytest

from mgspec.loss.roles import BACKGROUND, METRIC, OBJECTS, Roles, may_be_idle, usual_role, words_of


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
    assert usual_role("loss_accuracy") != METRIC


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
