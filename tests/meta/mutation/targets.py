"""What faults are planted in, and the tests that must notice them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.meta.mutation.running import Pass


@dataclass(frozen=True)
class Target:
    """modules: by their paths from the root. passes: the quickest first; a mutant is killed by one.

    A later pass only runs what survived the earlier ones.
    """

    modules: tuple[str, ...]
    passes: tuple[Pass, ...]


def _all_options(*laws: str) -> tuple[str, ...]:
    return tuple(f"all_options[{law}-batch]" for law in laws)


# What is cheap and notices most comes first: a trace with gradients takes as long as 20 examples.
WITHOUT_GRADIENTS = (
    "shifted_box[0]",
    "boxes_that_cross",
    *_all_options("perfect", "participation", "scales", "translation"),
    "test_boxes.py",
    "test_distinct.py",
    "equal_costs",
    "ignored_cell",
    "focal_",
    "above_a_half",
    *_all_options("nonnegative", "resolution", "object_monotone"),
    "all_options[resolution-positives]",
    "test_hybrid.py",
)
WITH_GRADIENTS = (
    "at_rest",
    "all_options[empty-positives]",
    "furthest",
    "border",
    "just_the_threshold",
    "ignored_for_each",
    "objectness_is_learnt",
    *_all_options("ignoring", "transposition", "separation", "gradient", "relabelling", "layers"),
    "test_terms.py",
    *_all_options("masking", "finite", "empty", "partition", "locality"),
)
OF_ARGUMENTS = ("refused", "plain_data", "one_way_only", "whole_numbers")  # these take no time
OF_PUBLIC = (
    "not_finite",
    "largest_numbers",
    "one_that_is_judged",
    "normalization_of_its_own",
    "test_invariants.py",
    "half_of_its_gradient",
)
LOSS_ORDER = (*OF_ARGUMENTS, *WITHOUT_GRADIENTS, *WITH_GRADIENTS)
LOSS_TESTS = ("tests/properties", "-k", "not oracle")
NIGHTLY = ("-m", "nightly or not nightly")
LOSS = Target(
    tuple(
        f"mgloss/reference/{name}.py" for name in ("loss", "terms", "boxes", "ignoring", "cells")
    ),
    (
        Pass(
            "quick",
            (*LOSS_TESTS, "--hypothesis-profile", "mutation"),
            LOSS_ORDER,
            only=True,
            seconds=300,
            unreached=("_one_object_at_a_time",),  # what XLA compiles
        ),
        Pass(  # takes as long as all that: eager losses, and the XLA compiler
            "modes",
            (*LOSS_TESTS, "--hypothesis-profile", "mutation"),
            ("test_xla", *OF_PUBLIC, "all_options[modes-batch]"),
            only=True,
            seconds=300,
        ),
        Pass(
            "full",
            (*LOSS_TESTS, *NIGHTLY, "--hypothesis-profile", "ci"),
            LOSS_ORDER,
            seconds=1800,
        ),
    ),
)

# Tests of single laws; the others of tests/spec take longer to collect than these to run.
OF_ONE_LAW = (
    *(f"tests/spec/test_{name}.py" for name in ("comparison", "cases_from_files")),
    "tests/meta/faults/test_faults.py",
    *(f"tests/spec/test_{name}.py" for name in ("fairness", "specification")),
)

# A law is weaker when a fault gets past it, or when it accuses what is right.
LAWS = Target(
    tuple(
        f"spec/mgspec/{name}.py"
        for name in (
            "laws/comparison",
            *(f"laws/{name}" for name in ("batch", "density", "structure", "symmetry")),
            *(f"laws/{name}" for name in ("settings", "agreement")),
        )
    ),
    (
        # A law's own tests take seconds, those of all laws minutes.
        Pass("nearest", (*OF_ONE_LAW, "--hypothesis-profile", "ci"), nearest=True),
        Pass(
            "laws", ("tests/meta/faults/test_faults.py", "tests/spec", "--hypothesis-profile", "ci")
        ),
        Pass(
            "full",
            (
                *("tests/spec", "tests/meta/faults", "tests/properties"),
                *(*NIGHTLY, "--hypothesis-profile", "ci"),
            ),
            seconds=1800,
        ),
    ),
)

TARGETS = {"loss": LOSS, "laws": LAWS}
