"""Loads of an optimizer's state: they bring other rates, of which its schedulers are told."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from torch.optim import Optimizer

from epochal._follow import unwrapped

if TYPE_CHECKING:
    from epochal.torch._lr import EpochalLR

__all__ = ["tell_of_loads"]


class _Loads:
    """The schedulers of an optimizer, in the order in which they were bound."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.schedulers: WeakKeyDictionary[EpochalLR, None] = WeakKeyDictionary()
        self._new = False
        # What is an Optimizer in name only has no hooks.
        with suppress(AttributeError):
            optimizer.register_load_state_dict_pre_hook(self._before)
            optimizer.register_load_state_dict_post_hook(self._after)

    def _before(self, optimizer: Optimizer, state_dict: dict[str, Any]) -> None:
        self._new = not optimizer.state

    def _after(self, optimizer: Optimizer) -> None:
        # A wrapper may load into an optimizer what it has, as Accelerate's does.
        trained = self._new and bool(optimizer.state)
        # All are asked before one of them writes.
        writes = {s: s._goes_on_after_load(trained) for s in list(self.schedulers)}
        for scheduler, goes_on in writes.items():
            if goes_on:
                scheduler._write_after_load()


_LOADS: WeakKeyDictionary[Optimizer, _Loads] = WeakKeyDictionary()


def tell_of_loads(optimizer: Optimizer, scheduler: EpochalLR) -> None:
    """From now on the scheduler is told when the state of the optimizer has been loaded."""
    real = unwrapped(optimizer)
    if real not in _LOADS:
        _LOADS[real] = _Loads(real)
    _LOADS[real].schedulers[scheduler] = None
