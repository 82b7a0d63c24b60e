"""Save the counterexamples of a check, each with what shows it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mgloss.gate.checks.outcome import Outcome
from mgloss.gate.checks.own_folder import own_folder
from mgloss.gate.checks.results import SavedFiles
from mgloss.gate.reports.reproduction.python_text import file_part
from mgloss.gate.reports.reproduction.regression import test_text
from mgloss.gate.reports.reproduction.snippet import snippet_text, why_none
from mgspec.saved.counterexample import Counterexample, save
from mgspec.saved.files import write_text


def save_counterexamples(outcome: Outcome, report: Path) -> Outcome:
    """Write the counterexamples into the loss's own folder of a report.

    Return the outcome with the files of each. Beside each goes a regression test, and where it can
    be a snippet that runs without mgloss.

    Raises OSError where a file cannot be written.
    """
    folder = own_folder(outcome.request.loss, report)
    results = tuple(
        result
        if result.counterexample is None
        else replace(result, files=_save(outcome, result.counterexample, folder))
        for result in outcome.results
    )
    return replace(outcome, results=results)


def _save(outcome: Outcome, counterexample: Counterexample, folder: Path) -> SavedFiles:
    name = f"{counterexample.law}-{file_part(counterexample.component)}"
    path = folder / f"{name}.json"
    save(counterexample, path)
    # pytest refuses two tests of one name, in two folders too: theirs hold the folder's.
    words = file_part(f"{folder.name}-{name}")
    test, snippet = (folder / f"{kind}_{words}.py" for kind in ("test", "show"))
    style = outcome.style
    reason = why_none(counterexample, style)
    write_text(test, test_text(counterexample, path.name, outcome, reason))
    if style is None or reason is not None:
        snippet.unlink(missing_ok=True)  # it would show an older counterexample
        return SavedFiles(path, test, None)
    write_text(snippet, snippet_text(counterexample, style))
    return SavedFiles(path, test, snippet)
