"""How a loss is called where that is not clear."""

from __future__ import annotations

from typing import Any

import numpy as np

from mgloss.gate.losses.adapters.starting import start_adapter
from mgloss.gate.losses.form import Form
from mgloss.gate.losses.probes import probe_batches
from mgloss.gate.losses.trying import Trial, try_loss


def of_lists(y_true: Any, y_pred: Any) -> Any:
    return sum(np.square(p - t).sum() / len(t) for t, p in zip(y_true, y_pred, strict=True))


def of_arrays(y_true: Any, y_pred: Any) -> Any:
    return np.square(y_pred[..., 2] - y_true[..., 2]).sum() / len(y_true)


def tried_on_one_scale(loss: Any) -> Trial:
    batches = [probe for probe in probe_batches(None) if len(probe[1].predictions) == 1]
    return try_loss(
        Form(loss), start_adapter("numpy"), batches, follows_names=True, is_of_keras=False
    )


def test_a_loss_of_lists_takes_a_list_where_no_batch_has_several_scales() -> None:
    trial = tried_on_one_scale(of_lists)
    assert trial.components is not None
    assert not trial.form.per_scale


def test_a_loss_of_arrays_is_called_scale_by_scale_all_the_same() -> None:
    trial = tried_on_one_scale(of_arrays)
    assert trial.components is not None
    assert trial.form.per_scale
