"""mgloss: the reference loss of a MultiGrid detector, and the gate for anybody's.

Importing it is cheap: TensorFlow is imported when the loss is first asked for.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mgloss.reference.keras_loss import MultiGridScaleLoss
    from mgloss.reference.loss import MultiGridLoss, components

try:
    __version__ = version("mgloss")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0+unknown"

__all__ = ["MultiGridLoss", "MultiGridScaleLoss", "__version__", "components"]


def __getattr__(name: str) -> Any:
    if name in ("MultiGridLoss", "components"):
        from mgloss.reference import loss

        return getattr(loss, name)
    if name == "MultiGridScaleLoss":
        from mgloss.reference.keras_loss import MultiGridScaleLoss

        return MultiGridScaleLoss
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
