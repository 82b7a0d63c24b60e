"""A batch on which a loss broke the law 'partition' of loss normalization.

A regression test for pytest: copy it, with partition-___box_loss.json, among your tests. It
needs mgloss, fails while the loss breaks the law on this batch, and passes once it does not.
"""

from pathlib import Path

from mgloss.gate.stored import still_broken

# As for `mgloss check`: a path starts at the folder that pytest runs in.
LOSS = "described_losses.py:by_objects"
PROBLEM = "described_losses.py:problem"
COUNTEREXAMPLE = Path(__file__).with_name("partition-___box_loss.json")

# What came when it was found: ../box/loss: L(X + Y) = 1, expected 0.5 (B_X = 1, L(X) = 0, B_Y = 1,
# L(Y) = 1)
# There is no snippet without mgloss of it: how the loss is called is told by the description of its
# problem.


def test_partition____box_loss():
    """A data set's mean loss does not depend on how it was cut into batches."""
    broken = still_broken(COUNTEREXAMPLE, LOSS, PROBLEM)
    assert broken is None, broken
