"""A regression test for pytest, written beside a counterexample."""

from __future__ import annotations

from mgloss.gate.reports.reproduction.python_text import comment, docstring, file_part, quoted
from mgspec import LAWS
from mgspec.saved.counterexample import Counterexample


def test_text(
    counterexample: Counterexample,
    file: str,
    no_snippet: str | None,
    problem: str | None,
) -> str:
    """The test as Python; it reads `file` beside it and judges the loss that was judged.

    no_snippet: why there is no snippet of it, or None. problem: as of `mgloss check --problem`.
    """
    law = LAWS[counterexample.law]
    name = f"test_{counterexample.law}_{file_part(counterexample.component)}"
    lines = docstring(
        f"A batch on which a loss broke the law '{law.name}' of loss normalization.",
        f"A regression test for pytest: copy it, with {file}, among your tests. It needs mgloss, "
        "fails while the loss breaks the law on this batch, and passes once it does not.",
    )
    lines += [
        "",
        "from pathlib import Path",
        "",
        "from mgloss.gate.stored import still_broken",
        "",
        *comment("As for `mgloss check`: a path starts at the folder that pytest runs in."),
        f"LOSS = {quoted(counterexample.loss) if counterexample.loss else None}",
        *([f"PROBLEM = {quoted(problem)}"] if problem else []),
        f"COUNTEREXAMPLE = Path(__file__).with_name({quoted(file)})",
        "",
    ]
    lines += comment(f"What came when it was found: {counterexample.message}")
    if no_snippet is not None:
        lines += comment(f"There is no snippet without mgloss of it: {no_snippet}.")
    lines += [
        "",
        "",
        f"def {name}():",
        *docstring(law.statement, indent="    "),
        f"    broken = still_broken(COUNTEREXAMPLE, LOSS{', PROBLEM' if problem else ''})",
        "    assert broken is None, broken",
    ]
    return "\n".join(lines) + "\n"
