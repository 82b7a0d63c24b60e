"""The gate's side: starts the worker, asks it, and tells what became of it."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mgloss.gate.losses.form import Style
from mgloss.gate.losses.importing import LoadError
from mgloss.gate.losses.loading import Loaded
from mgloss.gate.losses.problems import find_description
from mgloss.gate.losses.request import LossRequest
from mgloss.gate.losses.worker import frames, messages
from mgloss.gate.losses.worker.messages import Message, MessageError
from mgspec import Candidate, Evaluation, LossError, Options
from mgspec.loss.candidate import FatalLossError
from mgspec.problem.layout import AnyBatch, AnyProblem

IMPORTING = 120.0  # seconds for a loss, or a framework
TRYING = 6  # times the limit of an evaluation, to see what a loss is: it is called up to 4 times
ENDING = 5.0  # seconds to see how a process ended
MOST_RUNNING = 2  # processes at a time; others are started anew when they are asked

# The worker imports as the gate does, wherever it runs: a `json.py` of the user's is not json.
CODE = (
    "import sys; sys.path[:] = sys.argv[5:]; "
    "from mgloss.gate.losses.worker.serving import main; "
    "main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))"
)


# Told the file that the loss's module comes from; LoadError where that is a wrong one.
Refuse = Callable[[str | None], None]


class ForeignTracebackError(Exception):
    """The traceback of what was raised in the worker, as text."""


@dataclass
class _Running:
    """A process and the gate's ends of its pipes."""

    process: subprocess.Popen[bytes]
    questions: int
    answers: int
    asked: int = 0  # questions

    @staticmethod
    def started(folder: Path, memory: float) -> _Running:
        theirs_in, questions = os.pipe()
        answers, theirs_out = os.pipe()
        try:
            numbers = (theirs_in, theirs_out, memory, os.getpid())
            process = subprocess.Popen(
                [sys.executable, "-c", CODE, *map(str, numbers), *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs_in, theirs_out),
                start_new_session=True,  # Ctrl-C is for the gate, which ends what it has started
                cwd=folder,
            )
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        for descriptor in (questions, answers):
            os.set_blocking(descriptor, False)
        return _Running(process, questions, answers)

    def ask(self, message: Message, seconds: float) -> Message:
        """Raises TimeoutError, and what `frames` and `messages` raise."""
        self.asked += 1
        deadline = time.monotonic() + seconds
        numbered = Message({**message.data, "number": self.asked}, message.arrays)
        frames.write(self.questions, messages.encode(numbered), deadline)
        reply = messages.decode(frames.read(self.answers, deadline))
        if reply.data.get("number") != self.asked:
            raise MessageError("to another question")
        return reply

    def how_it_ended(self) -> str | None:
        """In words, without "the loss"; None for a process that has closed its pipe and lives."""
        try:
            status = self.process.wait(ENDING)
        except subprocess.TimeoutExpired:
            return None
        if status >= 0:
            return f"ended its process with status {status}"
        return f"was ended by {signal.Signals(-status).name}"

    def end(self) -> None:
        """End the process and all that it has started in its session."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for descriptor in (self.questions, self.answers):
            os.close(descriptor)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(ENDING)


class Worker:
    """A loss in a process of its own, which is started when it is asked and after it has ended."""

    def __init__(
        self, request: LossRequest, folder: Path, imports: Sequence[str], refuse: Refuse
    ) -> None:
        self.request = request
        self.folder = folder
        self.imports = list(imports)
        self.refuse = refuse
        self._answers = True  # as far as is known, on ordinary batches
        self._running: _Running | None = None

    def load(self) -> Message:
        """What the loss was found to be. Raises LoadError, ValueError."""
        try:
            return self._loaded(tried=self._answers)
        except FatalLossError as error:
            # Which batch it was, the laws will tell: they ask for no more than an answer.
            self._answers = False
            found = self._loaded(tried=False)
            notes = [*found.data["notes"], f"on an ordinary batch, {error}"]
            return Message({**found.data, "notes": notes})

    def _loaded(self, *, tried: bool) -> Message:
        if len(_WORKERS) >= MOST_RUNNING:
            _WORKERS[0].end()
        self._running = _Running.started(self.folder, self.request.memory)
        _WORKERS.append(self)
        importing = Message({"ask": "import", "loss": self.request.loss, "path": self.imports})
        try:
            imported = self._accepted(importing, max(IMPORTING, self.request.timeout))
        except FatalLossError as error:
            raise LoadError(f"{self.request.loss}: cannot be imported: {error}") from None
        origin = imported.data["origin"]
        try:
            self.refuse(str(origin) if origin is not None else None)
        except LoadError:
            self.end()
            raise
        document = self.request.to_document()
        loading = Message({"ask": "load", "request": document, "tried": tried})
        return self._accepted(loading, TRYING * self.request.timeout if tried else IMPORTING)

    def _accepted(self, question: Message, seconds: float) -> Message:
        reply = self._asked(question, seconds)
        if "refused" in reply.data:
            self.end()
            text = str(reply.data["refused"])
            cause = reply.data.get("cause")
            if not reply.data.get("is_load_error"):
                raise ValueError(text)
            raise LoadError(text) from (ForeignTracebackError(cause) if cause else None)
        return reply

    def evaluate(self, problem: AnyProblem, batch: AnyBatch, gradients: bool) -> Evaluation:
        """A candidate's `run`."""
        if self._running is None:
            try:
                self.load()
            except (LoadError, ValueError) as error:
                raise FatalLossError(f"started anew, {error}") from None
        try:
            question = messages.make_question(problem, batch, gradients)
        except TypeError as error:
            raise LossError(
                f"what the images share must be numbers, text, or tuples of them: {error}"
            ) from None
        reply = self._asked(question, self.request.timeout)
        if "failed" in reply.data:
            raise LossError(str(reply.data["failed"]))
        try:
            return messages.read_answer(reply, batch.predictions)
        except MessageError:
            raise self._fatal("answered what is no answer") from None

    def _asked(self, message: Message, seconds: float) -> Message:
        running = self._running
        assert running is not None
        try:
            return running.ask(message, seconds)
        except TimeoutError:
            raise self._fatal(f"did not answer within {seconds:g} s (--timeout)") from None
        except (frames.FrameError, MessageError):
            raise self._fatal("answered what is no answer") from None
        except frames.ClosedError:
            ended = running.how_it_ended()
            if ended is not None and "SIG" in ended:
                ended += f"; it may use {self.request.memory:g} GiB (--memory)"
            raise self._fatal(ended or "closed what it should answer through") from None
        except BaseException:
            self.end()  # Ctrl-C: it is busy with what nobody will read
            raise

    def _fatal(self, what: str) -> FatalLossError:
        self.end()
        return FatalLossError(f"the loss {what}")

    def end(self) -> None:
        """End its process, if it runs."""
        if self._running is not None:
            running, self._running = self._running, None
            _WORKERS.remove(self)
            running.end()


_WORKERS: list[Worker] = []  # those that run, the oldest first


@atexit.register
def end_all() -> None:
    """End every worker; one that is asked again is started anew."""
    for worker in list(_WORKERS):
        worker.end()


def load_apart(
    request: LossRequest,
    folder: Path | None = None,
    imports: Sequence[str] | None = None,
    refuse: Refuse = lambda origin: None,
) -> Loaded:
    """A loss other than the reference, in a process of its own. Raises as `loading.load` does.

    folder: that it runs in; None for this one. imports: where it imports from, as `sys.path`; None
        for where this process does. refuse: raises LoadError for an origin that is a wrong one.
    """
    assert request.name is not None
    description = find_description(request.problem)
    places = sys.path if imports is None else imports
    worker = Worker(request, folder or Path.cwd(), places, refuse)
    told = worker.load().data
    options = told["options"]
    candidate = Candidate(
        request.name,
        worker.evaluate,
        tuple(told["components"]),
        bool(told["has_gradients"]),
        request.claims,
        Options.from_dict(options) if options is not None else None,
        description=description,
        few_shapes=bool(told["few_shapes"]),
    )
    style = Style(**told["style"]) if told["style"] is not None else None
    return Loaded(candidate, tuple(map(str, told["notes"])), style)
