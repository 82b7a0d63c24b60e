"""Problems that many detectors share, described once: pick one by its name.

    mgloss check my_loss.py --problem queries

Each module's docstring says what a loss is called with.
"""

from __future__ import annotations

from mgspec.problem.description import Description
from mgspec.problem.descriptions.anchors import ANCHORS
from mgspec.problem.descriptions.grids import GRIDS
from mgspec.problem.descriptions.queries import QUERIES

BUILT_IN: dict[str, Description] = {d.name: d for d in (QUERIES, ANCHORS, GRIDS)}
