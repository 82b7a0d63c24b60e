"""`mgloss.testing` in this process: what it refuses, and what a judgement says."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from mgloss.gate.losses.loading import LoadError
from mgloss.testing import NoVerdict, judge_loss, parametrize_with_laws
from mgspec import Options
from tests.gate.conftest import LOSSES
from tests.gate.samples import losses

FEW: dict[str, Any] = {"laws": ["pure"], "max_examples": 5}


@pytest.mark.parametrize(
    ("loss", "request_", "said"),
    [
        (losses.plain, {"claims": "bach"}, "did you mean 'batch'?"),
        (losses.plain, {"laws": ["partiton"]}, "did you mean 'partition'?"),
        (losses.plain, {"laws": "partition"}, r"expected a list of names, such as \['partition'\]"),
        (losses.plain, {"laws": []}, "laws: expected at least one"),
        (losses.plain, {"max_examples": 0}, "max_examples: expected 1 or more, got 0"),
        (losses.plain, {"max_examples": 1.5}, "max_examples: expected 1 or more, got 1.5"),
        (losses.plain, {"seed": -1}, "seed: expected 0 or more, or None, got -1"),
        (losses.plain, {"options": {"locaton": "ciou"}}, "did you mean 'location'?"),
        (losses.plain, {"options": 3}, "options: expected Options, a mapping of them, or 'all'"),
        (losses.plain, {"options": {"loss_normalization": "grid"}}, "say the same in both"),
        (3, {}, "expected a function .* got int"),
        (None, {}, "expected a function .* got NoneType"),
    ],
)
def test_a_wrong_request_is_refused_at_once(loss: Any, request_: dict, said: str) -> None:
    for entry in (parametrize_with_laws, judge_loss):
        with pytest.raises((ValueError, TypeError), match=said):
            entry(loss, **request_)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"partiton": "known"}, "did you mean 'partition'?"),
        ({"density_neutral": "known"}, "not among the laws judged"),
        ({"partition": ""}, r"expected a reason, NoVerdict\(reason\), or both, got ''"),
        ({"partition": None}, "or both, got None"),
        ({"partition": ()}, r"or both, got \(\)"),
        ({"partition": ("known", "known too")}, "or both, got"),
        ({"partition": (NoVerdict("a"), NoVerdict("b"))}, "or both, got"),
        (["partition"], "expected a mapping of laws to reasons, got list"),
    ],
)
def test_a_wrong_expectation_is_refused_at_once(expected: Any, said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        parametrize_with_laws(losses.plain, expected_failures=expected)


def test_an_expectation_of_no_verdict_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="NoVerdict: expected a reason, got ' '"):
        NoVerdict(" ")


def test_an_expected_failure_must_be_among_the_laws_that_are_named() -> None:
    with pytest.raises(ValueError, match="not among the laws judged: unknown law 'partition'"):
        parametrize_with_laws(losses.plain, laws=["pure"], expected_failures={"partition": "x"})


def test_a_judgement_holds_the_verdicts_and_reads_as_a_report() -> None:
    laws = ["partition", "pure", "gradient"]
    judgement = judge_loss(losses.by_positives, laws=laws, max_examples=20)
    assert not judgement.holds
    assert judgement.failed == ("partition",)
    assert {v.component: v.status for v in judgement.of("partition")} == {
        "location": "broken",
        "anchor": "holds",
        "classification": "broken",
    }
    assert [v.status for v in judgement.of("gradient")] == ["skipped"]
    text = repr(judgement)
    for part in (
        "tests.gate.samples.losses:_divided_by.<locals>.loss",
        "against the laws of batch",
        "it is a NumPy loss",
        "classification",
        "skipped",
        "location: L(X + Y) = 1, expected 0.5",
        "X: 1 image, 0 objects",
    ):
        assert part in text
    assert max(map(len, text.splitlines())) < 200


def test_a_judgement_says_whether_all_holds() -> None:
    assert judge_loss(losses.by_batch, **FEW).holds
    assert not judge_loss(losses.by_batch, laws=["gradient"]).holds  # nothing was judged
    assert not judge_loss(losses.raises, **FEW).holds


def test_the_same_seed_judges_the_same() -> None:
    laws = ["density_monotone"]  # whose counterexamples are small at once
    first, second = (judge_loss(losses.by_positives, laws=laws, seed=3) for _ in "ab")
    assert [v.message for v in first.verdicts] == [v.message for v in second.verdicts]


def test_an_object_is_judged_as_its_name_is() -> None:
    laws = ["density_monotone", "pure"]
    by_name = judge_loss(f"{LOSSES}:by_positives", laws=laws, max_examples=20)
    at_hand = judge_loss(losses.by_positives, laws=laws, max_examples=20)
    told = [[(v.component, v.status, v.message) for v in j.verdicts] for j in (by_name, at_hand)]
    assert told[0] == told[1]


def test_what_has_no_name_of_its_own_is_judged_too() -> None:
    scaled = partial(losses.factory_with_an_option, scale=2.0)
    an_object = losses.TakesOptions((), 1)
    for loss in (lambda t, p: losses.plain(t, p), scaled, an_object, an_object.__call__):
        assert judge_loss(loss, **FEW).holds


def test_what_cannot_be_judged_is_told_with_what_was_expected() -> None:
    with pytest.raises(LoadError, match="is a class; make its object in a factory"):
        judge_loss(losses.TakesOptions, **FEW)
    with pytest.raises(LoadError, match=r"takes \(y_true, y_pred, weights\); expected a loss"):
        judge_loss(losses.three_arguments, **FEW)
    with pytest.raises(LoadError, match="the loss returned NoneType"):
        judge_loss(losses.returns_none, **FEW)


def test_options_say_that_the_loss_is_this_layouts_own() -> None:
    assert judge_loss(losses.by_batch, options=Options(ignore_thresh=1), **FEW).holds
    chosen = parametrize_with_laws(losses.by_batch, options={"ignore_thresh": 1}).args[1]
    assert "scales" in [check.id for check in chosen]
    assert "scales" not in [check.id for check in parametrize_with_laws(losses.by_batch).args[1]]


def test_an_expected_failure_is_not_shrunk() -> None:
    calls = 0

    def counted(problem: Any) -> Any:
        components = losses.by_positives(problem)

        def loss(y_true: Any, y_pred: Any) -> Any:
            nonlocal calls
            calls += 1
            return {"location": components(y_true, y_pred)["location"]}

        return loss

    spent = {}
    for expected in ({}, {"partition": "known"}):
        calls = 0
        mark = parametrize_with_laws(counted, laws=["partition"], expected_failures=expected)
        (parameters,) = mark.args[1]
        with pytest.raises((pytest.fail.Exception, pytest.xfail.Exception)):
            parameters.values[0]()
        spent[bool(expected)] = calls
    assert spent[True] < spent[False]
