"""Which ends of a law are those that were expected."""

from __future__ import annotations

from typing import Any

import pytest

from mgloss.gate.checks.expectations import NoVerdict, expect_failures
from mgspec import Verdict

BROKEN = Verdict("partition", "location", "broken")
NONE = Verdict("partition", "total", "error")
CRASH = Verdict("partition", None, "error")
HOLDS = Verdict("partition", "total", "holds")
SKIPPED = Verdict("partition", None, "skipped", message="needs gradients")

WRONG, RAISES = "issue 12", NoVerdict("issue 14")


@pytest.mark.parametrize(
    ("expected", "verdicts", "said"),
    [
        (WRONG, [BROKEN, HOLDS], None),
        (RAISES, [CRASH], None),
        (RAISES, [HOLDS, NONE], None),
        ((WRONG, RAISES), [BROKEN, NONE], None),
        ((RAISES, WRONG), [BROKEN, CRASH], None),
        (WRONG, [CRASH], "to be broken (issue 12), but came to no verdict; mend the loss"),
        (WRONG, [BROKEN, NONE], "to be broken (issue 12), but came to no verdict; mend the loss"),
        (WRONG, [HOLDS], "to fail (issue 12), but holds: remove it"),
        (WRONG, [SKIPPED], "but says nothing of this loss (needs gradients): remove it"),
        (RAISES, [BROKEN], "to come to no verdict (issue 14), but is broken; mend the loss"),
        (RAISES, [BROKEN, NONE], "to come to no verdict (issue 14), but is broken; mend the loss"),
        (RAISES, [HOLDS], "to fail (issue 14), but holds: remove it"),
        ((WRONG, RAISES), [BROKEN], "to come to no verdict (issue 14), but came to one: remove"),
        ((WRONG, RAISES), [CRASH], "to be broken (issue 12), but is not: remove it"),
        ((WRONG, RAISES), [HOLDS], "to fail (issue 12; issue 14), but holds: remove it"),
    ],
)
def test_only_what_is_expected_is_an_expected_failure(
    expected: Any, verdicts: list[Verdict], said: str | None
) -> None:
    expectation = expect_failures({"partition": expected}, ["partition"])["partition"]
    contradiction = expectation.contradiction("partition", verdicts)
    if said is None:
        assert contradiction is None
    else:
        assert contradiction is not None
        assert said in contradiction


def test_reasons_are_told_together() -> None:
    both = expect_failures({"partition": (WRONG, RAISES)}, ["partition"])["partition"]
    assert both.reasons == "issue 12; issue 14"


def test_nothing_is_expected_where_nothing_is_said() -> None:
    assert expect_failures(None, ["partition"]) == {}
    assert expect_failures({}, ["partition"]) == {}
