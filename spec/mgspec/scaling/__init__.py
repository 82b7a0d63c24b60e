"""Measure how a loss scales with the batch, the objects and the grid."""
