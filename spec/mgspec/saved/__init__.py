"""Keep counterexamples and witnesses as JSON files."""
