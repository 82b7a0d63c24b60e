"""Which laws a loss is held to."""

from __future__ import annotations

from collections.abc import Sequence

from mgspec import LAWS, law_named, normalization


def select_laws(claims: str, names: Sequence[str], *, is_multigrid: bool) -> tuple[str, ...]:
    """Return the laws to judge: those named, else all that are claimed and need not be asked for.

    is_multigrid: the loss is the one of the specification, so that the laws of its layout are for
        it too.

    Raises ValueError for a claim or a law that does not exist.
    """
    rule = normalization(claims)
    if names:
        return tuple(dict.fromkeys(law_named(name).name for name in names))
    return tuple(
        name
        for name, law in LAWS.items()
        if rule.obeys(name) and (is_multigrid or not law.on_request)
    )
