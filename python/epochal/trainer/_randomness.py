"""The random numbers of a training: where they come from, and how to go on with the same ones."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from epochal._core import StateError

__all__ = ["check_random_state", "random_state", "samplers", "seed_all", "set_random_state"]


def random_state(loader: Any) -> dict[str, Any]:
    """The state of every source of random numbers that training draws from: Python's, NumPy's and
    PyTorch's, and the generators of the dataloader."""
    numpy_state: Any = np.random.get_state()
    name, keys, *position = numpy_state
    state = {
        "python": random.getstate(),
        "numpy": [name, keys.tolist(), *position],
        "torch": torch.get_rng_state(),
        "loader": [generator.get_state() for generator in _generators(loader)],
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def check_random_state(state: Any, loader: Any) -> None:
    """Raises `StateError` for what `set_random_state` could not go back to; changes nothing."""
    own = _generators(loader)
    try:
        random.Random().setstate(state["python"])
        np.random.RandomState().set_state(tuple(state["numpy"]))
        torch.Generator().set_state(state["torch"])
        loaders = list(state["loader"])
        for generator, saved in zip(own, loaders, strict=False):
            torch.Generator(generator.device).set_state(saved)
        if torch.cuda.is_available():
            for saved in state.get("cuda", ()):
                torch.Generator("cuda").set_state(saved)
    except Exception as error:
        raise StateError(f"the random state is not valid: {error}") from error
    if len(loaders) != len(own):
        raise StateError(
            f"train_dataloader and its samplers have {len(own)} generators, but had {len(loaders)} "
            "when the random state was saved: give it as many"
        )


def set_random_state(state: Mapping[str, Any], loader: Any) -> None:
    """Goes back to a `random_state`."""
    random.setstate(state["python"])
    np.random.set_state(tuple(state["numpy"]))
    torch.set_rng_state(state["torch"])
    for generator, saved in zip(_generators(loader), state["loader"], strict=True):
        generator.set_state(saved)
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"][: torch.cuda.device_count()])


def samplers(loader: Any) -> list[Any]:
    """The samplers of a dataloader, each once."""
    batch_sampler = getattr(loader, "batch_sampler", None)
    parts = [getattr(loader, "sampler", None), batch_sampler]
    parts.append(getattr(batch_sampler, "sampler", None))
    return list({id(part): part for part in parts if part is not None}.values())


def _generators(loader: Any) -> list[torch.Generator]:
    """The generators of a dataloader and its samplers, each once."""
    found = [getattr(part, "generator", None) for part in [loader, *samplers(loader)]]
    unique = {id(generator): generator for generator in found}
    return [value for value in unique.values() if isinstance(value, torch.Generator)]


def seed_all(seed: int) -> None:
    """Seeds Python's, NumPy's and PyTorch's random numbers."""
    random.seed(seed)
    np.random.seed(seed % (1 << 32))
    torch.manual_seed(seed)
