"""Faults that can only live in the source of the reference, each planted alone in a copy of it.

A copy is the source of the reference with one piece of text replaced, in a package of its own.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mgloss
from mgspec import Candidate

SOURCE = Path(mgloss.__file__).parent / "reference"
MODULES = ("arrays", "boxes", "cells", "ignoring", "loss", "terms")
PACKAGE = "copied_loss"


@dataclass(frozen=True)
class SourceFault:
    """law: the one that must catch it. In `module`, `text` is replaced by `wrong`."""

    law: str
    module: str
    text: str
    wrong: str


# The first six are faults that the detector's own code has had.
SOURCE_FAULTS = {
    "non-square grids crash": SourceFault(
        "finite",
        "ignoring",
        "self.height * self.width",
        "self.height * self.height",
    ),
    "the ignore mask has rows and columns exchanged": SourceFault(
        "ignoring",
        "ignoring",
        "tf.stack([left + across, top + down], -1)",
        "tf.stack([top + down, left + across], -1)",
    ),
    "anchors are multiplied by the stride": SourceFault(
        "ignoring",
        "terms",
        "Grid(images, height, width, tf.cast(anchors, dtype), stride)",
        "Grid(images, height, width, tf.cast(anchors, dtype) * stride, stride)",
    ),
    "IoU is that of the logarithms of sizes": SourceFault(
        "finite",
        "boxes",
        """        half_sizes(prediction.logs, anchors),
        half_sizes(target.logs, anchors),
""",
        """        prediction.logs,
        target.logs,
""",
    ),
    "a mask with one axis more is broadcast": SourceFault(
        "locality",
        "terms",
        """weighted(
                weight, tf.reduce_sum(tf.nn.softplus(scale.head[:, scale.anchors]), 1)
            )""",
        "tf.reduce_sum(weight[:, tf.newaxis]"
        " * tf.reduce_sum(tf.nn.softplus(scale.head[:, scale.anchors]), 1), 0)",
    ),
    "scales are applied twice": SourceFault(
        "scales",
        "loss",
        "[factors[term] for term",
        "[factors[term] * factors[term] for term",
    ),
    "the objectness target has a gradient": SourceFault(
        "separation",
        "terms",
        "bce(1 - ratio + ratio * seen, logit)",
        "tf.nn.sigmoid_cross_entropy_with_logits("
        "1 - ratio + ratio * _power(found.boxes.iou, options.iou_aware_power), logit)",
    ),
}


@contextmanager
def copy_of_the_reference(fault: SourceFault | None) -> Iterator[Candidate]:
    """The reference from a copy of its source, with a fault or without."""
    from mgloss.gate.losses.reference import reference

    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / PACKAGE
        package.mkdir()
        (package / "__init__.py").touch()
        for name in MODULES:
            source = (SOURCE / f"{name}.py").read_text(encoding="utf-8")
            source = source.replace("from mgloss.reference.", f"from {PACKAGE}.")
            if fault is not None and name == fault.module:
                assert source.count(fault.text) == 1
                source = source.replace(fault.text, fault.wrong)
            (package / f"{name}.py").write_text(source, encoding="utf-8")
        sys.path.insert(0, folder)
        importlib.invalidate_caches()
        try:
            compute = importlib.import_module(f"{PACKAGE}.loss").components_of_batches
            yield reference("batch", compute=compute)
        finally:
            sys.path.remove(folder)
            for name in [n for n in sys.modules if n.partition(".")[0] == PACKAGE]:
                del sys.modules[name]
