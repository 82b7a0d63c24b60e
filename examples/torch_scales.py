import torch


def loss(y_true, y_pred):
    """Return the squared size errors of positive cells of one scale, per image."""
    positive = y_true[..., 4] > 0.5
    squares = (y_true[..., 2:4] - y_pred[..., 2:4]).square().sum(-1)
    return {"location": torch.where(positive, squares, 0).sum() / len(y_true)}
