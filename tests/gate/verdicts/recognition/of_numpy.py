"""NumPy losses of a file that needs PyTorch for something else."""

import numpy as np
import torch


def saved(value, path):
    torch.save(torch.tensor(value), path)


def by_images(y_true, y_pred):
    errors = np.square(y_true[..., 2:4] - y_pred[..., 2:4]).sum(-1)
    return {"location": np.where(y_true[..., 4] > 0.5, errors, 0).sum() / len(y_true)}


def in_python_numbers(y_true, y_pred):
    return {"location": float(by_images(y_true, y_pred)["location"])}


def misspelt(y_true, y_pred):
    return np.sum(y_pred.squared)


class Guarded:
    """Its attributes cannot be asked for."""

    def __getattr__(self, name):
        raise RuntimeError(f"no {name} today")

    def __call__(self, predicted, wanted):
        return by_images(wanted, predicted)


class Shut(Guarded):
    def __getattribute__(self, name):
        raise OSError("shut")


class Secretive:
    """A number that keeps its dtype to itself."""

    shape = ()

    @property
    def dtype(self):
        raise SystemExit(0)


def secret(y_true, y_pred):
    return Secretive()


guarded, shut = Guarded(), Shut()


def over_objects(y_true, y_pred):
    """Return an array of one number."""
    count = max(1, (y_true[..., 4] > 0.5).sum())
    return by_images(y_true, y_pred)["location"].reshape(1) * len(y_true) / count
