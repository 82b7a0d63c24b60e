"""Turn the LOSS that a person names into a candidate that the laws can judge."""
