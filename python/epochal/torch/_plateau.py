"""A cut of the rates when a metric no longer improves, beside a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch.optim.lr_scheduler import ReduceLROnPlateau

from epochal._core import ScheduleError, StateError
from epochal._numbers import real
from epochal._shown import shown
from epochal.torch._fields import number
from epochal.torch._lr import EpochalLR
from epochal.torch._time import whole

__all__ = ["Plateau"]


class Plateau(ReduceLROnPlateau):
    """Cuts the rates of a bound schedule when a metric has stopped improving.

    It decides as PyTorch's `ReduceLROnPlateau`, which it is, but in place of the learning rates,
    which the schedule writes, it multiplies `scheduler.factor`:

        lr = initial_lr * α(t) * scheduler.factor

    Args:
        scheduler: what `bind` gave.
        mode, patience, threshold, threshold_mode, cooldown: when to cut, as in PyTorch's.
        factor: a cut multiplies the rates by it. 0 or above, below 1; default 0.1.
        min_lr: no cut takes `initial_lr * scheduler.factor` of a group below it; a number, or one
            a group. Default 0.
        eps: a cut that changes `initial_lr * scheduler.factor` of no group by more is left out.
            Default 1e-8.

    Call `step(metric)` after each evaluation; the scheduler itself is stepped as ever. Raises
    `TypeError` for another scheduler, `ScheduleError` for a factor out of range, and PyTorch's
    `ValueError` for its own arguments.

    >>> import torch
    >>> from epochal.torch import Plateau, bind
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = bind(ConstantScheduler(), optimizer, "100ba")
    >>> plateau = Plateau(scheduler, factor=0.5, patience=0)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     plateau.step(loss)
    ...     print(optimizer.param_groups[0]["lr"])
    1.0
    1.0
    0.5
    0.25
    """

    def __init__(
        self,
        scheduler: EpochalLR,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if not isinstance(scheduler, EpochalLR):
            raise TypeError(f"scheduler must be one that bind gave, not {shown(scheduler)}")
        if number("factor", factor, least=0.0) >= 1.0:
            raise ScheduleError(f"factor must be below 1, not {shown(factor)}")
        self.scheduler = scheduler
        super().__init__(
            scheduler.optimizer,
            mode=mode,
            factor=factor,
            patience=patience,
            threshold=threshold,
            threshold_mode=threshold_mode,
            cooldown=cooldown,
            min_lr=min_lr,
            eps=eps,
        )

    def step(  # type: ignore[override]  # as that of PyTorch's class
        self, metrics: Any, epoch: int | None = None
    ) -> None:
        """Tells the metric of an evaluation. Raises `TypeError` for what is no number."""
        if epoch is not None:
            epoch = whole("epoch", epoch, ScheduleError)
        super().step(real("metrics", metrics), epoch)

    def _reduce_lr(self, epoch: int) -> None:
        # The one thing that PyTorch's class does to the rates.
        bases = [float(base) for base in self.scheduler.base_lrs]
        floors = self.min_lrs if self.default_min_lr is None else [self.default_min_lr] * len(bases)
        old = self.scheduler.factor
        lowest = [floor / base for floor, base in zip(floors, bases, strict=True) if base]
        new = max([old * self.factor, *lowest])
        if any(base * old - base * new > self.eps for base in bases):
            self.scheduler.factor = new

    def state_dict(self) -> dict[str, Any]:
        """What it has seen, as plain numbers. The cuts made are in the scheduler's state."""
        return {name: getattr(self, name) for name in _SEEN}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes on from a saved state, also that of a `ReduceLROnPlateau`; the arguments stay.

        Raises `StateError` naming the entry that is not valid, and then nothing is loaded.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"state_dict must be a dict, not {shown(state_dict)}")
        seen = {}
        for name in _SEEN:
            value = state_dict.get(name)
            if name == "best":
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise StateError(f"best must be a number, not {shown(value)}")
                seen[name] = float(value)
            else:
                seen[name] = whole(name, value, StateError)
        vars(self).update(seen)


_SEEN = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")
