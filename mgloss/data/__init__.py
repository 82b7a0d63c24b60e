"""Data sets: annotations, the detector, its targets, and counts of objects."""
