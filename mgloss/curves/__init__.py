"""The experiment: what each normalization does to training and validation curves.

A small detector learns to find handwritten digits in scenes; see `training` and `mgloss curves`.
"""

from mgloss.curves.training import Run, Setting, train

__all__ = ["Run", "Setting", "train"]
