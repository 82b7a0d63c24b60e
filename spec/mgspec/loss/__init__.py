"""What answers: the float64 loss of the specification, its boxes and targets, and candidates."""
