"""The worker's own side: loads the loss, and answers one question after another."""

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
from mgspec import LossError


def main(questions: int, answers: int, memory: float, gate: int) -> None:
    """Serve until the gate closes its end of the pipe.

    questions, answers: descriptors of the pipes. memory: the limit, in GiB. gate: its process.
    """
    limits.apply(memory, gate)
    own = os.getpid()
    imported: Imported | None = None
    loaded: Loaded | None = None
    while True:
        try:
            message = messages.decode(frames.read(questions))
        except frames.ClosedError:
            os._exit(0)  # whatever threads the loss has left
        data = message.data
        if data["ask"] == "import":
            sys.path[:] = data["path"]
            imported, reply = _imported(data["loss"])
        elif data["ask"] == "load":
            loaded, reply = _loaded(data["request"], imported, data["tried"])
        else:
            assert loaded is not None
            reply = _evaluated(loaded, message, memory)
        if os.getpid() != own:  # the loss has forked
            os._exit(0)
        reply = Message({**reply.data, "number": data["number"]}, reply.arrays)
        frames.write(answers, messages.encode(reply))


def _imported(loss: str) -> tuple[Imported | None, Message]:
    try:
        found = import_value(loss)
        return found, Message({"origin": getattr(found.module, "__file__", None)})
    except LoadError as error:
        return None, _refused(error)


def _refused(error: LoadError | ValueError) -> Message:
    cause = error.__cause__
    shown = "".join(traceback.format_exception(cause)) if cause is not None else None
    return Message(
        {"refused": str(error), "is_load_error": isinstance(error, LoadError), "cause": shown}
    )


def _loaded(
    document: dict[str, Any], imported: Imported | None, is_tried: bool
) -> tuple[Loaded | None, Message]:
    try:
        request = LossRequest.from_document(document)
        found = load(request, imported=imported, is_tried=is_tried)
    except (LoadError, ValueError) as error:
        return None, _refused(error)
    candidate = found.candidate
    return found, Message(
        {
            "components": list(candidate.components),
            "has_gradients": candidate.has_gradients,
            "few_shapes": candidate.few_shapes,
            "options": candidate.options.to_dict() if candidate.options is not None else None,
            "notes": list(found.notes),
            "style": asdict(found.style) if found.style is not None else None,
        }
    )


def _evaluated(loaded: Loaded, message: Message, memory: float) -> Message:
    try:
        problem, batch, gradients = messages.read_question(message, loaded.candidate.description)
        return messages.make_answer(loaded.candidate.run(problem, batch, gradients))
    except LossError as error:
        text = str(error)
        if isinstance(error.__cause__, MemoryError):
            text += f"; it may use {memory:g} GiB (--memory)"
        return Message({"failed": text})
    except KeyboardInterrupt:  # the loss's own: the user's goes to the gate
        return Message({"failed": "the loss raised KeyboardInterrupt"})
    except MemoryError:
        return Message({"failed": f"the loss left no memory of {memory:g} GiB (--memory)"})


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
