"""Describe one law, one normalization, and all of them in tables."""

from __future__ import annotations

from collections.abc import Sequence

from mgspec.laws import BATCH_LAWS, LAWS, Law
from mgspec.laws.law import SECTIONS
from mgspec.loss.candidate import COMPONENTS
from mgspec.page.case_text import draw_case
from mgspec.page.markdown import as_it_is, code, link, table, written
from mgspec.problem.normalizations import (
    NORMALIZATIONS,
    OBEYED_BY_CONSTANT_COUNT,
    Normalization,
)
from mgspec.saved.counterexample import Counterexample, to_document
from mgspec.saved.witnesses import breakers, path, witness_of


def law_table(laws: Sequence[Law]) -> list[str]:
    """Return a table of laws and their statements."""
    return table(("law", "says"), ((link(law.name), as_it_is(law.statement)) for law in laws))


def truth_table(component: str = "location") -> list[str]:
    """Return the truth table of the batch laws, for this component."""
    judged = [LAWS[name] for name in BATCH_LAWS if component in LAWS[name].speaks_of]
    return _marks(judged, component)


def constant_count_table() -> list[str]:
    """Return the rows that differ for the anchor term, where its count is constant."""
    excepted = {law for law, _ in OBEYED_BY_CONSTANT_COUNT}
    differ = [LAWS[name] for name in BATCH_LAWS if name in excepted]
    return _marks(differ, "anchor")


def _marks(laws: Sequence[Law], component: str) -> list[str]:
    rules = NORMALIZATIONS.values()
    rows = [
        (link(law.name), *("✓" if rule.obeys(law.name, component) else "✗" for rule in rules))
        for law in laws
    ]
    return table(("law", *NORMALIZATIONS), rows, centred=True)


def needs(law: Law) -> list[str]:
    """Return what the law speaks of and what it needs of a loss, a phrase each."""
    phrases = [
        *(need.phrase for need in law.needs),
        *(need.phrase for need in law.component_needs),
    ]
    if law.speaks_of != COMPONENTS:
        *others, last = law.speaks_of
        first = f"{', '.join(others)} and " if others else "the "
        phrases.insert(0, f"speaks of {first}{last} only")
    if law.somewhere:
        phrases.append("is broken if no case of the whole search shows it")
    if law.on_request:
        phrases.append("is asked of this layout's own loss, of another only on request")
    return phrases


def who_obeys(law: Law) -> list[str]:
    """Return a phrase for the normalizations that obey the law, and one for those that break it."""
    broken = breakers(law.name)
    if not broken:
        return [
            "✓ obeyed by every normalization; faults in "
            "[tests/meta/faults](../tests/meta/faults) break it"
        ]
    obeying = [name for name in NORMALIZATIONS if name not in broken]
    constant = [name for name in NORMALIZATIONS if (law.name, name) in OBEYED_BY_CONSTANT_COUNT]
    phrases = [f"✓ obeyed by {code(obeying)}", f"✗ broken by {code(broken)}"]
    if constant:
        phrases.append(
            f"✓ obeyed by {code(constant)} too in the anchor term, where its count is constant"
        )
    return phrases


def witness_figures(law: Law) -> list[str]:
    """Show the witnesses of a law, each different case once, with the figures of its breakers."""
    alike: dict[str, list[Counterexample]] = {}
    for name in breakers(law.name):
        witness = witness_of(law.name, name)
        alike.setdefault(_case(witness), []).append(witness)
    lines: list[str] = []
    for witnesses in alike.values():
        names = [f"[{w.claims}](witnesses/{path(law.name, w.claims).name})" for w in witnesses]
        lines += ["", "```text", *draw_case(witnesses[0].case), "```", ""]
        lines += [f"- {n}: `{w.message}`" for n, w in zip(names, witnesses, strict=True)]
    return ["**Witness**" if len(alike) == 1 else "**Witnesses**", *lines] if lines else []


def _case(witness: Counterexample) -> str:
    document = to_document(witness)
    return repr([document[part] for part in ("problem", "choices", "batches")])


def proof(law: Law) -> list[str]:
    """Return the proof, if one is written."""
    try:
        return ["**Proof**", "", *written(f"proofs/{law.name}")]
    except FileNotFoundError:
        return []


def law_text(law: Law) -> list[str]:
    """Return everything about a law, without its heading."""
    formula, *others = SECTIONS
    lines = [f"**{as_it_is(law.statement)}**", "", f"> {as_it_is(law.sections[formula])}"]
    for title in others:
        lines += ["", f"*{title}:* {as_it_is(law.sections[title])}"]
    facts = [f"- {phrase}" for phrase in (*who_obeys(law), *needs(law))]
    for block in (facts, witness_figures(law), proof(law)):
        if block:
            lines += ["", *block]
    return lines


def normalization_text(rule: Normalization) -> list[str]:
    """Return the formula of a normalization, its source, and the laws that it obeys and breaks."""
    lines = [f"`{rule.text}`", "", f"*Where from:* {as_it_is(rule.source)}."]
    if rule.needs_expected:
        lines += ["", "*E* is the expected count of positive cells of an image, a given constant."]
    obeyed = [name for name in LAWS if rule.obeys(name) and breakers(name)]
    lines += ["", f"- ✓ obeys {code(obeyed)}, and every law that no choice of denominator breaks"]
    lines += [f"- ✗ breaks {code(name for name in LAWS if not rule.obeys(name))}"]
    more = [name for name in LAWS if (name, rule.name) in OBEYED_BY_CONSTANT_COUNT]
    if more:
        lines += [f"- ✓ in the anchor term, where its count is constant, obeys {code(more)} too"]
    return lines


def normalization_table() -> list[str]:
    """Return a table of normalizations, their formulas and their sources."""
    rows = (
        (f"`{name}`", f"`{rule.text}`", as_it_is(rule.source))
        for name, rule in NORMALIZATIONS.items()
    )
    return table(("name", "value", "where from"), rows)
