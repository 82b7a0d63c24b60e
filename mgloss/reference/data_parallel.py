"""`positives` with the counts of a whole step, where its batch is in parts.

Replicas of a data-parallel step, or the micro-batches of gradient accumulation, each see a part of
the batch. Under `batch` the mean of the parts' losses is the loss of the whole, where they are
equally large. Under `positives` it is not: each part divides by its own count, and an object in a
part with few counts for more. Dividing by the count of the whole restores it:

    over_replicas(loss, y_true, y_pred)                 in `strategy.run`; mean over replicas

    counts = [counts_of(loss, *part) for part in parts]
    of_step(loss, y_true, y_pred, tf.add_n(counts), len(parts))        of each; mean over parts
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from mgloss.reference.loss import TENSORFLOW, MultiGridLoss
from mgspec.problem.normalizations import Arithmetic

__all__ = ["counts_of", "of_step", "over_replicas"]

Arrays = Sequence[tf.Tensor]


def over_replicas(loss: MultiGridLoss, y_true: Arrays, y_pred: Arrays) -> Mapping[str, tf.Tensor]:
    """The loss's components for a replica, divided by the counts of all replicas.

    Their mean over the replicas, and so that of the gradients, is what one device has for the whole
    batch. To be called in a replica's context, in each replica. Raises ValueError for a loss that
    is not under `positives`, RuntimeError elsewhere than in a replica.
    """
    context = tf.distribute.get_replica_context()
    if context is None:
        raise RuntimeError("over_replicas: call it in the function given to strategy.run")

    def summed(counts: tf.Tensor) -> tf.Tensor:
        return context.all_reduce(tf.distribute.ReduceOp.SUM, counts)

    return _with_counts(loss, y_true, y_pred, summed, context.num_replicas_in_sync)


def of_step(
    loss: MultiGridLoss, y_true: Arrays, y_pred: Arrays, counts: tf.Tensor, parts: int
) -> Mapping[str, tf.Tensor]:
    """The loss's components for one part of a batch, divided by the counts of all parts.

    counts: the sum of `counts_of` over the parts, `[terms, scales]`. parts: how many there are.
    Their mean over the parts is what the whole has. Raises ValueError for a loss that is not under
    `positives`, and for fewer parts than one.
    """
    if parts < 1:
        raise ValueError(f"parts: expected 1 or more, got {parts}")
    return _with_counts(loss, y_true, y_pred, lambda _: counts, parts)


def counts_of(loss: MultiGridLoss, y_true: Arrays, y_pred: Arrays) -> tf.Tensor:
    """What `positives` would divide by, before its guard of 1: `[terms, scales]`."""
    seen: list[tf.Tensor] = []

    def note(counts: tf.Tensor) -> tf.Tensor:
        seen.append(counts)
        return counts

    _with_counts(loss, y_true, y_pred, note, 1)
    return seen[0]


def _with_counts(
    loss: MultiGridLoss,
    y_true: Arrays,
    y_pred: Arrays,
    of_whole: Callable[[tf.Tensor], tf.Tensor],
    parts: int,
) -> Mapping[str, tf.Tensor]:
    if loss.options.loss_normalization != "positives":
        raise ValueError(
            "loss_normalization: expected 'positives' for every term, "
            f"got {loss.options.loss_normalization!r}; under 'batch' no count needs to be shared"
        )

    def at_least_one(counts: tf.Tensor) -> tf.Tensor:  # [terms, scales, 1], of the one batch
        counts = of_whole(counts[..., 0])[..., tf.newaxis]
        # The mean over the parts then divides by the guarded count once, not once for each.
        return TENSORFLOW.at_least_one(counts) / parts

    shared = Arithmetic(total=TENSORFLOW.total, at_least_one=at_least_one)
    return loss.components(y_true, y_pred, shared)
