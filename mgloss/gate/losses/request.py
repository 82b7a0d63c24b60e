"""What a person says of a loss: which one it is, what it claims, and what it may use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from mgloss.gate.losses.defaults import DEFAULT_CLAIMS, DEFAULT_MEMORY, DEFAULT_TIMEOUT
from mgloss.gate.losses.detectors import from_document
from mgloss.gate.losses.options import ALL, ChosenOptions
from mgspec import COMPONENTS, Description, Options, normalization
from mgspec.loss.candidate import AUTOCAST
from mgspec.loss.roles import NO_ROLES, Roles
from mgspec.problem.detector import FixedDetector
from mgspec.problem.normalizations import unknown


@dataclass(frozen=True)
class LossRequest:
    """A loss to judge, and what a person says of it.

    loss: `package.module:name` or `path/to/file.py:name`; in a test, the loss itself; None for the
        reference.
    claims: the normalization whose laws the loss says that it obeys.
    options: those of the MultiGrid loss, or ALL for a factory that follows each problem's options.
        None means ALL for the reference, and the three plain terms for another loss.
    problem: what the loss's images are, where they are not of this project's layout: the name of a
        built-in description, `path/to/file.py:name`, or a description.
    framework: what the loss is written in; None to recognize it.
    predictions_first: whether the loss takes (y_pred, y_true); None to go by its arguments' names.
    autocast: a dtype in which PyTorch's autocast runs it too, for the law `modes`; None for none.
    detector: whose batches alone the loss is judged on; None for those of many detectors.
    show_traceback: add Python's traceback to the message when the loss raises.
    timeout: seconds allowed for one batch. memory: GiB allowed for the loss's process.
    roles: what is said of the loss's components.
    options_file, detector_file: the files that `options` and `detector` were read from, for
        commands that repeat this request.

    Raises ValueError where the request contradicts itself or names what does not exist.
    """

    loss: str | Callable[..., Any] | None
    claims: str = DEFAULT_CLAIMS
    options: ChosenOptions = None
    problem: str | Description | None = None
    framework: str | None = None
    predictions_first: bool | None = None
    autocast: str | None = None
    show_traceback: bool = False
    timeout: float = DEFAULT_TIMEOUT
    memory: float = DEFAULT_MEMORY
    roles: Roles = NO_ROLES
    options_file: str | None = field(default=None, compare=False)
    detector: FixedDetector | None = None
    detector_file: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        normalization(self.claims)
        for limit, unit in (("timeout", "seconds"), ("memory", "GiB")):
            value = getattr(self, limit)
            if not 0 < value < math.inf:
                raise ValueError(f"--{limit} {value:g}: expected {unit}, more than 0")
        if self.loss is None and (self.problem or self.framework or self.autocast):
            raise ValueError(
                "the reference is of this project's layout and of TensorFlow: --problem, "
                "--framework and --autocast say what a LOSS is, so name one"
            )
        if self.autocast is not None and self.autocast not in AUTOCAST.values():
            raise ValueError(
                f"--autocast: {unknown('dtype', self.autocast, tuple(AUTOCAST.values()))}"
            )
        if self.problem is not None and self.options is not None:
            raise ValueError(
                "--options tell of this project's layout, --problem of another: give one"
            )

        if self.loss is None and self.roles != NO_ROLES:
            option, names = next((o, names) for o, names in self.roles.named() if names)
            raise ValueError(
                f"--{option} {names[0]}: the roles of the reference's components are known; "
                "name a LOSS"
            )
        component = self.roles.component
        if component is not None and self.problem is None and component not in COMPONENTS:
            raise ValueError(f"--component: {unknown('component', component, COMPONENTS)}")
        if self.problem is not None and self.detector is not None:
            raise ValueError(
                "--detector tells of this project's layout, --problem of another: give one"
            )
        if (
            self.detector is not None
            and self.detector.num_classes
            and isinstance(self.options, Options)
        ):
            self.detector.problem(self.detector.num_classes, self.options)  # raises ValueError

    @property
    def name(self) -> str | None:
        """LOSS as it was named; None for the reference, and for a loss that has no such name."""
        return self.loss if isinstance(self.loss, str) else None

    @property
    def is_multigrid(self) -> bool:
        """Whether it is the loss of the specification, of which all laws speak."""
        return self.loss is None or self.options is not None

    def to_document(self) -> dict[str, Any]:
        """Return the request as JSON-ready data, for another process.

        Raises TypeError where it holds a loss or a description itself, which cannot travel.
        """
        document = {f.name: getattr(self, f.name) for f in fields(self)}
        if callable(self.loss) or isinstance(self.problem, Description):
            raise TypeError("a loss or a description at hand cannot go to another process")
        document["roles"] = asdict(self.roles)
        if isinstance(self.options, Options):
            document["options"] = self.options.to_dict()
        if self.detector is not None:
            document["detector"] = asdict(self.detector)
        return document

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> LossRequest:
        """Return the request of what `to_document` gave."""
        options = document["options"]
        if options not in (None, ALL):
            options = Options.from_dict(options)
        said: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in document["roles"].items()
        }
        made = {
            "options": options,
            "roles": Roles(**said),
            "detector": from_document(document["detector"]),
        }
        return LossRequest(**{**document, **made})
