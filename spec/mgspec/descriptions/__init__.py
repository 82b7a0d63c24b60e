"""Problems that many detectors share, described once: pick one by its name.

    mgloss check my_loss.py --problem queries

Each module's docstring says what a loss is called with.
"""

from __future__ import annotations

from mgspec.description import Description
from mgspec.descriptions.anchors import ANCHORS
from mgspec.descriptions.grids import GRIDS
from mgspec.descriptions.queries import QUERIES

BUILT_IN: dict[str, Description] = {d.name: d for d in (QUERIES, ANCHORS, GRIDS)}
