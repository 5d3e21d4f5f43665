"""The state of the random numbers, which is not read anew while nobody draws."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from epochal.trainer import _randomness as randomness
from epochal.trainer._randomness import plain_random_state, random_state, set_random_state
from hypothesis import given
from hypothesis import strategies as st

# The global generators are what is looked at.
# ruff: noqa: NPY002

DRAWS: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "random": random.random,
    "gauss": lambda: random.gauss(0.0, 1.0),
    "getrandbits": lambda: random.getrandbits(9000),
    "seed": lambda: random.seed(3),
    "rand": np.random.rand,
    "randn": np.random.randn,
    "many": lambda: np.random.rand(700),
    "permutation": lambda: np.random.permutation(9),
    "numpy seed": lambda: np.random.seed(3),
    "torch": lambda: torch.rand(3),
}


def read() -> Any:
    """The states, asked for without a short cut."""
    state: Any = np.random.get_state()
    name, keys, *position = state
    return random.getstate(), name, keys.tolist(), position, torch.get_rng_state().tolist()


def told(state: Any) -> Any:
    name, keys, *position = state["numpy"]
    keys = np.asarray(keys).tolist()
    return state["python"], name, keys, list(position), state["torch"].tolist()


@given(st.lists(st.sampled_from(sorted(DRAWS)), max_size=12), st.data())
def test_the_state_is_that_of_the_moment(names: list[str], data: st.DataObject) -> None:
    # Hypothesis has seeded them, between two questions.
    randomness._python.forget()
    randomness._numpy.forget()
    states = []
    for name in names:
        DRAWS[name]()
        states.append(random_state([]))
        assert told(states[-1]) == read(), name
        if data.draw(st.booleans()):
            earlier = data.draw(st.sampled_from(states))
            plain = data.draw(st.booleans())
            set_random_state(plain_random_state(earlier) if plain else earlier, [])  # type: ignore[arg-type]
            assert told(earlier) == read()


def test_it_is_not_read_while_nobody_draws() -> None:
    for twister, draw in (
        (randomness._python, random.random),
        (randomness._numpy, np.random.rand),
    ):
        twister.forget()
        first = twister.state()
        assert twister.state() is first
        draw()
        assert twister.state() is not first


def test_another_generator_of_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or another Python, where the memory is not known."""
    for twister, draw in (
        (randomness._python, random.random),
        (randomness._numpy, np.random.rand),
    ):
        monkeypatch.setattr(twister, "_memory", lambda: None)
        for _ in range(3):
            assert told(random_state([])) == read()
            draw()


def test_a_seed_of_more_than_32_bits() -> None:
    """PyTorch and Python take all of it; NumPy, which takes 32 bits, the lower ones."""
    randomness.seed_all(2**32 + 7)
    drawn = np.random.rand(3).tolist()
    np.random.seed(7)
    assert np.random.rand(3).tolist() == drawn
    assert torch.initial_seed() == 2**32 + 7
