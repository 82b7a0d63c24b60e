"""The executable specification of loss normalization in object detectors.

    from mgspec import LAWS, search, specification
    search(LAWS["partition"], specification("positives"), seed=0)

It knows no implementation and no framework: NumPy and Hypothesis are all it needs.
"""

from mgspec.laws import LAWS, Case, Finding, Law, law_named
from mgspec.loss.candidate import (
    COMPONENTS,
    EXPECTED_CELLS,
    Candidate,
    Evaluation,
    LossError,
    specification,
)
from mgspec.problem.description import Described, Description, Images
from mgspec.problem.layout import Batch, Problem
from mgspec.problem.normalizations import NORMALIZATIONS, normalization
from mgspec.problem.options import Options
from mgspec.search.search import judge, search
from mgspec.search.verdicts import Verdict

__all__ = [
    "COMPONENTS",
    "EXPECTED_CELLS",
    "LAWS",
    "NORMALIZATIONS",
    "Batch",
    "Candidate",
    "Case",
    "Described",
    "Description",
    "Evaluation",
    "Finding",
    "Images",
    "Law",
    "LossError",
    "Options",
    "Problem",
    "Verdict",
    "judge",
    "law_named",
    "normalization",
    "search",
    "specification",
]
