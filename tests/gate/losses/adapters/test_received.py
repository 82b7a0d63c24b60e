"""What a loss receives is watched: arrays, and the lists and mappings that hold them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mgloss.gate.losses.adapters.received import Watch


def watched(received: Any) -> Watch:
    watch = Watch(lambda value: value if isinstance(value, np.ndarray) else None)
    watch.record(received)
    return watch


def some() -> dict[str, Any]:
    """Nested as descriptions nest: a mapping, a list of mappings, an object, plain values."""
    return {
        "boxes": np.array([0.0, 1.0, 2.0, np.nan]),  # filled up with NaN
        "images": [{"labels": np.array([1, 2])}, {"labels": np.array([], int)}],
        "instances": SimpleNamespace(areas=np.ones(2), cached=None),
        "size": (32, 64),
        "name": "coco",
    }


def _scale(received: dict[str, Any]) -> None:
    received["boxes"] *= 2


def _overwrite_a_view(received: dict[str, Any]) -> None:
    received["boxes"][1:2].fill(9)


def _relabel_the_first_image(received: dict[str, Any]) -> None:
    received["images"][0]["labels"] += 1


def _replace_an_entry(received: dict[str, Any]) -> None:
    received["boxes"] = received["boxes"] + 1


def _remove_an_entry(received: dict[str, Any]) -> None:
    del received["images"][1]["labels"]


def _drop_an_image(received: dict[str, Any]) -> None:
    received["images"].pop()


def _replace_a_list(received: dict[str, Any]) -> None:
    received["images"] = []


def _replace_a_number(received: dict[str, Any]) -> None:
    received["size"] = (64, 64)


def _replace_text(received: dict[str, Any]) -> None:
    received["name"] = np.zeros(3)


def _write_into_an_object(received: dict[str, Any]) -> None:
    received["instances"].areas[0] = 5


@pytest.mark.parametrize(
    "change",
    [
        _scale,
        _overwrite_a_view,
        _relabel_the_first_image,
        _replace_an_entry,
        _remove_an_entry,
        _drop_an_image,
        _replace_a_list,
        _replace_a_number,
        _replace_text,
        _write_into_an_object,
    ],
)
def test_a_change_is_noticed(change: Callable[[dict[str, Any]], None]) -> None:
    received = some()
    watch = watched(received)

    change(received)

    assert watch.has_changed


def _read(received: dict[str, Any]) -> None:
    received["boxes"].sum()


def _replace_by_an_equal_array(received: dict[str, Any]) -> None:
    received["boxes"] = received["boxes"].astype(np.float32)


def _replace_by_an_equal_list(received: dict[str, Any]) -> None:
    received["images"] = tuple(received["images"])


def _add_an_entry(received: dict[str, Any]) -> None:
    received["one_hot"] = np.eye(3)


def _remember_in_an_object(received: dict[str, Any]) -> None:
    received["instances"].cached = np.eye(3)


@pytest.mark.parametrize(
    "use",
    [
        _read,
        _replace_by_an_equal_array,
        _replace_by_an_equal_list,
        _add_an_entry,
        _remember_in_an_object,
    ],
)
def test_what_loses_nothing_is_no_change(use: Callable[[dict[str, Any]], None]) -> None:
    received = some()
    watch = watched(received)

    use(received)

    assert not watch.has_changed


def test_what_contains_itself_is_watched_too() -> None:
    received = some()
    received["itself"] = received
    received["instances"].owner = received
    watch = watched(received)
    assert not watch.has_changed

    received["boxes"][0] = 7

    assert watch.has_changed
