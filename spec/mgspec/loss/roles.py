"""Roles of components: what a component holds, and who says so.

A component holds what objects alone contribute, or it teaches the background too, or it is a metric
that trains nothing. What is asked of it depends on that. A person can say it; otherwise it is read
from the component's name, or learnt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final, Literal

Role = Literal["objects", "background", "metric"]

OBJECTS: Final = "objects"
BACKGROUND: Final = "background"
METRIC: Final = "metric"

MEANINGS: dict[Role, str] = {
    OBJECTS: "hold what objects alone contribute",
    BACKGROUND: "teach the background too",
    METRIC: "be a metric that trains nothing",
}

# The words of usual names. `loss_cls_0`, `cls_loss` and `lossCls` all have the word "cls".
CLASS_WORDS = frozenset({"cls", "lcls", "class", "classification", "labels"})
SCORE_WORDS = frozenset({"objectness", "obj", "lobj", "confidence", "conf", "noobj"})
BACKGROUND_WORDS = (
    CLASS_WORDS | SCORE_WORDS | {"classifier", "vfl", "varifocal", "qfl", "mal", "heatmap", "hm"}
)
OBJECT_WORDS = frozenset(
    {
        *("location", "loc", "localization", "bbox", "lbox", "box", "boxes", "reg", "regression"),
        *("iou", "giou", "diou", "ciou", "siou", "l1", "dfl", "centerness", "offset", "wh", "xy"),
        *("size", "mask", "dice", "keypoint", "keypoints", "landmark", "landmarks", "angle"),
    }
)
# The forms of a loss: they tell of classes, but not beside a word of OBJECT_WORDS: `loss_mask_ce`.
FORM_WORDS = frozenset({"ce", "bce", "focal"})
METRIC_WORDS = frozenset({"accuracy", "acc", "recall", "precision", "cardinality"})
METRIC_NAMES = frozenset({"class_error", "cardinality_error"})
TOTAL_NAMES = frozenset({"total", "loss", "total_loss", "loss_total", "loss_sum"})

_WORD = re.compile(r"[A-Z]?[a-z]+\d*|[A-Z]+(?![a-z])\d*")


def words_of(name: str) -> frozenset[str]:
    """Return the words of a component's name, in lower case and without "loss"."""
    words = (word.lower() for word in _WORD.findall(name))
    known = (w if w in OBJECT_WORDS else w.rstrip("0123456789") for w in words)
    return frozenset(known) - {"loss", "losses"}


def is_total(name: str) -> bool:
    """Return whether a component of this name is the sum of the others."""
    return name.lower() in TOTAL_NAMES


def usual_role(name: str) -> Role | None:
    """Return the role of a component by its name; None if the name is not a usual one."""
    words = words_of(name)
    if name.lower() in METRIC_NAMES or (words & METRIC_WORDS and "loss" not in name.lower()):
        return METRIC
    if is_total(name) or words & BACKGROUND_WORDS:
        return BACKGROUND
    if words & OBJECT_WORDS:
        return OBJECTS
    return BACKGROUND if words & FORM_WORDS else None


def may_be_idle(name: str, others: frozenset[str]) -> bool:
    """Return whether this component may teach nothing without objects.

    A classification beside an objectness may be of objects alone, as in YOLO, or of the background
    too, as in a two-stage detector. Its name does not tell.

    others: the names of the loss's components.
    """
    scores = {c for c in others if words_of(c) & SCORE_WORDS}
    return name not in scores and bool(words_of(name) & CLASS_WORDS) and bool(scores)


@dataclass(frozen=True)
class Roles:
    """What a person says of a loss's components.

    objects, background, metric: the components of each role.
    detached: the components in which something is held constant by design, such as a weight by the
        quality of a prediction. Their gradient is not the derivative of their value.
    component: the name of the one component that a loss is which returns a number; None if it is
        the total.

    Raise ValueError for a name that is no text, and for a component of two roles.
    """

    objects: tuple[str, ...] = ()
    background: tuple[str, ...] = ()
    metric: tuple[str, ...] = ()
    detached: tuple[str, ...] = ()
    component: str | None = None

    def __post_init__(self) -> None:
        for option, names in self.named():
            if any(not isinstance(name, str) or not name for name in names):
                raise ValueError(f"--{option}: expected the name of a component, got {names!r}")
        roles: dict[str, str] = {}
        for option in (OBJECTS, BACKGROUND, METRIC):
            for name in getattr(self, option):
                other = roles.setdefault(name, option)
                if other != option:
                    raise ValueError(
                        f"--{other} {name} and --{option} {name}: a component has one role"
                    )

    @staticmethod
    def said(component: str | None = None, **names: str | Sequence[str] | None) -> Roles:
        """Return the roles of what a person says: one name or several of each, or none."""
        listed = {k: (v,) if isinstance(v, str) else tuple(v or ()) for k, v in names.items()}
        return Roles(**listed, component=component)

    def named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each option, without dashes, with the components that it names."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                yield field.name, (value,) if isinstance(value, str) else tuple(value)

    def arguments(self) -> list[str]:
        """Return the command-line arguments that say this."""
        pairs = [(f"--{option}", name) for option, names in self.named() for name in names]
        return [part for pair in pairs for part in pair]

    def of(self, component: str) -> Role | None:
        """Return the role that a component is said to have; None if nothing is said."""
        for role in MEANINGS:
            if component in getattr(self, role):
                return role
        return None


NO_ROLES = Roles()  # nothing is said


@dataclass(frozen=True)
class Taken:
    """The role that a component is taken for.

    reason: why, as the end of a sentence. is_said: a person has said so.
    may_be_idle: it teaches the background, or else nothing without objects; both are right.
    """

    component: str
    role: Role
    reason: str
    is_said: bool = False
    may_be_idle: bool = False

    @property
    def explanation(self) -> str:
        """A sentence that says how the component was taken, and how to say otherwise."""
        taken = f"{self.component} is taken to {MEANINGS[self.role]}, {self.reason}"
        if self.is_said:
            return taken
        others = [role for role in MEANINGS if role != self.role]
        options = " or ".join(f"--{role} {self.component}" for role in others)
        return f"{taken}; {options} says otherwise"
