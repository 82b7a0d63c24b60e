"""What is asked of a loss, wherever it is asked: on a command line, or in a pytest run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mgloss.gate.losses.loading import Loaded

DEFAULT_TIMEOUT = 10.0  # seconds an evaluation
DEFAULT_MEMORY = 4.0  # GiB of the process that runs a loss


@dataclass(frozen=True)
class AskedLoss:
    """A loss, what is said of it, and what it may use.

    loss: None for the reference. The others up to show_traceback: as of `loading.load`.
    timeout: seconds an evaluation may take. memory: GiB that its process may use.

    Raises ValueError for limits that are none, and for what cannot be said of the reference.
    """

    loss: str | None
    claims: str
    options: str | None = None
    problem: str | None = None
    framework: str | None = None
    show_traceback: bool = False
    timeout: float = DEFAULT_TIMEOUT
    memory: float = DEFAULT_MEMORY

    def __post_init__(self) -> None:
        for what, unit in (("timeout", "seconds"), ("memory", "GiB")):
            limit = getattr(self, what)
            if not 0 < limit < math.inf:
                raise ValueError(f"--{what} {limit:g}: expected {unit}, more than 0")
        if self.loss is None and (self.problem or self.framework):
            raise ValueError(
                "the reference is of this project's layout and of TensorFlow: --problem and "
                "--framework say what a LOSS is, so name one"
            )

    @property
    def is_multigrid(self) -> bool:
        """Whether it is the loss that the specification tells, for which all laws are."""
        return self.loss is None or self.options is not None

    @property
    def of_pytest(self) -> list[str]:
        """The plugin's options that ask for the same."""
        said = {
            "--claims": self.claims,
            "--loss": self.loss,
            "--loss-options": self.options,
            "--loss-problem": self.problem,
            "--loss-framework": self.framework,
            "--loss-timeout": f"{self.timeout:g}",
            "--loss-memory": f"{self.memory:g}",
        }
        flags = ["--loss-traceback"] if self.show_traceback else []
        if self.loss is None:
            flags.append("--law-reference")
        return [*(f"{name}={value}" for name, value in said.items() if value), *flags]


@cache
def loaded(asked: AskedLoss) -> Loaded:
    """The loss that is asked for, once for each request; a foreign one in a process of its own.

    Raises as `loading.load` does.
    """
    from mgloss.gate.losses.loading import load

    if asked.loss is None:
        return load(None, asked.claims, options=asked.options)
    from mgloss.gate.losses.worker.process import load_apart

    return load_apart(asked)
