"""What is said of stored counterexamples."""

from __future__ import annotations

from mgloss.gate.checks.replayed import Replayed, count_judged, tell_replayed

MENDED = Replayed("r/a.json", "mended", law="pure", loss="a.py")
BROKEN = Replayed("r/b.json", "broken", law="pure", loss="a.py")
HELD = Replayed("r/c.json", "held", law="finite", loss="c.py:loss")


def passed_over(name: str, reason: str) -> Replayed:
    return Replayed(f"r/{name}.json", "passed over", reason)


def test_each_mended_case_is_named() -> None:
    assert list(tell_replayed([BROKEN, MENDED])) == ["no longer broken: r/a.json"]


def test_a_case_of_another_version_may_hold_because_the_law_has_changed() -> None:
    reason = "found with mgloss 0.1.0, whose law may have been another"
    old = Replayed("r/a.json", "mended", reason, law="pure", loss="a.py")
    assert list(tell_replayed([old])) == [f"no longer broken: r/a.json ({reason})"]


def test_what_holds_of_other_losses_is_not_called_mended() -> None:
    assert list(tell_replayed([HELD])) == [
        "1 stored counterexample found for c.py:loss does not break a law of this loss"
    ]
    (line,) = tell_replayed([HELD, Replayed("r/d.json", "held", loss="d.py")])
    assert line == (
        "2 stored counterexamples found for c.py:loss, d.py do not break a law of this loss"
    )


def test_all_that_is_passed_over_is_one_line() -> None:
    files = [passed_over(str(number), "found for b.py") for number in range(5)]
    assert list(tell_replayed([*files, passed_over("x", "not JSON,\nor cut off")])) == [
        "passed over 6 stored files: found for b.py (r/0.json, r/1.json and 3 more); "
        "not JSON, or cut off (r/x.json)"
    ]
    assert list(tell_replayed([])) == []


def test_what_was_judged_is_counted_by_law() -> None:
    every = [MENDED, BROKEN, HELD, passed_over("x", "cut off")]
    assert count_judged(every) == {"pure": 2, "finite": 1}
