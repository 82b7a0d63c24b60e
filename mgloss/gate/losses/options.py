"""The options that a loss is judged by: those of a file, or all that there are."""

from __future__ import annotations

import json
from pathlib import Path

from mgspec import Options

ALL = "all"


def read(asked: str | None, claims: str) -> Options | None:
    """Options for every problem, or None for problems of all options.

    asked: "all" or None for all, or the path of a JSON file of options.

    Raises ValueError, naming the file, where it holds no options, or the options name another
    normalization than is claimed; `batch`, their default, claims nothing.
    """
    if asked is None or asked == ALL:
        return None
    options = _of_file(asked)
    try:
        return agreeing(options, claims)
    except ValueError as error:
        raise ValueError(f"--claims {claims}: {error}") from None


def agreeing(options: Options, claims: str) -> Options:
    """These options; ValueError where they name another normalization than is claimed."""
    named = options.loss_normalization
    if named not in ("batch", claims):
        raise ValueError(
            f"the options say loss_normalization {named!r}; "
            "say the same in both, or leave it out of the options"
        )
    return options


def _of_file(asked: str) -> Options:
    try:
        return Options.from_dict(json.loads(Path(asked).read_text(encoding="utf-8")))
    except OSError as error:
        raise ValueError(f"--options {asked}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"--options {asked}: not a text file") from None
    except json.JSONDecodeError as error:
        raise ValueError(
            f"--options {asked}: not JSON: {error.msg} in line {error.lineno}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"--options {asked}: {error}") from None
