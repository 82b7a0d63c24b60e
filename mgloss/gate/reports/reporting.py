"""What becomes of verdicts: gathered from a run, saved, shown, written as JSON, summed up."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from mgloss.gate.checks import verdicts
from mgloss.gate.checks.baseline import WHOLE, Change, Comparison
from mgloss.gate.checks.running import Listener, run
from mgloss.gate.losses import problems
from mgloss.gate.losses.form import Style
from mgloss.gate.reports import terminal
from mgloss.gate.reports.reproduction.python_text import file_part
from mgloss.gate.reports.reproduction.regression import test_text
from mgloss.gate.reports.reproduction.snippet import snippet_text, why_none
from mgspec import LAWS, NORMALIZATIONS, Description, Law, normalization
from mgspec.laws import BATCH_LAWS
from mgspec.page.case_text import count
from mgspec.saved.counterexample import Counterexample, from_document, load
from mgspec.saved.counterexample import save as save_counterexample
from mgspec.saved.files import write_text
from mgspec.search.verdicts import BROKEN, ERROR, HOLDS, SKIPPED

Document = dict[str, Any]

FORMAT = "mgloss-verdicts"
VERSION = 2  # of the format; verdicts.schema.json describes it
INTERRUPTED = 130  # exit status, as of a shell command that Ctrl-C ended
KEYS = ("law", "component", "status", "examples", "seconds", "message", "counterexample")


@dataclass(frozen=True)
class Request:
    """What was asked of `mgloss check`. loss: None for the reference.

    problem, framework: as of `loading.load`. recognized: the framework that the loss is of.
    """

    loss: str | None
    claims: str
    seed: int
    max_examples: int
    problem: str | None = None
    framework: str | None = None
    recognized: str | None = None

    @property
    def name(self) -> str:
        """The loss as reports name it."""
        return self.loss or verdicts.REFERENCE

    def replay(self, path: str) -> str:
        """The command that runs a saved counterexample again."""
        loss = ["--loss", self.loss] if self.loss else []
        return shlex.join(["mgloss", "replay", path, *loss, *self.what_it_is])

    @property
    def what_it_is(self) -> list[str]:
        """The arguments of a command that say what the loss is."""
        return [
            *(["--problem", self.problem] if self.problem else []),
            *(["--framework", self.framework] if self.framework else []),
        ]

    @property
    def description(self) -> Description | None:
        """Of the problem that the loss is of; None for this project's layout."""
        return problems.find_description(self.problem)


@dataclass(frozen=True)
class BrokenLaw:
    """A law that is broken or came to no verdict, as reports tell it.

    verdicts: those that say so. saved: the files of their counterexamples; the first is told.
    replay: the command that runs it again. repeats: no verdict, for a reason already told.
    """

    law: Law
    verdicts: tuple[Document, ...]
    saved: tuple[str, ...]
    counterexample: Counterexample | None
    replay: str | None
    repeats: bool


def broken_laws(request: Request, found: Sequence[Document]) -> Iterator[BrokenLaw]:
    """The laws that did not hold.

    Where the loss gives no finite number, the first law that says so is told in full; the others
    fail for the same reason.
    """
    without_number = False
    for law in dict.fromkeys(v["law"] for v in found):
        failed = tuple(v for v in found if v["law"] == law and v["status"] in (BROKEN, ERROR))
        if not failed:
            continue
        only_errors = all(v["status"] == ERROR for v in failed)
        saved = tuple(v["counterexample"] for v in failed if v["counterexample"] is not None)
        yield BrokenLaw(
            LAWS[law],
            failed,
            saved,
            load(Path(saved[0]), request.description) if saved else None,
            request.replay(saved[0]) if saved else None,
            repeats=only_errors and without_number,
        )
        without_number |= only_errors or law == "finite"


def show_request(console: Console, request: Request, notes: Sequence[str]) -> None:
    """The head of the report."""
    console.print(
        f"[bold]{escape(request.name)}[/bold] against the laws of [bold]{request.claims}[/bold]"
        f"{escape(f', its images {request.problem}') if request.problem else ''}"
        f"  ({request.max_examples} examples a law, seed {request.seed})"
    )
    for note in notes:
        console.print(f"note: {note}", markup=False)
    console.print()


def show_notes(console: Console, notes: Sequence[str]) -> None:
    """What the run has to say beside verdicts: each note once, sorted."""
    if notes:
        console.print()
    for note in sorted(set(notes)):
        console.print(note, markup=False, soft_wrap=True)


def gather(
    console: Console,
    laws: int,
    options: list[str],
    workers: str,
    said: Callable[[str], None] = lambda note: None,
) -> tuple[list[Document], bool]:
    """The verdicts, and whether the run came to its end; shows progress meanwhile.

    said: called with each note that the run has for the user.
    """
    found: list[Document] = []
    tried = 0
    with terminal.progress(console) as bar:
        task = bar.add_task("searching", total=laws, detail="laws")

        def on_example() -> None:
            nonlocal tried
            tried += 1
            bar.update(task, detail=f"laws, {tried:,} examples")

        def on_law(claims: str, law: str, of_law: list[Document]) -> None:
            found.extend(verdict | {"claims": claims} for verdict in of_law)
            bar.update(task, advance=1, description=law)

        completed = run(options, workers, Listener(on_law, on_example, said))
    return found, completed


def not_run(request: Request, chosen: Sequence[str]) -> list[Document]:
    """Verdicts for the laws that were not run, saying why."""
    rule = normalization(request.claims)
    return [
        verdicts.bare(
            name,
            SKIPPED,
            "speak of this layout's own loss; ask for them with --law NAME, or for all of them by "
            "saying what the loss is with --options"
            if rule.obeys(name)
            else f"not claimed: {request.claims} does not obey it",
        )
        for name in LAWS
        if name not in chosen
    ]


def lost(found: Sequence[Document], chosen: Sequence[str]) -> list[Document]:
    """Verdicts for the laws that were run and gave none: no law may vanish from a report."""
    told = {verdict["law"] for verdict in found}
    message = "the check ended without a verdict"
    return [verdicts.bare(law, ERROR, message) for law in chosen if law not in told]


def save(
    request: Request, found: Sequence[Document], report: Path, style: Style | None = None
) -> None:
    """Write the counterexamples to files; each verdict then holds its file's path.

    Beside each goes a regression test, `test`, and where it can be a `snippet` that runs without
    mgloss.

    style: how the loss is called; None for the reference. Raises OSError where that cannot be done.
    """
    for verdict in found:
        if verdict["counterexample"] is not None:
            name = f"{verdict['law']}-{file_part(verdict['component'])}"
            counterexample = from_document(verdict["counterexample"], request.description)
            path = report / f"{name}.json"
            save_counterexample(counterexample, path)
            verdict["counterexample"] = str(path)
            test, snippet = (
                report / f"{kind}_{name.replace('-', '_')}.py" for kind in ("test", "show")
            )
            no_snippet = why_none(counterexample, style)
            write_text(test, test_text(counterexample, path.name, no_snippet, request.problem))
            verdict["test"] = str(test)
            if style is not None and no_snippet is None:
                write_text(snippet, snippet_text(counterexample, style))
                verdict["snippet"] = str(snippet)
            else:
                snippet.unlink(missing_ok=True)  # it would show an older counterexample


def show_verdicts(
    console: Console,
    request: Request,
    found: Sequence[Document],
    components: Sequence[str],
    shown: Callable[[Document], bool] | None = None,
) -> None:
    """The table, then each law that is broken; of these only what `shown` picks, if given."""
    console.print(terminal.verdict_table(found, components))
    told = [v for v in found if shown is None or shown(v)]
    for broken in broken_laws(request, told):
        if broken.repeats:
            terminal.show_same(console, broken.law.name)
            continue
        terminal.show_broken(
            console,
            broken.law.name,
            broken.verdicts,
            broken.counterexample,
            broken.saved,
            broken.replay,
            [
                f"{program}  {shlex.quote(v[key])}"
                for v in broken.verdicts[:1]
                for program, key in (("pytest", "test"), ("python", "snippet"))
                if key in v
            ],
        )


def write_json(path: Path, request: Request, found: Sequence[Document]) -> None:
    """Write the verdicts as verdicts.schema.json says. Raises OSError where it cannot be done."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "loss": request.name,
        "claims": request.claims,
        "problem": request.problem,
        "seed": request.seed,
        "max_examples": request.max_examples,
        "verdicts": [{key: verdict[key] for key in KEYS} for verdict in found],
        "versions": verdicts.versions(request.recognized),
    }
    write_text(path, json.dumps(document, indent=1) + "\n")


def show_matrix(
    console: Console, found: Sequence[Document], max_examples: int, completed: bool
) -> int:
    """The truth table that was found, and the exit status."""
    statuses = {(v["claims"], v["law"], v["component"]): v["status"] for v in found}
    marks = {frozenset({HOLDS}): "✓", frozenset({BROKEN}): "✗"}
    wrong = []

    def rows(components: tuple[str, ...]) -> list[tuple[str, list[str]]]:
        table = []
        for law in (name for name in BATCH_LAWS if components[0] in LAWS[name].speaks_of):
            cells = []
            for name, rule in NORMALIZATIONS.items():
                seen = frozenset(statuses.get((name, law, c), "missing") for c in components)
                claimed = rule.obeys(law, components[0])
                right = seen == frozenset({HOLDS if claimed else BROKEN})
                cells.append(marks.get(seen, "?") + ("" if right else " !"))
                if not right:
                    wrong.append(f"{law} under {name}")
            table.append((law, cells))
        return table

    of_objects, of_anchor = rows(("location", "classification")), rows(("anchor",))
    console.print(terminal.matrix_table("location and classification", of_objects))
    console.print()
    console.print(terminal.matrix_table("anchor, whose count is constant", of_anchor))
    console.print()
    console.print(
        f"✓ no counterexample in {max_examples} examples; ✗ a counterexample found; "
        "? some components obey, others not",
        highlight=False,
    )
    if not completed:
        console.print("interrupted")
        return INTERRUPTED
    if wrong:
        console.print(f"[bold red]not as claimed (!):[/bold red] {', '.join(wrong)}")
        return 1
    console.print("every entry is as the normalizations claim")
    return 0


def conclude(
    console: Console, found: Sequence[Document], others: Sequence[Document], completed: bool
) -> int:
    """The last lines, and the exit status.

    others: verdicts of the laws that were not run.
    """

    console.print()
    skipped = [v for v in (*found, *others) if v["status"] == SKIPPED]
    for message in dict.fromkeys(v["message"] for v in skipped):
        names = ", ".join(v["law"] for v in skipped if v["message"] == message)
        console.print(f"skipped {names}: {message}", style="dim")
    laws = verdicts.laws_by_status(found)
    broken, failed, held = laws[BROKEN], laws[ERROR], laws[HOLDS]
    parts = []
    if broken:
        parts.append(
            f"[bold red]{count(len(broken), 'law')} broken[/bold red] ({', '.join(broken)})"
        )
    if failed:
        parts.append(f"[bold red]{len(failed)} came to no verdict[/bold red] ({', '.join(failed)})")
    if held or not parts:
        verb = "holds" if len(held) == 1 else "hold"
        parts.append(f"[bold green]{count(len(held), 'law')} {verb}[/bold green]")
    if laws[SKIPPED]:
        parts.append(f"{len(laws[SKIPPED])} not judged ({', '.join(laws[SKIPPED])})")
    console.print(", ".join(parts))
    if not completed:
        console.print("interrupted: the laws that are not listed were not judged")
        return INTERRUPTED
    if broken or failed:
        return 1
    if not held:
        console.print("nothing could be judged of this loss")
        return 2
    return 0


def conclude_since(
    console: Console, baseline: Path, compared: Comparison, update: str, status: int
) -> int:
    """What has changed since a baseline, and the exit status: 1 only for a change for the worse.

    update: the command that records the baseline anew. status: without a baseline.
    """
    console.print()
    console.print(Text(f"since {baseline}:"), soft_wrap=True)
    for word, style, changes in (
        ("worse", "bold red", compared.worse),
        ("better", "bold green", compared.better),
        ("known", "dim", [change for change in compared.known if change.before != change.now]),
    ):
        for change in changes:
            line = Text(f"  {word:<8}", style) + Text(_change(change))
            console.print(line, soft_wrap=True)
    same = dict.fromkeys(c.law for c in compared.known if c.before == c.now)
    if same:
        console.print(Text(f"  known   {', '.join(same)}: as before", "dim"), soft_wrap=True)
    if not compared.worse:
        console.print("  nothing is worse")
    if compared.better:
        console.print(Text("  record  ") + Text(update, "cyan"), soft_wrap=True)
    if compared.worse:
        return 1
    return 0 if status == 1 else status


def _change(change: Change) -> str:
    of = "" if change.component == WHOLE else f" of {change.component}"
    before = {
        HOLDS: "held",
        BROKEN: "was broken",
        ERROR: "came to no verdict",
        SKIPPED: "was not judged",
        None: "is not in the baseline",
    }[change.before]
    now = {
        HOLDS: "holds",
        BROKEN: "is broken",
        ERROR: "comes to no verdict",
        SKIPPED: "is not judged",
        None: "is not judged: the loss does not return it",
    }[change.now]
    return f"{change.law}{of} {before}, and now {now}"
