"""Write pieces of Python. Whatever a text holds, it stays a string or a comment."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

WIDTH = 100


def file_part(component: str | None) -> str:
    """Return a component as part of a file's or function's name; losses choose any names."""
    return re.sub(r"\W", "_", component or "loss")


def quoted(text: str) -> str:
    """Return the Python literal of a text, in ASCII only.

    Use double quotes if nothing in it needs escaping.
    """
    literal = ascii(text)
    plain = literal == f"'{text}'" and '"' not in text
    return f'"{text}"' if plain else literal


def comment(text: str) -> list[str]:
    """Return a text as lines of comment."""
    plain = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return [f"# {line}" for line in _wrapped(plain, WIDTH - 2)]


def docstring(*paragraphs: str, indent: str = "") -> list[str]:
    """Return paragraphs as the lines of a docstring, with its quotes."""
    safe = [p.replace("\\", "\\\\").replace('"', "'") for p in paragraphs]
    wrapped = [_wrapped(p, WIDTH - len(indent) - 3) for p in safe]
    lines = [line for paragraph in wrapped for line in ("", *paragraph)][1:]
    if len(lines) == 1:
        return [f'{indent}"""{lines[0]}"""']
    return [
        f'{indent}"""{lines[0]}',
        *(f"{indent}{line}" if line else "" for line in lines[1:]),
        f'{indent}"""',
    ]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def statement(left: str, items: Sequence[str]) -> list[str]:
    """Return `left = [items]`, on as many lines as it needs."""
    line = f"{left} = [{', '.join(items)}]"
    if len(line) <= WIDTH:
        return [line]
    # One text may hold blanks, such as a call; it is broken between texts only.
    rows: list[str] = []
    for item in items:
        if rows and len(rows[-1]) + len(item) + 2 <= WIDTH and not item.endswith(")"):
            rows[-1] += f" {item},"
        else:
            rows.append(f"    {item},")
    return [f"{left} = [", *rows, "]"]
