"""Draw problems and batches with Hypothesis."""
