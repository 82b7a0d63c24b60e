"""Search for the smallest batch that breaks a law."""
