"""What reports call the status of a law."""

from __future__ import annotations

from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED

MARKS = {HOLDS: "✓ holds", BROKEN: "✗ broken", ERROR: "✗ no verdict", SKIPPED: "skipped"}
NOT_SPOKEN_OF = "·"  # a component that the law says nothing of
