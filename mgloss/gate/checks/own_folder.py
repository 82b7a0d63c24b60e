"""Which folder of a report belongs to a loss: none overwrites what was found for another.

A loss is known by its file and the name in it, seen from the folder that the report lies in: so
one loss has one folder from wherever it is named, and two files of one name have two. What it
claims, its problem and its options belong to it: a counterexample for one says little of another.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path

from mgloss.gate.checks.request import REFERENCE
from mgloss.gate.losses import problems
from mgloss.gate.losses.importing import DEFAULT_NAME, split_name
from mgloss.gate.losses.options import ALL
from mgloss.gate.losses.problem_names import BUILT_IN_PROBLEMS
from mgloss.gate.losses.request import LossRequest
from mgspec import Options

PLAIN = re.compile(
    r"(?:\w[\w-]*/)*\w[\w-]*\.py:[A-Za-z_]\w*", re.ASCII
)  # it can be read off a name
LONGEST = 80  # characters of a loss in a folder's name
DIGITS = 8  # of the digest


def own_folder(loss: LossRequest, report: Path) -> Path:
    """Return the folder of a report that is this loss's own, such as `my_loss.loss-batch`.

    The name ends with a digest where the loss, its problem or its options need more to be told
    apart.
    """
    place = report.absolute().parent
    identity = identify(loss.name, place)
    words, told_apart = [_readable(identity), loss.claims], []
    if identity != REFERENCE and not _is_plain(identity):
        told_apart.append(identity)
    if loss.problem in BUILT_IN_PROBLEMS:
        words.append(str(loss.problem))
    elif isinstance(loss.problem, str):
        told_apart.append(identify(loss.problem, place, problems.DEFAULT_NAME))
    if isinstance(loss.options, Options):
        told_apart.append(json.dumps(loss.options.to_dict(), sort_keys=True))
    elif loss.options == ALL:
        told_apart.append(ALL)
    if told_apart:
        words.append(hashlib.sha256("\n".join(told_apart).encode()).hexdigest()[:DIGITS])
    return report / "-".join(words)


def identify(loss: str | None, place: Path, default: str = DEFAULT_NAME) -> str:
    """Return what tells a loss from others: its file as seen from a place, and the name in it.

    loss: LOSS as it is named here, in the current folder; None or empty for the reference.
    default: the name where LOSS has none.
    """
    if not loss:
        return REFERENCE
    file, name = split_name(loss, default)
    if not file.endswith(".py"):
        # A module of the current folder comes before others of its name.
        path = Path(*file.split("."))
        files = (path.with_suffix(".py"), path / "__init__.py")
        found = next((str(path) for path in files if path.is_file()), None)
        if found is None:
            return f"{file}:{name}"
        file = found
    path = Path(file).resolve()
    try:
        return f"{Path(os.path.relpath(path, place.resolve())).as_posix()}:{name}"
    except ValueError:  # another drive
        return f"{path.as_posix()}:{name}"


def _is_plain(identity: str) -> bool:
    return len(identity) <= LONGEST and PLAIN.fullmatch(identity) is not None


def _readable(identity: str) -> str:
    """Return an identity as part of a folder's name; a plain one can be told from all others."""
    place, _, name = identity.rpartition(":")
    if not place:
        return identity
    place = place.removesuffix(".py")
    shown = place.replace("/", ".") if _is_plain(identity) else place.rpartition("/")[2]
    return re.sub(r"[^\w.-]+", "_", f"{shown}.{name}", flags=re.ASCII).lstrip(".-")[-LONGEST:]
