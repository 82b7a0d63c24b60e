"""State, noise, captured shapes and mutated inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.meta.faults.planting import OBJECT_TERMS, planted, renormalized, scaled, with_slopes

ALL = "location anchor classification"


@planted("pure", "location", remembers=True)
def the_denominator_is_a_running_mean(right, problem, batch, memory):
    memory["mean"] = 0.9 * memory.get("mean", 1.0) + 0.1 * max(1, batch.positives)
    return scaled(right(problem, batch), 1 / memory["mean"], "location")


@planted("pure", "anchor", remembers=True)
def noise_is_added(right, problem, batch, memory):
    noise = memory.setdefault("noise", np.random.default_rng(0))
    return scaled(right(problem, batch), 1 + 1e-3 * noise.random(), "anchor")


@planted("pure", f"{ALL} total", alone=True)
def the_targets_are_overwritten(right, problem, batch):
    return replace(right(problem, batch), changed_inputs=True)


@planted("pure", OBJECT_TERMS, remembers=True)
def the_gradient_depends_on_the_calls_before(right, problem, batch, memory):
    memory["calls"] = memory.get("calls", 0) + 1
    return with_slopes(right(problem, batch), lambda _, g: g / memory["calls"], ALL)


@planted("pure", "classification", remembers=True)
def the_count_of_the_batch_before_divides(right, problem, batch, memory):
    before, memory["count"] = memory.get("count", 1), max(1, batch.positives)
    return scaled(right(problem, batch), 1 / before, "classification")


@planted("pure", "location", remembers=True)
def the_first_thousand_calls_are_a_warm_up(right, problem, batch, memory):
    memory["calls"] = memory.get("calls", 0) + 1
    return scaled(right(problem, batch), min(1.0, memory["calls"] / 1_000), "location")


@planted("replication", OBJECT_TERMS, remembers=True)
def the_batch_size_of_the_first_call_divides(right, problem, batch, memory):
    images = memory.setdefault("images", batch.images)
    return renormalized(right(problem, batch), problem, batch, OBJECT_TERMS, lambda *_: 1 / images)


@planted("partition", "location anchor classification total", remembers=True)
def the_largest_batch_so_far_divides(right, problem, batch, memory):
    memory["images"] = max(memory.get("images", 1), batch.images)
    return scaled(right(problem, batch), batch.images / memory["images"], ALL)
