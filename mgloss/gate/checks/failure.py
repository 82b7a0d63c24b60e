"""What a test that found a law broken says: the law, what came instead, and the batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mgspec import LAWS, Verdict
from mgspec.page.case_text import draw_case


def failure_text(verdicts: Sequence[Verdict]) -> str:
    """Return the law of these verdicts, the message of each that failed, the first batch drawn."""
    return "\n".join(_lines(verdicts))


def _lines(verdicts: Sequence[Verdict]) -> Iterator[str]:
    law = LAWS[verdicts[0].law]
    yield f"{law.name}: {law.statement}"
    yield f"  {law.sections['Formula']}"
    for verdict in verdicts:
        if verdict.message:
            yield f"  {verdict.message}"
    shown = next((v for v in verdicts if v.finding is not None), None)
    if shown is not None and shown.finding is not None:
        yield f"  the {shown.component or 'first'} counterexample:"
        for line in draw_case(shown.finding.case):
            yield f"    {line}"
