"""The gate's side: start a worker, ask it for evaluations, and say how it ended."""

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
from functools import partial
from pathlib import Path

from mgloss.gate.losses.form import Style
from mgloss.gate.losses.importing import LoadError
from mgloss.gate.losses.loading import Loaded
from mgloss.gate.losses.problems import find_description
from mgloss.gate.losses.request import LossRequest
from mgloss.gate.losses.worker import frames, messages
from mgloss.gate.losses.worker.messages import Message, MessageError
from mgspec import Candidate, Evaluation, LossError, Options
from mgspec.loss.candidate import FatalLossError, ModeError
from mgspec.problem.layout import AnyBatch, AnyProblem

IMPORT_SECONDS = 120.0  # to import a loss and its framework
TRIAL_EVALUATIONS = 6  # time-outs allowed to see what a loss is: one that raises is called often
ENDING_SECONDS = 5.0  # to wait for a process to end
MOST_RUNNING = 2  # processes at a time; another one that is needed is started again

# The worker gets the gate's search path: a user's `json.py` must not replace the standard json.
CODE = (
    "import sys; sys.path[:] = sys.argv[5:]; "
    "from mgloss.gate.losses.worker.serving import main; "
    "main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))"
)


# Called with the file that the loss's module comes from; raises LoadError if it is a wrong one.
Refuse = Callable[[str | None], None]


class ForeignTracebackError(Exception):
    """The traceback of an exception in the worker, as text."""


@dataclass
class _Running:
    """A worker process and the gate's ends of its pipes.

    questions, answers: descriptors. count: questions asked so far.
    """

    process: subprocess.Popen[bytes]
    questions: int
    answers: int
    count: int = 0

    @staticmethod
    def start(folder: Path, memory: float) -> _Running:
        """Start a worker in a folder. memory: GiB that it may use."""
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
        """Return the reply; raise TimeoutError, FrameError, ClosedError or MessageError."""
        self.count += 1
        deadline = time.monotonic() + seconds
        numbered = Message({**message.data, "number": self.count}, message.arrays)
        frames.write(self.questions, messages.encode(numbered), deadline)
        reply = messages.decode(frames.read(self.answers, deadline))
        if reply.data.get("number") != self.count:
            raise MessageError("to another question")
        return reply

    def describe_end(self) -> str | None:
        """Return how the process ended, such as "ended its process with status 1".

        None if it still runs and has only closed its pipe.
        """
        try:
            status = self.process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        if status >= 0:
            return f"ended its process with status {status}"
        return f"was ended by {signal.Signals(-status).name}"

    def end(self) -> None:
        """Kill the process and everything that it started in its session."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for descriptor in (self.questions, self.answers):
            os.close(descriptor)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(ENDING_SECONDS)


class Worker:
    """A loss in a process of its own, which starts when it is needed, again after it ended.

    folder: where it runs. imports: its `sys.path`. refuse: raises LoadError if the loss's module
    comes from a wrong file.
    """

    def __init__(
        self, request: LossRequest, folder: Path, imports: Sequence[str], refuse: Refuse
    ) -> None:
        self.request = request
        self.folder = folder
        self.imports = list(imports)
        self.refuse = refuse
        self._answers = True  # on ordinary batches, as far as is known
        self._running: _Running | None = None

    def load(self) -> Message:
        """Start the process; return what the loss is. Raises LoadError, ValueError."""
        try:
            return self._start(is_tried=self._answers)
        except FatalLossError as error:
            # The laws will show the batch on which it fails; here only say that there is one.
            self._answers = False
            reply = self._start(is_tried=False)
            notes = [*reply.data["notes"], f"on an ordinary batch, {error}"]
            return Message({**reply.data, "notes": notes})

    def _start(self, *, is_tried: bool) -> Message:
        """Start the process and load the loss in it. is_tried: as of `loading.load`."""
        if len(_WORKERS) >= MOST_RUNNING:
            _WORKERS[0].end()
        self._running = _Running.start(self.folder, self.request.memory)
        _WORKERS.append(self)
        importing = Message({"ask": "import", "loss": self.request.loss, "path": self.imports})
        try:
            imported = self._ask_to_load(importing, max(IMPORT_SECONDS, self.request.timeout))
        except FatalLossError as error:
            raise LoadError(f"{self.request.loss}: cannot be imported: {error}") from None
        origin = imported.data["origin"]
        try:
            self.refuse(str(origin) if origin is not None else None)
        except LoadError:
            self.end()
            raise
        document = self.request.to_document()
        loading = Message({"ask": "load", "request": document, "is_tried": is_tried})
        trial = TRIAL_EVALUATIONS * self.request.timeout
        return self._ask_to_load(loading, trial if is_tried else IMPORT_SECONDS)

    def _ask_to_load(self, question: Message, seconds: float) -> Message:
        """Return the reply; raise LoadError or ValueError if the worker refused the loss."""
        reply = self._ask(question, seconds)
        if "refused" in reply.data:
            self.end()
            text = str(reply.data["refused"])
            cause = reply.data.get("cause")
            if not reply.data.get("is_load_error"):
                raise ValueError(text)
            raise LoadError(text) from (ForeignTracebackError(cause) if cause else None)
        return reply

    def evaluate(
        self, run: str, problem: AnyProblem, batch: AnyBatch, gradients: bool
    ) -> Evaluation:
        """Return the loss of a batch, as the candidate's run of this name does."""
        if self._running is None:
            try:
                self.load()
            except (LoadError, ValueError) as error:
                raise FatalLossError(f"started again, {error}") from None
        try:
            question = messages.make_question(problem, batch, gradients, run)
        except TypeError as error:
            raise LossError(
                f"what the images share must be numbers, text, or tuples of them: {error}"
            ) from None
        is_mode = run not in (messages.USUAL, messages.RESEEDED)  # which may have to trace first
        allowed = self.request.timeout * (TRIAL_EVALUATIONS if is_mode else 1)
        reply = self._ask(question, allowed)
        if "failed" in reply.data:
            kind = ModeError if reply.data.get("is_mode_error") is True else LossError
            raise kind(str(reply.data["failed"]))
        try:
            return messages.read_answer(reply, batch.predictions)
        except MessageError:
            raise self._fatal("answered what is no answer") from None

    def _ask(self, message: Message, seconds: float) -> Message:
        """Return the reply; raise FatalLossError, and end the process, if there is none in time."""
        running = self._running
        assert running is not None
        try:
            return running.ask(message, seconds)
        except TimeoutError:
            raise self._fatal(f"did not answer within {seconds:g} s (--timeout)") from None
        except (frames.FrameError, MessageError):
            raise self._fatal("answered what is no answer") from None
        except frames.ClosedError:
            ended = running.describe_end()
            if ended is not None and "SIG" in ended:
                ended += f"; it may use {self.request.memory:g} GiB (--memory)"
            raise self._fatal(ended or "closed what it should answer through") from None
        except BaseException:
            self.end()  # Ctrl-C: nobody will read its answer
            raise

    def _fatal(self, reason: str) -> FatalLossError:
        self.end()
        return FatalLossError(f"the loss {reason}")

    def end(self) -> None:
        """End the process, if it runs."""
        if self._running is not None:
            running, self._running = self._running, None
            _WORKERS.remove(self)
            running.end()


_WORKERS: list[Worker] = []  # those whose processes run, the oldest first


@atexit.register
def end_all() -> None:
    """End the process of every worker; it starts again when its loss is needed."""
    for worker in list(_WORKERS):
        worker.end()


def load_apart(
    request: LossRequest,
    folder: Path | None = None,
    imports: Sequence[str] | None = None,
    refuse: Refuse = lambda origin: None,
) -> Loaded:
    """Return a foreign loss, loaded in a process of its own. Raises as `loading.load` does.

    folder: where the process runs; None for the current folder.
    imports: its `sys.path`; None for that of this process.
    refuse: raises LoadError if the loss's module comes from a wrong file.
    """
    assert request.name is not None
    description = find_description(request.problem)
    places = sys.path if imports is None else imports
    worker = Worker(request, folder or Path.cwd(), places, refuse)
    reply = worker.load().data
    options = reply["options"]
    candidate = Candidate(
        request.name,
        partial(worker.evaluate, messages.USUAL),
        tuple(reply["components"]),
        bool(reply["has_gradients"]),
        request.claims,
        Options.from_dict(options) if options is not None else None,
        modes={str(mode): partial(worker.evaluate, str(mode)) for mode in reply["modes"]},
        reseeded=partial(worker.evaluate, messages.RESEEDED),
        description=description,
        few_shapes=bool(reply["few_shapes"]),
        roles=request.roles,
        undifferentiable=frozenset(map(str, reply["undifferentiable"])),
        detector=request.detector,
    )
    style = None
    if reply["style"] is not None:
        style = Style(**{**reply["style"], "modes": tuple(map(str, reply["modes"]))})
    return Loaded(candidate, tuple(map(str, reply["notes"])), style)
