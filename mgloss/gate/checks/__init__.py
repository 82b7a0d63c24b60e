"""Run the laws on a loss."""
