"""What a person asks of a check: one object, made where arguments are parsed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mgloss.gate.checks.selection import select_laws
from mgloss.gate.losses.defaults import DEFAULT_EXAMPLES, DEFAULT_SEED
from mgloss.gate.losses.request import LossRequest

REFERENCE = "reference"  # how reports name the built-in reference


@dataclass(frozen=True)
class CheckRequest:
    """A loss, the laws to hold it to, and how hard to search.

    named: the laws that the person named; empty for all that are claimed.
    guarded: laws to judge beside those, claimed or not.
    max_examples: batches to try before a law is taken to hold. seed: of the search.
    replay: a folder of stored counterexamples to judge first, whichever loss they were found for.
    report: the folder of reports; without `replay`, what is stored in it for this loss is judged
        first.
    database: where found examples are kept: a directory, redis://... or github:...

    Raises ValueError for a law that does not exist, and for numbers out of range.
    """

    loss: LossRequest
    named: tuple[str, ...] = ()
    guarded: tuple[str, ...] = ()
    max_examples: int = DEFAULT_EXAMPLES
    seed: int = DEFAULT_SEED
    replay: Path | None = None
    database: str | None = None
    report: Path | None = None

    def __post_init__(self) -> None:
        if self.max_examples < 1:
            raise ValueError(f"--max-examples {self.max_examples}: expected 1 or more")
        if self.seed < 0:
            raise ValueError(f"--seed {self.seed}: expected 0 or more")
        self.laws  # noqa: B018  (raises for a law that does not exist)

    @property
    def claims(self) -> str:
        """The normalization whose laws the loss says that it obeys."""
        return self.loss.claims

    @property
    def laws(self) -> tuple[str, ...]:
        """The laws to judge, in the order in which they are reported."""
        chosen = select_laws(self.claims, self.named, is_multigrid=self.loss.is_multigrid)
        return tuple(dict.fromkeys((*chosen, *self.guarded)))

    @property
    def name(self) -> str:
        """The loss as reports name it."""
        return self.loss.name or REFERENCE


def to_text(requests: Sequence[CheckRequest]) -> str:
    """Return requests as text, for another process."""
    return json.dumps(
        [
            {
                "loss": request.loss.to_document(),
                "named": request.named,
                "guarded": request.guarded,
                "max_examples": request.max_examples,
                "seed": request.seed,
                "replay": None if request.replay is None else str(request.replay),
                "database": request.database,
                "report": None if request.report is None else str(request.report),
            }
            for request in requests
        ]
    )


def from_text(text: str) -> tuple[CheckRequest, ...]:
    """Return the requests of what `to_text` gave."""
    return tuple(
        CheckRequest(
            LossRequest.from_document(document["loss"]),
            tuple(document["named"]),
            tuple(document["guarded"]),
            document["max_examples"],
            document["seed"],
            None if document["replay"] is None else Path(document["replay"]),
            document["database"],
            None if document["report"] is None else Path(document["report"]),
        )
        for document in json.loads(text)
    )
