"""A regression test for pytest, written beside a counterexample."""

from __future__ import annotations

from mgloss.gate.checks.outcome import Outcome
from mgloss.gate.reports.reproduction.python_text import comment, docstring, file_part, quoted
from mgspec import LAWS, Options
from mgspec.saved.counterexample import Counterexample


def test_text(
    counterexample: Counterexample, file: str, outcome: Outcome, no_snippet: str | None
) -> str:
    """Return the test as Python; it judges the loss as it was judged here.

    file: the counterexample's name; the test reads it from its own folder.
    no_snippet: why there is no snippet of it, or None.
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
        "from mgloss.testing import still_broken",
        "",
        *comment("As for `mgloss check`: a path starts at the folder that pytest runs in."),
        f"LOSS = {quoted(counterexample.loss) if counterexample.loss else None}",
        f"COUNTEREXAMPLE = Path(__file__).with_name({quoted(file)})",
        "",
    ]
    lines += comment(f"What came when it was found: {counterexample.message}")
    if no_snippet is not None:
        lines += comment(f"There is no snippet without mgloss of it: {no_snippet}.")
    lines += ["", "", f"def {name}():", *docstring(law.statement, indent="    ")]
    keywords = [f"{key}={value}" for key, value in _keywords(outcome).items()]
    call = f"still_broken({', '.join(['COUNTEREXAMPLE', 'LOSS', *keywords])})"
    if keywords:
        listed = "".join(f"        {item},\n" for item in ("COUNTEREXAMPLE", "LOSS", *keywords))
        call = f"still_broken(\n{listed}    )"
    return "\n".join([*lines, f"    broken = {call}", "    assert broken is None, broken"]) + "\n"


def _keywords(outcome: Outcome) -> dict[str, str]:
    """Return what was said of the loss, as the source of keyword arguments."""
    loss, style = outcome.request.loss, outcome.style
    keywords = {}
    if isinstance(loss.problem, str):
        keywords["problem"] = quoted(loss.problem)
    if loss.framework is not None:
        keywords["framework"] = quoted(loss.framework)
    if loss.autocast is not None:
        keywords["autocast"] = quoted(loss.autocast)
    if isinstance(loss.options, Options):
        plain = Options().to_dict()
        changed = {k: v for k, v in loss.options.to_dict().items() if v != plain[k]}
        keywords["options"] = repr(changed)
    elif loss.options is not None:
        keywords["options"] = quoted(loss.options)
    for option, names in loss.roles.named():
        if option == "component":
            keywords[option] = quoted(names[0])
        elif names:
            keywords[option] = f"[{', '.join(map(quoted, names))}]"
    if style is not None and style.predictions_first:
        keywords["predictions_first"] = "True"
    return keywords
