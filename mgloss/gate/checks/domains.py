"""Say on how many of its cases a law was judged, where the loss does not answer all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mgspec import Verdict
from mgspec.search.search import FINITE
from mgspec.search.verdicts import ERROR, HOLDS

UNSEEN = (
    "it drew no batch on which the loss gives no finite number, but another law did: try it with "
    "more --max-examples"
)


def doubted(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts; `finite` comes to none where it holds and other laws met refusals."""
    has_refusals = any(verdict.domain is not None for verdict in verdicts)
    return [
        replace(v, status=ERROR, message=UNSEEN, reach=None)
        if has_refusals and v.law == FINITE and v.status == HOLDS
        else v
        for v in verdicts
    ]


def domain_lines(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Return the laws that hold on some of their cases and are not judged on the others.

    Such as "holds on the 61 of 100 batches that it answers: permutation, pure".
    """
    names_by_share: dict[str, list[str]] = {}
    for law in dict.fromkeys(v.law for v in verdicts):
        held = [v for v in verdicts if v.law == law and v.status == HOLDS]
        shares = dict.fromkeys(v.domain.share if v.domain else None for v in held)
        for share in filter(None, shares):
            components = [v.component for v in held if v.domain and v.domain.share == share]
            name = law if len(shares) == 1 else f"{law} of {', '.join(map(str, components))}"
            names_by_share.setdefault(share, []).append(name)
    return tuple(
        f"holds on the {share} batches that it answers: {', '.join(names)}"
        for share, names in names_by_share.items()
    )


def share_answered(verdicts: Sequence[Verdict]) -> str | None:
    """Return the smallest share of its cases on which one law was judged; None if on all."""
    domains = [v.domain for v in verdicts if v.domain is not None]
    return min(domains, key=lambda d: d.answered / d.drawn).share if domains else None
