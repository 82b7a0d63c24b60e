"""The worker's side: load the loss, then answer one question after another."""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import asdict
from typing import Any

from mgloss.gate.losses.importing import Imported, LoadError, import_value
from mgloss.gate.losses.loading import Loaded, load
from mgloss.gate.losses.request import LossRequest
from mgloss.gate.losses.worker import frames, limits, messages
from mgloss.gate.losses.worker.messages import Message
from mgspec import Candidate, LossError
from mgspec.loss.candidate import ModeError, Run


def main(questions: int, answers: int, memory: float, gate: int) -> None:
    """Answer questions until the gate closes its end of the pipe.

    questions, answers: descriptors of the pipes. memory: GiB allowed. gate: the gate's process id.
    """
    limits.apply(memory, gate)
    own = os.getpid()
    imported: Imported | None = None
    loaded: Loaded | None = None
    while True:
        try:
            message = messages.decode(frames.read(questions))
        except frames.ClosedError:
            os._exit(0)  # even if the loss has left threads
        data = message.data
        if data["ask"] == "import":
            sys.path[:] = data["path"]
            imported, reply = _import(data["loss"])
        elif data["ask"] == "load":
            loaded, reply = _load(data["request"], imported, data["is_tried"])
        else:
            assert loaded is not None
            reply = _evaluate(loaded, message, memory)
        if os.getpid() != own:  # the loss has forked
            os._exit(0)
        reply = Message({**reply.data, "number": data["number"]}, reply.arrays)
        frames.write(answers, messages.encode(reply))


def _import(loss: str) -> tuple[Imported | None, Message]:
    """Import a loss; return it with the reply, which names its module's file.

    Return None and a refusal if it cannot be imported.
    """
    try:
        imported = import_value(loss)
    except LoadError as error:
        return None, _refusal(error)
    return imported, Message({"origin": getattr(imported.module, "__file__", None)})


def _refusal(error: LoadError | ValueError) -> Message:
    """Return the reply for a loss that cannot be judged."""
    cause = error.__cause__
    shown = "".join(traceback.format_exception(cause)) if cause is not None else None
    return Message(
        {"refused": str(error), "is_load_error": isinstance(error, LoadError), "cause": shown}
    )


def _load(
    document: dict[str, Any], imported: Imported | None, is_tried: bool
) -> tuple[Loaded | None, Message]:
    """Load the imported loss; return it with the reply, which describes it.

    Return None and a refusal if the request is wrong or the loss cannot be loaded.
    """
    try:
        request = LossRequest.from_document(document)
        loaded = load(request, imported=imported, is_tried=is_tried)
    except (LoadError, ValueError) as error:
        return None, _refusal(error)
    candidate = loaded.candidate
    return loaded, Message(
        {
            "components": list(candidate.components),
            "has_gradients": candidate.has_gradients,
            "few_shapes": candidate.few_shapes,
            "undifferentiable": sorted(candidate.undifferentiable),
            "modes": list(candidate.modes),
            "options": candidate.options.to_dict() if candidate.options is not None else None,
            "notes": list(loaded.notes),
            "style": asdict(loaded.style) if loaded.style is not None else None,
        }
    )


def _evaluate(loaded: Loaded, message: Message, memory: float) -> Message:
    """Evaluate the loss on a batch; reply with the answer, or why there is none."""
    try:
        problem, batch, gradients = messages.read_question(message, loaded.candidate.description)
        run = _run_of(loaded.candidate, message.data["run"])
        return messages.make_answer(run(problem, batch, gradients))
    except LossError as error:
        text = str(error)
        if isinstance(error.__cause__, MemoryError):
            text += f"; it may use {memory:g} GiB (--memory)"
        return Message({"failed": text, "is_mode_error": isinstance(error, ModeError)})
    except KeyboardInterrupt:  # the loss's own: the user's goes to the gate
        return Message({"failed": "the loss raised KeyboardInterrupt"})
    except MemoryError:
        return Message({"failed": f"the loss left no memory of {memory:g} GiB (--memory)"})


def _run_of(candidate: Candidate, name: str) -> Run:
    """Return the run of this name; raise ModeError if the loss is no longer run in this mode."""
    if name == messages.USUAL:
        return candidate.run
    found = candidate.reseeded if name == messages.RESEEDED else candidate.modes.get(name)
    if found is None:
        raise ModeError(f"it can no longer be run in mode {name}")
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
