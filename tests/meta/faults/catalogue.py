"""All faults, and the laws that judge a candidate."""

from __future__ import annotations

import tests.meta.faults.families  # noqa: F401  (fills the catalogue)
from mgspec import LAWS, Candidate, normalization
from tests.meta.faults.planting import FAULTS, Fault

__all__ = ["FAULTS", "ORACLE", "Fault", "judging"]

# This law knows the answer, and so catches whatever changes a value. Whether another law is needed
# is therefore asked without it.
ORACLE = "oracle"


def judging(candidate: Candidate) -> tuple[str, ...]:
    """Return the laws that the candidate's claims and options admit."""
    rule = normalization(candidate.claims)
    return tuple(
        name for name, law in LAWS.items() if rule.obeys(name) and law.why_not(candidate) is None
    )
