"""Built-in descriptions of problems that many detectors share. Choose one by its name.

    mgloss check my_loss.py --problem queries

The docstring of each module states the arguments of a loss.
"""

from __future__ import annotations

from mgspec.problem.description import Description
from mgspec.problem.descriptions.anchors import ANCHORS
from mgspec.problem.descriptions.grids import GRIDS
from mgspec.problem.descriptions.proposals import PROPOSALS
from mgspec.problem.descriptions.queries import QUERIES

BUILT_IN: dict[str, Description] = {d.name: d for d in (ANCHORS, GRIDS, PROPOSALS, QUERIES)}
