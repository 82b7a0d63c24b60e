"""From the LOSS that a person names to a candidate that the laws can judge."""
