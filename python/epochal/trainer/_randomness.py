"""The random numbers of a training: where they come from, and how to go on with the same ones."""

from __future__ import annotations

import ctypes
import random
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from epochal._core import StateError
from epochal._numbers import is_bool
from epochal._shown import shown

__all__ = [
    "check_random_state",
    "plain_random_state",
    "random_state",
    "samplers",
    "seed_all",
    "set_random_state",
]


def random_state(loader: Any) -> dict[str, Any]:
    """The state of every source of random numbers that training draws from: Python's, NumPy's and
    PyTorch's, and the generators of the dataloader. It is asked for several times a batch."""
    state = {
        "python": _python.state(),
        "numpy": _numpy.state(),
        "torch": torch.get_rng_state(),
        "loader": [generator.get_state() for generator in _generators(loader)],
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def plain_random_state(state: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The same as `torch.load` takes it by default."""
    if state is None:
        return None
    name, keys, *position = state["numpy"]
    return {**state, "numpy": [name, np.asarray(keys).tolist(), *position]}


def check_random_state(state: Any, loader: Any) -> None:
    """Raises `StateError` for what `set_random_state` could not go back to; changes nothing."""
    own = _generators(loader)
    try:
        random.Random().setstate(state["python"])
        if not isinstance(state["python"][2], float | None):  # it takes anything
            raise TypeError(f"a number or None was expected, not {shown(state['python'][2])}")
        np.random.RandomState().set_state(tuple(state["numpy"]))
        if any(map(is_bool, state["numpy"])):  # likewise
            raise TypeError("numbers were expected, not a bool")
        torch.Generator().set_state(state["torch"])
        loaders = state["loader"]
        if not isinstance(loaders, list):
            raise TypeError(f"loader must be a list of states, not {shown(loaders)}")
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
    """Goes back to a `random_state`, also to a plain one."""
    _python.forget()
    random.setstate(state["python"])
    _numpy.forget()
    np.random.set_state(tuple(state["numpy"]))
    torch.set_rng_state(state["torch"])
    for generator, saved in zip(_generators(loader), state["loader"], strict=True):
        generator.set_state(saved)
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"][: torch.cuda.device_count()])


class _Twister:
    """A Mersenne Twister that is only asked for its state when its memory has changed: the answer
    consists of hundreds of Python objects, and takes longer than all else together.

    Args:
        read: asks for the state.
        memory: the address of its 624 words and the position in them, None if it is not known.
        keeps_one: whether a state holds a normal number for the next draw. It is kept elsewhere,
            so that it goes without a trace in the memory, and such a generator is always asked.
            Missed is one that is seeded again between two questions, and comes to the very words
            that were there, with such a number now.
    """

    def __init__(
        self,
        read: Callable[[], Any],
        memory: Callable[[], int | None],
        keeps_one: Callable[[Any], bool],
    ) -> None:
        self._read, self._memory, self._keeps_one = read, memory, keeps_one
        self._known = b""

    def state(self) -> Any:
        address = self._memory()
        memory = b"" if address is None else ctypes.string_at(address, MEMORY_BYTES)
        if not memory or memory != self._known:
            self._state = self._read()
            self._known = b"" if self._keeps_one(self._state) else memory
        return self._state

    def forget(self) -> None:
        """It is set to another state."""
        self._known = b""


MEMORY_BYTES = 4 * 625
# Its types do not tell of `get_bit_generator`.
_numpy_random: Any = np.random


def _memory_of_numpy() -> int | None:
    generator = _numpy_random.get_bit_generator()
    if not isinstance(generator, np.random.MT19937):
        return None
    address: int = generator.ctypes.state_address
    return address


def _memory_of_python() -> int | None:
    """Where CPython keeps it: after the header of the object, the position first."""
    generator: Any = random.getstate.__self__  # type: ignore[attr-defined]
    if sys.implementation.name != "cpython" or sys.getsizeof(generator) < MEMORY_BYTES:
        return None
    address = id(generator) + object.__basicsize__
    position, *words = struct.unpack("625I", ctypes.string_at(address, MEMORY_BYTES))
    return address if (*words, position) == generator.getstate()[1] else None


_python_address = _memory_of_python()
_python = _Twister(random.getstate, lambda: _python_address, lambda state: state[2] is not None)
_numpy = _Twister(np.random.get_state, _memory_of_numpy, lambda state: bool(state[3]))


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
