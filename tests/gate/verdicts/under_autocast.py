"""PyTorch losses of one scale that stay what they are in half precision, or do not."""

import torch


def squares(true, pred):
    mask = true[..., 4] > 0.5
    return ((true[..., :4] - pred[..., :4]) ** 2).sum(-1)[mask]


def right(true, pred):
    return {"location": squares(true, pred).sum() / len(true)}


def counts_in_half_precision(true, pred):
    """One by one, in the predictions' dtype: bfloat16 goes no further than 256."""
    cells = pred.new_zeros(())
    for _ in range(pred[..., 0].numel()):
        cells = cells + 1
    return {"location": squares(true, pred).sum() / cells}


def overflows_in_half(true, pred):
    factor = torch.full_like(pred[0, 0, 0, 0], 300.0)
    return {"location": (factor * factor).float() / 90_000 * right(true, pred)["location"]}
