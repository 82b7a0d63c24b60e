"""Prints by how much one step raises the peak memory of a process that has done nothing else.

    python benchmarks/memory.py [OBJECTS]

As a multiple of the bytes of targets, predictions and gradients together.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.scenes import ANCHORS, CLASSES, INPUT, batch
from benchmarks.test_loss import traced
from mgloss import MultiGridLoss


def peak() -> int:
    """Bytes of this process at its largest since `forget`; Linux only."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) * 1024


def forget() -> None:
    """Let the peak start anew at what is in use now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def main() -> None:
    """Trace, run once, print."""
    objects = int(sys.argv[1]) if len(sys.argv) > 1 else None
    targets, predictions = batch(objects=objects)
    step = traced(MultiGridLoss(ANCHORS, CLASSES, (INPUT, INPUT)))
    y_true, y_pred = ([tf.constant(a) for a in arrays] for arrays in (targets, predictions))
    forget()
    before = peak()
    value, _ = step(y_true, y_pred)
    float(value)
    size = sum(a.nbytes for a in (*targets, *predictions, *predictions))
    print((peak() - before) / size)


if __name__ == "__main__":
    main()
