"""The experiment: what each normalization does to training and validation curves.

A small detector learns to find handwritten digits in scenes; see `training` and `mgloss curves`.
"""
