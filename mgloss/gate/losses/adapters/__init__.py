"""Evaluate losses of any framework: one adapter for each, and what all of them share."""
