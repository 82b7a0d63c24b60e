"""A batch on which a loss broke the law 'partition' of loss normalization.

A regression test for pytest: copy it, with partition-location.json, among your tests. It needs
mgloss, fails while the loss breaks the law on this batch, and passes once it does not.
"""

from pathlib import Path

from mgloss.gate.stored import still_broken

# As for `mgloss check`: a path starts at the folder that pytest runs in.
LOSS = "my_loss.py:by_positives"
COUNTEREXAMPLE = Path(__file__).with_name("partition-location.json")

# What came when it was found: location: L(X + Y) = 0.5, expected 0.25 (B_X = 1, L(X) = 0, B_Y = 1,
# L(Y) = 0.5)


def test_partition_location():
    """A data set's mean loss does not depend on how it was cut into batches."""
    broken = still_broken(COUNTEREXAMPLE, LOSS)
    assert broken is None, broken
