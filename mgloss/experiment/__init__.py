"""The experiment: show how a normalization changes training and validation curves.

A small detector learns to find handwritten digits in scenes; see `training` and `mgloss curves`.
"""
