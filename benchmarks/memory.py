"""Print the memory that a training step needs beyond its arguments.

    python benchmarks/memory.py [OBJECTS]

Prints JSON of two figures, each the growth of the process's peak memory, Linux only:

- `start_mb`: MB that TensorFlow sets up in the first step of a process, whatever its batch;
- `step`: what a step of the benchmark's batch needs after that, as a multiple of the bytes of its
  targets, predictions and gradients together.
"""

from __future__ import annotations

import ctypes
import gc
import json
import re
import sys
from pathlib import Path

import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.scenes import ANCHORS, CLASSES, INPUT, batch
from benchmarks.test_loss import traced
from mgloss import MultiGridLoss


def growth(step: tf.types.experimental.ConcreteFunction, batch: list[list[tf.Tensor]]) -> int:
    """Return the bytes by which one step raises the peak of this process."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # what earlier steps have freed is not reused unseen
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak is what is in use
    before = _peak()
    value, _ = step(*batch)
    float(value)
    return _peak() - before


def _peak() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) * 1024


def _tensors(arrays: tuple[list, list]) -> list[list[tf.Tensor]]:
    return [[tf.constant(array) for array in part] for part in arrays]


def main() -> None:
    """Trace, take a step of one image, then the one that counts, and print."""
    objects = int(sys.argv[1]) if len(sys.argv) > 1 else None
    small, large = _tensors(batch(images=1)), _tensors(batch(objects=objects))
    step = traced(MultiGridLoss(ANCHORS, CLASSES, (INPUT, INPUT)))
    start = growth(step, small)
    targets, predictions = large
    size = sum(tensor.numpy().nbytes for tensor in (*targets, *predictions, *predictions))
    figures = {"start_mb": start / 1e6, "step": growth(step, large) / size}
    print(json.dumps({name: round(figure, 2) for name, figure in figures.items()}))


if __name__ == "__main__":
    main()
