"""How a law is expected to fail: what a person says of it, and whether it came so.

A broken law and a law that came to no verdict are two failures: who expects the one does not expect
the other. `mgloss.testing` imports this file before there is anything to judge, so it is cheap.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mgspec import Verdict


@dataclass(frozen=True)
class NoVerdict:
    """Expect that a law comes to no verdict, as where the loss raises.

    reason: why that is known. Raises ValueError where it says nothing.
    """

    reason: str

    def __post_init__(self) -> None:
        if not isinstance(self.reason, str) or not self.reason.strip():
            raise ValueError(f"NoVerdict: expected a reason, got {self.reason!r}")


Expected = str | NoVerdict


@dataclass(frozen=True)
class Expectation:
    """How a law is expected to fail, with the reasons.

    broken: why it is known to be broken; None where it is not.
    no_verdict: why it is known to come to no verdict; None where it is not.
    """

    broken: str | None
    no_verdict: str | None

    @property
    def reasons(self) -> str:
        """Why the law is known to fail."""
        return "; ".join(reason for reason in (self.broken, self.no_verdict) if reason is not None)

    def contradiction(self, law: str, verdicts: Sequence[Verdict]) -> str | None:
        """Return what came otherwise than expected, and what to do; None where all came so."""
        from mgspec.search.verdicts import BROKEN, ERROR, SKIPPED

        statuses = {verdict.status for verdict in verdicts}
        if statuses == {SKIPPED}:
            but = f"says nothing of this loss ({verdicts[0].message})"
            return f"{law} is expected to fail ({self.reasons}), but {but}: {REMOVE}"
        came = {BROKEN: BROKEN in statuses, ERROR: ERROR in statuses}
        if not any(came.values()):
            return f"{law} is expected to fail ({self.reasons}), but holds: {REMOVE}"
        if came[ERROR] and self.no_verdict is None:
            return (
                f"{law} is expected to be broken ({self.broken}), but came to no verdict; "
                "mend the loss, or expect that with NoVerdict(reason)"
            )
        if came[BROKEN] and self.broken is None:
            return (
                f"{law} is expected to come to no verdict ({self.no_verdict}), but is broken; "
                "mend the loss, or expect that with its reason as text"
            )
        if self.broken is not None and not came[BROKEN]:
            return f"{law} is expected to be broken ({self.broken}), but is not: {REMOVE}"
        if self.no_verdict is not None and not came[ERROR]:
            because = self.no_verdict
            return f"{law} is expected to come to no verdict ({because}), but came to one: {REMOVE}"
        return None


REMOVE = "remove it from expected_failures"


def expect_failures(
    expected: Mapping[str, Expected | Sequence[Expected]] | None, laws: Collection[str]
) -> dict[str, Expectation]:
    """Return the expectation of each law that is said to fail.

    expected: by law a reason why it is broken, a `NoVerdict`, or both. laws: those to be judged.

    Raises TypeError or ValueError where that is something else, or names another law.
    """
    from mgspec.problem.normalizations import unknown

    if expected is None:
        return {}
    if not isinstance(expected, Mapping):
        raise TypeError(
            "expected_failures: expected a mapping of laws to reasons, "
            f"got {type(expected).__name__}"
        )
    for law in expected:
        if law not in laws:
            raise ValueError(
                f"expected_failures: not among the laws judged: {unknown('law', law, laws)}"
            )
    return {law: _expectation(law, said) for law, said in expected.items()}


def _expectation(law: str, said: Expected | Sequence[Expected]) -> Expectation:
    parts = list(said) if isinstance(said, tuple | list) else [said]
    broken = [part for part in parts if isinstance(part, str) and part.strip()]
    no_verdict = [part.reason for part in parts if isinstance(part, NoVerdict)]
    is_clear = len(broken) <= 1 and len(no_verdict) <= 1
    if not parts or len(broken) + len(no_verdict) != len(parts) or not is_clear:
        raise ValueError(
            f"expected_failures[{law!r}]: expected a reason, NoVerdict(reason), or both, "
            f"got {said!r}"
        )
    return Expectation(broken[0] if broken else None, no_verdict[0] if no_verdict else None)
