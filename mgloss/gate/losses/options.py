"""The options that a loss is judged by: those of a file, or all that there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from mgspec import Options

ALL: Literal["all"] = "all"

# Options of the MultiGrid loss; ALL: those of each problem; None: nothing is said of them.
ChosenOptions = Options | Literal["all"] | None


def read_options(argument: str | None, claims: str) -> ChosenOptions:
    """Return the options that a command's `--options` argument chooses.

    argument: "all", the path of a JSON file of options, or None.

    Raises ValueError, naming the file, where it holds no options, or the options name another
    normalization than is claimed; `batch`, their default, claims nothing.
    """
    if argument is None or argument == ALL:
        return None if argument is None else ALL
    options = _read_file(argument)
    try:
        return require_agreement(options, claims)
    except ValueError as error:
        raise ValueError(f"--claims {claims}: {error}") from None


def require_agreement(options: Options, claims: str) -> Options:
    """Return the options; raise ValueError if they name another normalization than is claimed."""
    named = options.loss_normalization
    if named not in ("batch", claims):
        raise ValueError(
            f"the options say loss_normalization {named!r}; "
            "say the same in both, or leave it out of the options"
        )
    return options


def _read_file(path: str) -> Options:
    try:
        return Options.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
    except OSError as error:
        raise ValueError(f"--options {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"--options {path}: not a text file") from None
    except json.JSONDecodeError as error:
        raise ValueError(
            f"--options {path}: not JSON: {error.msg} in line {error.lineno}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"--options {path}: {error}") from None
