"""Explain in sentences what the differences between two losses, OLD and NEW, depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.progress import Progress

from mgloss.gate.studies.wording import join_names
from mgspec.scaling.behaviour import identify_measured
from mgspec.scaling.difference import Difference, Pair
from mgspec.scaling.measuring import EVALUATIONS, Measurement, measure
from mgspec.scaling.relation import Relation, relate
from mgspec.scaling.survey import SurveyedBatch, constant_offset, describe_differing_batches, survey


@dataclass(frozen=True)
class Term:
    """A component in which one mistake shows, such as a wrong width."""

    component: str
    mistake: str


def explain_differences(
    pair: Pair, differences: Sequence[Difference], seed: int, bar: Progress
) -> tuple[str, ...]:
    """Return sentences on what differences depend on, with backticks around normalizations.

    Measure both losses on probes. Survey random batches for the components that differ on none of
    the probes. Probes exist for this project's layout only.
    """
    if not any(difference.comparison is not None for difference in differences):
        return ()
    relations: Mapping[Term, Relation] = {}
    sentences = []
    if pair.new.description is None:
        old, new = _measure(pair, any(d.in_gradient for d in differences), bar)
        relations = _relate_terms(differences, old, new)
        sentences += [*_describe_relations(relations), *_compare_behaviours(old, new)]
    unexplained = [
        difference
        for difference in differences
        if difference.component is not None
        and all(r.is_same for t, r in relations.items() if t.component == difference.component)
    ]
    if unexplained:
        surveying = bar.add_task("surveying", total=None, detail="batches")
        surveyed = survey(pair, seed=seed, progress=lambda: bar.advance(surveying))
        sentences += [_describe_survey(difference, surveyed) for difference in unexplained]
    return tuple(sentences)


def _measure(pair: Pair, gradients: bool, bar: Progress) -> tuple[Measurement, Measurement]:
    measuring = bar.add_task("measuring", total=2 * EVALUATIONS, detail="batches")
    old, new = (
        measure(loss, lambda: bar.advance(measuring), gradients=gradients)
        for loss in (pair.old, pair.new)
    )
    return old, new


def _relate_terms(
    differences: Sequence[Difference], old: Measurement, new: Measurement
) -> dict[Term, Relation]:
    """Return how NEW's readings follow from OLD's, for each mistake in a component that differs.

    Compare gradients if the difference is in the gradient, else values. Leave out a mistake that
    changes neither loss by more than rounding.
    """
    relations = {}
    for difference in differences:
        of_old, of_new = (
            measurement.slopes if difference.in_gradient else measurement.values
            for measurement in (old, new)
        )
        for key, readings in of_old.items():
            component, mistake = key
            others = of_new.get(key, {})
            visible = any(r.visible for r in (*readings.values(), *others.values()))
            if component == difference.component and visible:
                relations[Term(component, mistake.name)] = relate(readings, others)
    return relations


def _describe_relations(relations: Mapping[Term, Relation]) -> list[str]:
    """Return one sentence for all terms with the same relation.

    Mention a mistake in the total only if its relation differs from that in the mistake's own
    component.
    """
    is_total_alone = all(term.component == "total" for term in relations)
    names_by_words: dict[str, list[str]] = {}
    for term, relation in relations.items():
        words_of_components = {
            other_relation.words
            for other, other_relation in relations.items()
            if other.component != "total" and other.mistake == term.mistake
        }
        is_total = term.component == "total"
        if relation.is_same or (is_total and relation.words in words_of_components):
            continue
        name = f"{term.mistake} in the total" if is_total and not is_total_alone else term.mistake
        names_by_words.setdefault(relation.words, []).append(name)
    return [f"{join_names(names)}: {words}" for words, names in names_by_words.items()]


def _compare_behaviours(old: Measurement, new: Measurement) -> list[str]:
    """Return a sentence for each change of the normalization that terms behave as."""
    old_terms = {(t.component, t.mistake): t for t in identify_measured(old).informative_terms}
    names_by_words: dict[str, list[str]] = {}
    for term in identify_measured(new).informative_terms:
        old_term = old_terms.get((term.component, term.mistake))
        if old_term is not None and old_term.words != term.words:
            words = f"OLD behaves as {old_term.words}, NEW as {term.words}"
            names_by_words.setdefault(words, []).append(term.name)
    return [f"{join_names(names)}: {words}" for words, names in names_by_words.items()]


def _describe_survey(difference: Difference, surveyed: Sequence[SurveyedBatch]) -> str:
    """Return how a component differs on random batches, and on how many of them."""
    component = difference.component
    assert component is not None
    values = [batch.values[component] for batch in surveyed if component in batch.values]
    offset = constant_offset(surveyed, component)
    batches = describe_differing_batches(surveyed, component)
    if offset is not None and not difference.in_gradient:
        text = f"NEW is OLD plus {offset:.6g}"
    elif batches is not None:
        text = f"differs {batches}"
    else:
        text = "what it depends on was not found out"
    count = sum(value.differ for value in values)
    return f"{component}: {text}; it differs in {count} of {len(values)} batches at random"
