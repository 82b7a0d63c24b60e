"""Seed every generator of random numbers that a loss may draw from, before each evaluation.

Equal seeds let two evaluations draw the same numbers, so that noise breaks no law but `pure`.
TensorFlow's own generator is seeded by its adapter, because that takes longer than most losses do.
"""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, MethodType
from typing import Any

import numpy as np
import numpy.random.bit_generator as numpy_bits

from mgloss.gate.losses.attributes import attribute, is_of

SEED, OTHER_SEED = 0, 1
DEEPEST = 3  # from the loss, through closures and attributes, to a generator of its own


@contextlib.contextmanager
def seeded(seed: int, own: Iterable[Any] = ()) -> Iterator[None]:
    """Seed the generators of Python, NumPy and PyTorch; give them back as they were.

    own: generators that belong to the loss, as of `find_generators`; they stay as it leaves them.
    """
    with contextlib.ExitStack() as stack:
        stack.callback(random.setstate, random.getstate())
        random.seed(seed)
        stack.callback(np.random.set_state, np.random.get_state())
        np.random.seed(seed)
        stack.enter_context(_seeded_entropy(seed))
        torch = sys.modules.get("torch")
        if torch is not None and hasattr(torch, "default_generator"):
            stack.callback(torch.set_rng_state, torch.get_rng_state())
            torch.default_generator.manual_seed(seed)
        for generator in (*own, *_of_keras()):
            _seed(generator, seed)
        yield


@contextlib.contextmanager
def _seeded_entropy(seed: int) -> Iterator[None]:
    """Make `np.random.default_rng()` without a seed repeatable inside the `with` block.

    It then takes its seed from a generator with this seed, not from the system. A NumPy without
    the function that is replaced for it stays as it is.
    """
    name = "randbits"
    if not hasattr(numpy_bits, name):
        yield
        return
    before = getattr(numpy_bits, name)
    setattr(numpy_bits, name, random.Random(seed).getrandbits)
    try:
        yield
    finally:
        setattr(numpy_bits, name, before)


def _of_keras() -> tuple[Any, ...]:
    """Return the generator that `keras.random` draws from, if Keras is imported."""
    module = sys.modules.get("keras.src.random.seed_generator")
    make = getattr(module, "global_seed_generator", None)
    return (make(),) if callable(make) else ()


def find_generators(*places: Any) -> tuple[Any, ...]:
    """Return the generators that belong to a loss: in a module, an object, or a closure.

    places: the loss, and what its module defines.
    """
    found: dict[int, Any] = {}
    seen: set[int] = set()
    kinds = _kinds()

    def visit(value: Any, depth: int) -> None:
        if id(value) in seen:
            return
        seen.add(id(value))
        if is_of(value, *kinds):
            found[id(value)] = value
        elif depth:
            for inner in _parts(value):
                visit(inner, depth - 1)

    for place in places:
        visit(place, DEEPEST)
    return tuple(found.values())


def _parts(value: Any) -> list[Any]:
    """Return what a function encloses, or an object has as attributes."""
    if is_of(value, FunctionType):
        cells = value.__closure__ or ()
        parts = [value.__dict__.get("__wrapped__")]
        for cell in cells:
            with contextlib.suppress(ValueError):  # an empty cell
                parts.append(cell.cell_contents)
        return parts
    if is_of(value, MethodType):
        return [value.__self__, value.__func__]
    attributes = attribute(value, "__dict__")
    return list(attributes.values()) if type(attributes) is dict else []


def _kinds() -> tuple[type, ...]:
    """Return the classes of generators, of the frameworks that are imported."""
    kinds: list[type] = [random.Random, np.random.Generator, np.random.RandomState]
    for module, path in (
        ("torch", ("Generator",)),
        ("tensorflow", ("random", "Generator")),
        ("keras", ("random", "SeedGenerator")),
    ):
        found: Any = sys.modules.get(module)
        for name in path:
            found = getattr(found, name, None)
        if isinstance(found, type):
            kinds.append(found)
    return tuple(kinds)


def _seed(generator: Any, seed: int) -> None:
    """Seed one generator, of any of the kinds."""
    if isinstance(generator, np.random.Generator):
        bits = generator.bit_generator
        with contextlib.suppress(TypeError):  # a bit generator of the user's own
            bits.state = type(bits)(seed).state
        return
    reseeding: Callable[[int], Any] | None = None
    for name in ("manual_seed", "reset_from_seed", "seed"):  # of PyTorch, TensorFlow, the others
        reseeding = getattr(generator, name, None)
        if callable(reseeding):
            break
    if callable(reseeding):
        reseeding(seed)
    elif hasattr(generator, "state"):  # Keras: a variable of the seed and a counter
        generator.state.assign(np.array([seed, 0], np.uint32))
