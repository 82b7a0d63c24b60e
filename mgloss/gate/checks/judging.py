"""Judge a loss: from a request to an outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mgloss.gate.checks.domains import doubted
from mgloss.gate.checks.outcome import Outcome
from mgloss.gate.checks.plugin import open_database
from mgloss.gate.checks.replayed import Replayed, count_judged, tell_replayed
from mgloss.gate.checks.request import CheckRequest
from mgloss.gate.checks.results import Result, without_search
from mgloss.gate.checks.running import Listener, run_laws
from mgloss.gate.checks.stored import find_stored
from mgloss.gate.losses import problems
from mgloss.gate.losses.form import Style
from mgloss.gate.losses.loading import need_reference
from mgloss.gate.losses.opening import open_loss
from mgloss.gate.losses.worker.process import end_all
from mgspec import Options
from mgspec.loss.candidate import components_of
from mgspec.search.verdicts import ERROR

# Examples of all laws together; fewer take less time than starting processes does.
WORTH_PROCESSES = 500


@dataclass(frozen=True)
class Preparation:
    """A request whose loss is loaded, so that the laws can be run.

    components: those that the loss returns. style: how it is called; None for the reference.
    notes: on how it is judged.
    workers: processes to spread the laws over, as of `run_laws`.
    passed_over: stored files that no law is judged on.
    """

    request: CheckRequest
    components: tuple[str, ...]
    style: Style | None
    notes: tuple[str, ...]
    workers: str
    passed_over: tuple[Replayed, ...] = ()


def prepare(request: CheckRequest, workers: str | None = None) -> Preparation:
    """Load the loss of a request, and look for stored counterexamples and the database.

    workers: as of `run_laws`; None to choose by how much there is to do.

    Raises LoadError where the loss cannot be loaded, ValueError where the request is wrong.
    """
    laws = request.laws
    if workers is None:
        is_long = len(laws) * request.max_examples >= WORTH_PROCESSES and len(laws) > 1
        workers = "auto" if is_long else "0"
    try:
        open_database(request.database)
    except ValueError as error:
        raise ValueError(f"--database {error}") from None
    notes: list[str] = []
    if request.loss.detector_file is not None:
        notes.append(f"its batches are of the detector in {request.loss.detector_file} only")
    style = None
    if request.loss.loss is None:  # without TensorFlow, which the processes import themselves
        need_reference()
        options = request.loss.options
        components = components_of(options if isinstance(options, Options) else None)
    else:
        loaded = open_loss(request.loss)
        components, style = loaded.candidate.components, loaded.style
        notes += loaded.notes
        if workers != "0":  # each process has one of its own
            end_all()
    description = problems.find_description(request.loss.problem)
    passed_over = tuple(find_stored(request, description)[1])
    return Preparation(request, components, style, tuple(notes), workers, passed_over)


def judge_loss(preparation: Preparation, listener: Listener) -> Outcome:
    """Run the laws of a prepared request; call the listener meanwhile."""
    request = preparation.request
    results: list[Result] = []
    remarks: list[str] = []
    replayed = list(preparation.passed_over)

    def on_law(of_law: list[Result]) -> None:
        results.extend(of_law)
        listener.on_law(of_law)

    def on_note(note: str) -> None:
        remarks.append(note)
        listener.on_note(note)

    listening = Listener(on_law, listener.on_example, on_note, replayed.extend)
    run = run_laws([request], preparation.workers, listening)
    if run.is_complete:  # no law may vanish from a report
        judged = {result.law for result in results}
        message = "the check ended without a verdict"
        results += [
            without_search(request.claims, law, ERROR, message)
            for law in request.laws
            if law not in judged
        ]
        verdicts = doubted([result.verdict for result in results])
        results = [replace(r, verdict=v) for r, v in zip(results, verdicts, strict=True)]
    results.sort(key=lambda result: request.laws.index(result.law))
    return Outcome(
        request,
        preparation.components,
        preparation.style,
        preparation.notes,
        (*remarks, *tell_replayed(replayed)),
        tuple(results),
        run.is_complete,
        run.junit,
        count_judged(replayed),
    )
