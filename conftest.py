"""Hypothesis profiles of the test suite, chosen by `--hypothesis-profile`; `dev` is the default."""

from hypothesis import Phase, settings

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True, database=None)
settings.register_profile("nightly", max_examples=1_000, deadline=None)
# As hard as `ci`, but nothing is made small: tests.meta.mutation asks only whether a test fails.
settings.register_profile(
    "mutation",
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
)
settings.load_profile("dev")
