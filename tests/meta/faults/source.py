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
from typing import Any

import mgloss
from mgspec import Candidate

SOURCE = Path(mgloss.__file__).parent / "reference"
MODULES = ("arrays", "boxes", "cells", "ignoring", "loss", "terms")
PACKAGE = "copied_loss"


@dataclass(frozen=True)
class SourceFault:
    """law: the one that must catch it. In `module`, `text` is replaced by `wrong`.

    in_gradient: the component whose gradient the law needs to see it; None where values show it.
    """

    law: str
    module: str
    text: str
    wrong: str
    in_gradient: str | None = None


# The first six are faults that the detector's own code has had.
SOURCE_FAULTS = {
    "non-square grids crash": SourceFault(
        "finite",
        "ignoring",
        "tf.stack([grid.width, grid.height])",
        "tf.stack([grid.width, grid.width])",
    ),
    "the ignore mask has rows and columns exchanged": SourceFault(
        "ignoring",
        "ignoring",
        "tf.cast(cell - tf.gather(place, which), near.dtype)",
        "tf.cast((cell - tf.gather(place, which))[:, ::-1], near.dtype)",
        in_gradient="anchor",
    ),
    "anchors are multiplied by the stride": SourceFault(
        "ignoring",
        "cells",
        "Grid(images, height, width, tf.cast(anchors, dtype), stride)",
        "Grid(images, height, width, tf.cast(anchors, dtype) * stride, stride)",
        in_gradient="anchor",
    ),
    "IoU is that of the logarithms of sizes": SourceFault(
        "finite",
        "boxes",
        """        half_sizes(prediction[..., WH], anchors),
        half_sizes(target[..., WH], anchors),
""",
        """        prediction[..., WH],
        target[..., WH],
""",
    ),
    "a mask with one axis more is broadcast": SourceFault(
        "locality",
        "terms",
        "tf.reduce_sum(weight * costs, [1, 2])",
        "tf.reduce_sum(weight[:, tf.newaxis] * costs, [1, 2, 3])",
        in_gradient="anchor",
    ),
    "scales are applied twice": SourceFault(
        "scales",
        "loss",
        "return factors[term] * tf.reduce_sum(of_scales)",
        "return factors[term] * factors[term] * tf.reduce_sum(of_scales)",
    ),
    "the objectness target has a gradient": SourceFault(
        "separation",
        "terms",
        """iou = tf.stop_gradient(scale.boxes.iou)
    return bce(1 - ratio + ratio * tf.pow(iou, options.iou_aware_power), logit)""",
        """iou = _power(scale.boxes.iou, options.iou_aware_power)
    return tf.nn.sigmoid_cross_entropy_with_logits(1 - ratio + ratio * iou, logit)""",
        in_gradient="objectness",
    ),
}


@contextmanager
def copy_of_the_reference(
    fault: SourceFault | None, gradient_of: str | None = None
) -> Iterator[Candidate]:
    """Yield the reference from a copy of its source, with a fault or without.

    gradient_of: the only component that has a gradient; None for all. Tracing that of one takes a
        third of the time.
    """
    import tensorflow as tf

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
            compute = importlib.import_module(f"{PACKAGE}.loss").components

            def with_one_gradient(*arguments: Any) -> dict[str, Any]:
                values = compute(*arguments)
                terms = {
                    name: value if name == gradient_of else tf.stop_gradient(value)
                    for name, value in values.items()
                    if name != "total"
                }
                return {**terms, "total": tf.add_n(list(terms.values()))}

            yield reference("batch", compute=with_one_gradient if gradient_of else compute)
        finally:
            sys.path.remove(folder)
            for name in [n for n in sys.modules if n.partition(".")[0] == PACKAGE]:
                del sys.modules[name]
