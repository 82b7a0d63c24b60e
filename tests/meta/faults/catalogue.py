"""All faults, which laws judge a candidate, and the fault that each law alone catches."""

from __future__ import annotations

import tests.meta.faults.families  # noqa: F401  (fills the catalogue)
from mgspec import LAWS, Candidate, normalization
from tests.meta.faults.planting import FAULTS, Fault

__all__ = ["FAULTS", "ONLY_CATCHER", "ORACLE", "Fault", "judging"]

# It knows the answer, and so catches whatever changes a value. That a law is needed is therefore
# shown among the others: a fault that no law but this one, and `oracle`, catches.
ORACLE = "oracle"

# law -> the fault that it alone catches, `oracle` apart.
ONLY_CATCHER = {
    "finite": "the_exponential_overflows",
    "empty": "scales_without_objects_are_skipped",
    "nonnegative": "smoothing_sharpens_the_targets",
    "pure": "the_targets_are_overwritten",
    "permutation": "later_images_teach_more",
    "replication": "the_batch_size_divides_twice",
    "partition": "means_of_unequal_micro_batches_are_averaged",
    "locality": "gradients_of_unequal_micro_batches_are_averaged",
    "sharding": "the_gradient_of_the_last_partial_micro_batch_is_forgotten",
    "object_monotone": "losses_above_zero_are_counted",
    "density_monotone": "density_is_ignored",
    "density_neutral": "images_with_objects_divide_where_objects_should",
    "resolution": "the_mean_is_taken_over_cells_too",
    "masking": "background_anchors_are_taken_as_they_stand",
    "perfect": "sizes_are_decoded_too_large",
    "participation": "only_sizes_are_compared",
    "separation": "classification_is_weighted_by_the_predicted_objectness",
    "layers": "scales_are_averaged",
    "relabelling": "the_weights_of_classes_are_off_by_one",
    "transposition": "width_counts_twice",
    "translation": "cells_of_the_first_row_and_column_weigh_half",
    "scales": "coord_scale_enters_twice",
    "ignoring": "the_root_of_the_overlap_is_compared",
    "composition": "the_total_counts_the_anchor_term_twice",
    "gradient": "the_gradient_is_three_halves_of_the_derivative",
    "modes": "values_are_rounded_to_half_precision",
    "oracle": "location_is_off_by_one_in_a_thousand",
}


def judging(candidate: Candidate) -> tuple[str, ...]:
    """The laws that the candidate's claims and options admit."""
    rule = normalization(candidate.claims)
    return tuple(
        name for name, law in LAWS.items() if rule.obeys(name) and law.why_not(candidate) is None
    )
