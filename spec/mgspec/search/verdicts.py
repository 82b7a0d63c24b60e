"""The outcome of a search: what it decided about a law, and on what grounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from mgspec.laws import Finding
from mgspec.laws.reach import Reach
from mgspec.search.domain import Domain

Status = Literal["holds", "broken", "skipped", "error"]

HOLDS: Final = "holds"
BROKEN: Final = "broken"
SKIPPED: Final = "skipped"
ERROR: Final = "error"


@dataclass(frozen=True)
class Verdict:
    """The outcome of the search for one law and one component.

    component: None where the verdict is about the loss as a whole.
    status: HOLDS: no case breaks the law. BROKEN: the finding does. SKIPPED: the law says nothing
        of the loss; the message says why. ERROR: the loss answers too few cases to be judged; the
        finding is a case that it does not answer.
    examples: cases tried, including those tried while shrinking.
    comparisons: assertions made in these cases.
    reach: how large the batches were that the law holds for; None unless it holds.
    domain: on how many cases the law was judged; None if the loss answers all of them.
    """

    law: str
    component: str | None
    status: Status
    examples: int = 0
    comparisons: int = 0
    seconds: float = 0.0
    message: str = ""
    finding: Finding | None = None
    reach: Reach | None = None
    domain: Domain | None = None
