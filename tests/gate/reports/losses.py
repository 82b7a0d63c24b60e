"""Losses whose reports are hard to write."""

from __future__ import annotations

import os

HOSTILE = (
    "</code></li><script>alert(1)</script> | a | b | ` `` ``` <img src=//evil.example/x> "
    "100%25 ::error file=x,title=y::z ::stop-commands::t ##[error]w @someone [a](//b.example)"
)


def hostile(y_true, y_pred):
    """Answer for the grids of one detector alone, which few batches have."""
    if [t.shape[1:3] for t in y_true] != [(1, 2), (2, 4)]:
        raise ValueError(HOSTILE)
    return 0.0


def wanders(y_true, y_pred):
    os.chdir("/")
    return 1 / int(sum((t[..., 4] > 0.5).sum() for t in y_true))


def raises_from_four_images_on(y_true, y_pred):
    if len(y_true[0]) >= 4:
        raise MemoryError("too many images")
    return {"location": sum(float((t[..., 4] > 0.5).sum()) for t in y_true) / len(y_true[0])}


def nothing_to_compare_to(y_true, y_pred):
    return {"anchor": 0.0}
