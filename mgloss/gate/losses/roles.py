"""Check what a person says of a loss's components, and say how they are taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mgloss.gate.losses.importing import LoadError
from mgspec import Candidate
from mgspec.loss.roles import MEANINGS, Roles, Taken
from mgspec.problem.normalizations import unknown


def require_known(roles: Roles, components: Sequence[str], loss: str) -> None:
    """Raise LoadError if something is said of a component that the loss does not return."""
    for option, names in roles.named():
        for name in names:
            if name not in components:
                raise LoadError(f"{loss}: --{option}: {unknown('component', name, components)}")


def role_notes(candidate: Candidate) -> Iterator[str]:
    """Yield a note for each role and reason: which components are taken for it.

    Of this project's layout, yield what a person has said, and of a loss that is one number.
    """
    all_taken = [candidate.taken(component) for component in candidate.components]
    by_reason: dict[tuple[str, str], list[Taken]] = {}
    for taken in all_taken:
        is_told = candidate.description is not None or candidate.components == ("total",)
        if taken.is_said or is_told:
            by_reason.setdefault((taken.role, taken.reason), []).append(taken)
    for (role, reason), several in by_reason.items():
        names = ", ".join(taken.component for taken in several)
        verb = "is" if len(several) == 1 else "are"
        note = f"{names} {verb} taken to {MEANINGS[several[0].role]}, {reason}"
        if several[0].is_said:
            yield note
            continue
        others = " or ".join(f"--{other} NAME" for other in MEANINGS if other != role)
        yield f"{note} ({others} says otherwise)"
    detached = [c for c in candidate.components if candidate.is_detached(c)]
    if detached:
        yield f"gradient says nothing of {', '.join(detached)}, as --detached says"
