"""What a law needs of a loss: a phrase for people, and the reason why a loss lacks it.

A law names its needs once, where it is registered. `Law.why_not`, the generated page and
`mgloss explain` read them from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mgspec.loss.candidate import Candidate


@dataclass(frozen=True)
class Need:
    """What a loss must have so that a law can judge it.

    phrase: the need as the page prints it, such as "needs gradients".
    why_not: returns the reason why a candidate lacks it, or None if the candidate has it.
    """

    phrase: str
    why_not: Callable[[Candidate], str | None]


@dataclass(frozen=True)
class ComponentNeed:
    """What one component must have so that a law can judge it.

    phrase: the need as the page prints it. why_not: returns the reason why a component of a
        candidate lacks it, or None if the component has it.
    """

    phrase: str
    why_not: Callable[[Candidate, str], str | None]


def _why_detached(candidate: Candidate, component: str) -> str | None:
    if not candidate.is_detached(component):
        return None
    return "something in it is held constant by design, as --detached says"


def _demand(phrase: str, is_met: Callable[[Candidate], bool], reason: str | None = None) -> Need:
    """Return a need that gives this reason, or else its phrase, to a candidate without it."""
    return Need(phrase, lambda candidate: None if is_met(candidate) else reason or phrase)


def _change(name: str) -> Need:
    """Return the need that a description, if there is one, tells how to make this change."""

    def why_not(candidate: Candidate) -> str | None:
        description = candidate.description
        if description is None or getattr(description, name) is not None:
            return None
        return f"needs {name}, which {description.name!r} does not describe"

    return Need(f"needs `{name}` of a described problem", why_not)


LAYOUT = _demand(
    "needs this project's own layout of cells and channels",
    lambda candidate: candidate.description is None,
)
IMAGES_WITHOUT_OBJECTS = _demand(
    "needs images without objects",
    lambda candidate: candidate.description is None or candidate.description.fewest_objects == 0,
    "needs images without objects, and by the description's fewest_objects there are none",
)
WITHOUT_OBJECT = _change("without_object")
ANOTHER_OBJECT = _demand(
    "needs images that differ in the number of objects",
    lambda candidate: (
        candidate.description is None
        or candidate.description.fewest_objects < candidate.description.most_objects
    ),
)
WITH_COPIES = _change("with_copies")
WITH_BACKGROUND = _change("with_background")
GRADIENTS = _demand(
    "needs gradients",
    lambda candidate: candidate.has_gradients,
    "needs gradients, and this loss has none",
)
MANY_DETECTORS = _demand(
    "needs batches of more than one detector",
    lambda candidate: candidate.detector is None,
    "needs other grids or anchors than those of --detector",
)
OPTIONS = _demand(
    "needs a loss that follows the options of the problem",
    lambda candidate: candidate.options is None,
)
MODES = _demand(
    "needs a loss that can be run in several ways", lambda candidate: bool(candidate.modes)
)
EACH_TERM = _demand(
    "needs a loss that returns its terms beside their total",
    lambda candidate: candidate.components != ("total",),
)
DERIVATIVE = ComponentNeed(
    "leaves out components in which something is held constant by design", _why_detached
)
