"""What a test that found a law broken says: the law, what came instead, and the batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mgspec import LAWS, Verdict
from mgspec.page.case_text import draw_case


def failure_text(results: Sequence[Verdict]) -> str:
    """The law of these verdicts, the message of each that failed, the first batch drawn."""
    return "\n".join(_lines(results))


def _lines(results: Sequence[Verdict]) -> Iterator[str]:
    law = LAWS[results[0].law]
    yield f"{law.name}: {law.statement}"
    yield f"  {law.sections['Formula']}"
    for verdict in results:
        if verdict.message:
            yield f"  {verdict.message}"
    finding = next((v for v in results if v.finding is not None), None)
    if finding is not None and finding.finding is not None:
        yield f"  the {finding.component or 'first'} counterexample:"
        for line in draw_case(finding.finding.case):
            yield f"    {line}"
