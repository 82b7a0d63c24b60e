"""The options of the MultiGrid loss, validated, and as plain data.

Options have the names that training configs of the detector give them, where there are such.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from mgspec.problem.normalizations import normalization, unknown

LOCATIONS = ("mse", "giou", "diou", "ciou")
BACKGROUNDS = ("anchor", "objectness")
CLASSIFICATIONS = ("bce", "focal", "softmax_focal")
TERMS = ("location", "anchor", "classification", "objectness")

LARGEST_NUMBER = 1e12  # of an option; larger than any use needs, and far from float32 overflow

LossNormalization = str | tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Options:
    """The options of the loss. Formulas: spec/README.md; code: mgspec/loss/float64.py.

    loss_normalization: what raw sums are divided by: one name for all terms, a list of one name,
        or a mapping from each term to a name, which is stored as pairs.
    expected: E, positive cells per image. `fixed` and `expected` need it; others refuse it.
    location: `mse`, or `giou`, `diou`, `ciou` of the decoded boxes in pixels.
    background: the term that teaches the background: `anchor`, summed over all active cells, or
        `objectness`, a separate term, with `anchor` summed over positive cells only.
    classification: `bce`, `focal` (sigmoid) or `softmax_focal`.
    focal_alpha, focal_gamma: parameters of both focal losses (Lin et al. 2017, arXiv:1708.02002).
    class_weights: factor of each class in the classification, `[C]`; None for all 1.
    label_smoothing: s in [0, 1). Class targets t become t (1 - s) + s / 2, or t (1 - s) + s / C for
        softmax (Szegedy et al. 2016, arXiv:1512.00567).
    coord_scale, anchor_scale, class_scale: factors of location, anchor and classification.
    object_scale, no_object_scale: weights of positive and of background cells in the term that
        teaches the background.
    ignore_thresh: ignore a background cell if a box that it predicts has a larger IoU with an
        object; in [0, 1]. 1 ignores no cell.
    ignored_weight: factor of the weight of an ignored cell; in [0, 1]. 0 drops the cell.
    iou_aware_ratio, iou_aware_power: r and k. The objectness target of a positive cell is
        1 - r + r IoU^k of its predicted box, without a gradient; 1 if r = 0.

    Raise ValueError, naming the option, its value and what is expected, if a value is not allowed.
    """

    loss_normalization: LossNormalization | Mapping[str, str] = "batch"
    expected: float | None = None
    location: str = "mse"
    background: str = "anchor"
    classification: str = "bce"
    focal_alpha: float = 0.25
    focal_gamma: float = 2.0
    class_weights: tuple[float, ...] | None = None
    label_smoothing: float = 0.0
    coord_scale: float = 1.0
    anchor_scale: float = 1.0
    class_scale: float = 1.0
    object_scale: float = 1.0
    no_object_scale: float = 1.0
    ignore_thresh: float = 0.5
    ignored_weight: float = 0.0
    iou_aware_ratio: float = 0.0
    iou_aware_power: float = 1.0

    def __post_init__(self) -> None:
        self._set("loss_normalization", _normalizations(self.loss_normalization, self.background))
        _one_of("location", self.location, LOCATIONS)
        _one_of("background", self.background, BACKGROUNDS)
        _one_of("classification", self.classification, CLASSIFICATIONS)
        for name in _SCALES:
            self._number(name, lambda v: v >= 0, "0 or more")
        for name in ("focal_alpha", "ignore_thresh", "ignored_weight", "iou_aware_ratio"):
            self._number(name, lambda v: 0 <= v <= 1, "a number from 0 to 1")
        self._number("label_smoothing", lambda v: 0 <= v < 1, "a number from 0 to below 1")
        self._number("focal_gamma", lambda v: v >= 0, "0 or more")
        self._number("iou_aware_power", lambda v: v > 0, "more than 0")
        if self.class_weights is not None:
            self._set("class_weights", _weights(self.class_weights))
        if self.iou_aware_ratio and self.background != "objectness":
            raise ValueError(
                f"iou_aware_ratio: {self.iou_aware_ratio!r} is about the objectness target; "
                "set background='objectness', or leave it 0"
            )
        self._check_expected()

    def normalization_of(self, term: str) -> str:
        """Return the name of a term's normalization; "batch" for a term without one."""
        if isinstance(self.loss_normalization, str):
            return self.loss_normalization
        return dict(self.loss_normalization).get(term, "batch")

    def terms_by_normalization(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return each normalization in use, with the terms that it divides."""
        names = {term: self.normalization_of(term) for term in TERMS}
        return [
            (name, tuple(term for term in TERMS if names[term] == name))
            for name in dict.fromkeys(names.values())
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the options as plain data: strings, numbers, lists, dicts and None."""
        document = dataclasses.asdict(self)
        if self.class_weights is not None:
            document["class_weights"] = list(self.class_weights)
        if not isinstance(self.loss_normalization, str):
            document["loss_normalization"] = dict(self.loss_normalization)
        return document

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Options:
        """Return the options of plain data. Options that it omits keep their defaults.

        Raise ValueError if a name is no option, or the constructor refuses a value.
        """
        if not isinstance(document, Mapping):
            raise ValueError(
                f"options: expected a mapping of names to values, got {type(document).__name__}"
            )
        names = [field.name for field in dataclasses.fields(cls)]
        for name in document:
            if name not in names:
                raise unknown("option", name, names)
        return cls(**document)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _number(self, name: str, fits: Callable[[float], bool], expected: str) -> None:
        value = getattr(self, name)
        if _is_number(value) and value > LARGEST_NUMBER:
            raise ValueError(f"{name}: expected at most {LARGEST_NUMBER:g}, got {value!r}")
        if not _is_number(value) or not fits(value):
            raise ValueError(f"{name}: expected {expected}, got {value!r}")
        self._set(name, float(value))

    def _check_expected(self) -> None:
        names = {self.normalization_of(term) for term in TERMS}
        needing = sorted(name for name in names if normalization(name).needs_expected)
        if self.expected is None:
            if needing:
                raise ValueError(
                    f"expected: normalization {needing[0]!r} needs the expected count of positive "
                    "cells of an image, got None"
                )
            return
        if not needing:
            raise ValueError(
                f"expected: normalization {self.loss_normalization!r} does not use it, "
                f"got {self.expected!r}"
            )
        self._number("expected", lambda v: v > 0, "a positive number")


_SCALES = ("coord_scale", "anchor_scale", "class_scale", "object_scale", "no_object_scale")


def _is_number(value: object) -> bool:
    if isinstance(value, (bool, str, bytes)):
        return False
    try:
        return math.isfinite(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return False


def _one_of(option: str, value: object, known: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{option}: {unknown('choice', value, known)}")


def _weights(values: Any) -> tuple[float, ...]:
    # `tuple` would take the keys of a mapping, and the elements of a set in any order.
    unordered = isinstance(values, (Mapping, Set))
    try:
        weights = () if unordered else tuple(values)
    except TypeError:
        weights = ()
    if not weights or not all(_is_number(w) and 0 <= w <= LARGEST_NUMBER for w in weights):
        raise ValueError(
            f"class_weights: expected one number, 0 or more, for each class, got {values!r}"
        )
    return tuple(float(w) for w in weights)


def _normalizations(value: Any, background: str) -> LossNormalization:
    """Return one name, or pairs of term and name. Raise ValueError if the value is neither."""
    if isinstance(value, tuple) and all(isinstance(v, tuple) and len(v) == 2 for v in value):
        value = dict(value)  # the pairs that this function returns
    if isinstance(value, Mapping):
        for term in value:
            _one_of("loss_normalization", term, TERMS)
        needed = [t for t in TERMS if t != "objectness" or background == "objectness"]
        missing = [term for term in needed if term not in value]
        if missing:
            raise ValueError(
                f"loss_normalization: expected a name for each term, got none for "
                f"{' and '.join(missing)}"
            )
        return tuple((term, _normalization(value[term])) for term in TERMS if term in value)
    if isinstance(value, (list, tuple)):
        names = list(dict.fromkeys(_normalization(name) for name in value))
        if len(names) != 1:
            raise ValueError(
                f"loss_normalization: expected one name, or a mapping that has one for each term; "
                f"got {list(value)!r}"
            )
        return names[0]
    return _normalization(value)


def _normalization(name: Any) -> str:
    try:
        return normalization(name).name
    except ValueError as error:
        raise ValueError(f"loss_normalization: {error}") from None
