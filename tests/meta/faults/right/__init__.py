"""The same right loss in three styles, as three people would write it. None may be accused.

Each module has `make(normalization)`, which gives a factory: a function of a problem that returns
`f(y_true, y_pred)`, and the loss there returns its three plain terms and their total.
"""

NORMALIZATIONS = ("batch", "positives", "hybrid", "per_image", "grid", "sum")
