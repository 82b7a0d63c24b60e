"""PyTorch losses of one scale that draw random numbers."""

import torch

OWN = torch.Generator().manual_seed(11)


def squares(true, pred):
    mask = true[..., 4] > 0.5
    return ((true[..., :4] - pred[..., :4]) ** 2).sum(-1)[mask].sum() / len(true)


def by_torch(true, pred):
    return {"location": (1 + torch.rand(()) / 8) * squares(true, pred)}


def by_a_generator_of_its_own(true, pred):
    return {"location": (1 + torch.rand((), generator=OWN) / 8) * squares(true, pred)}
