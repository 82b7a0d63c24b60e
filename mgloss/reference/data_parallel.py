"""`positives` with the counts of a whole step, where its batch is in parts.

Replicas of a data-parallel step, or the micro-batches of gradient accumulation, each see a part of
the batch. Under `batch` the mean of the parts' losses is the loss of the whole, if they are equally
large. Under `positives` it is not: each part divides by its own count, so an object counts for more
in a part with few. Dividing by the count of the whole restores it:

    over_replicas(loss, y_true, y_pred)                 in `strategy.run`; mean over replicas

    counts = [counts_of(loss, *part) for part in parts]
    of_step(loss, y_true, y_pred, tf.add_n(counts), len(parts))        of each; mean over parts
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import tensorflow as tf

from mgloss.reference.loss import MultiGridLoss, normalized
from mgspec.problem.normalizations import Sums
from mgspec.problem.options import TERMS

__all__ = ["counts_of", "of_step", "over_replicas"]

Arrays = Sequence[tf.Tensor]


def over_replicas(loss: MultiGridLoss, y_true: Arrays, y_pred: Arrays) -> Mapping[str, tf.Tensor]:
    """Return the loss's components for a replica, divided by the counts of all replicas.

    Call it in each replica's context. The mean over the replicas, of values and of gradients, is
    what one device has for the whole batch.

    Raises ValueError for a loss that is not under `positives`, RuntimeError outside of a replica.
    """
    context = tf.distribute.get_replica_context()
    if context is None:
        raise RuntimeError("over_replicas: call it in the function given to strategy.run")
    sums = _sums(loss, y_true, y_pred)
    counts = context.all_reduce(tf.distribute.ReduceOp.SUM, _counts(sums))
    return _divided(loss, sums, counts, context.num_replicas_in_sync)


def of_step(
    loss: MultiGridLoss, y_true: Arrays, y_pred: Arrays, counts: tf.Tensor, parts: int
) -> Mapping[str, tf.Tensor]:
    """Return the loss's components for one part of a batch, divided by the counts of all parts.

    The mean over the parts is what the whole batch has.

    counts: the sum of `counts_of` over the parts, `[terms, scales]`.
    parts: how many there are.

    Raises ValueError for a loss that is not under `positives`, and for fewer parts than one.
    """
    if parts < 1:
        raise ValueError(f"parts: expected 1 or more, got {parts}")
    return _divided(loss, _sums(loss, y_true, y_pred), counts, parts)


def counts_of(loss: MultiGridLoss, y_true: Arrays, y_pred: Arrays) -> tf.Tensor:
    """Return what `positives` would divide by, before its guard of 1: `[terms, scales]`.

    Raises ValueError for a loss that is not under `positives`.
    """
    return _counts(_sums(loss, y_true, y_pred))


def _sums(loss: MultiGridLoss, y_true: Arrays, y_pred: Arrays) -> Mapping[str, Sums]:
    if loss.options.loss_normalization != "positives":
        raise ValueError(
            "loss_normalization: expected 'positives' for every term, "
            f"got {loss.options.loss_normalization!r}; under 'batch' no count needs to be shared"
        )
    return loss.sums(y_true, y_pred)


def _counts(sums: Mapping[str, Sums]) -> tf.Tensor:
    return tf.stack([tf.reduce_sum(sums[term].count, -1) for term in TERMS])


def _divided(
    loss: MultiGridLoss, sums: Mapping[str, Sums], counts: tf.Tensor, parts: int
) -> Mapping[str, tf.Tensor]:
    """Divide a part's raw sums by the counts of the whole batch; multiply by the number of parts.

    The mean of the results over the parts is the loss of the whole batch.

    counts: `[terms, scales]`, of the whole batch.
    """
    shared = {
        term: replace(sums[term], count=count[:, tf.newaxis])
        for term, count in zip(TERMS, tf.unstack(counts, num=len(TERMS)), strict=True)
    }
    return {name: parts * value for name, value in normalized(shared, loss.options).items()}
