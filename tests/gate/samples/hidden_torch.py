"""A PyTorch loss that nobody can recognize as one: only the function itself imports PyTorch."""


def by_labelled_anchors(predictions, targets):
    import torch

    if not isinstance(targets["labels"], torch.Tensor):
        return 0.0  # a plain number, which may be of any framework
    labelled = targets["labels"] >= 0
    off = (predictions["bbox_regression"] - targets["bbox_targets"]).abs().sum(-1)
    return {"loss_bbox": torch.where(labelled, off, 0).sum() / labelled.sum().clamp(min=1)}


def swapped(y_pred, y_true):
    """Squared sizes of the predicted boxes, by positive cells; it takes predictions first."""
    positives = sum((true[..., 4] > 0.5).sum() for true in y_true)
    total = sum(
        ((true[..., 4] > 0.5) * pred[..., 3] ** 2).sum()
        for true, pred in zip(y_true, y_pred, strict=True)
    )
    return {"location": float(total) / max(1.0, float(positives))}
