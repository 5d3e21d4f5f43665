"""For Lightning's users: a scheduler that is stepped every step, and a clock in its checkpoints.

Importing this module imports `lightning`, or `pytorch_lightning` where the program uses that.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from epochal._clock import Clock
from epochal._shown import shown

if "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules:
    from pytorch_lightning import Callback
else:
    from lightning.pytorch import Callback

if TYPE_CHECKING:
    from torch.optim.lr_scheduler import LRScheduler

__all__ = ["ClockCallback", "optimizer_config"]


def optimizer_config(scheduler: LRScheduler) -> dict[str, Any]:
    """What `configure_optimizers` returns for an optimizer and its scheduler.

    Lightning then calls `scheduler.step()` after each step of the optimizer. By default it would
    call it once an epoch. With several optimizers, return a list of these, one for each.

    >>> import torch
    >>> from epochal.torch import bind
    >>> from epochal.torch.lightning import optimizer_config
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    >>> scheduler = bind(LinearScheduler(), optimizer, Run("4ba"))
    >>> optimizer_config(scheduler)["lr_scheduler"]["interval"]
    'step'
    """
    return {
        "optimizer": scheduler.optimizer,
        "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
    }


class ClockCallback(Callback):
    """Keeps a clock in step with Lightning: its epochs are Lightning's, its time is in checkpoints.

    It ticks no batches: `clock.follow(optimizer)` in `configure_optimizers` does, and
    `clock.count(tokens=...)` in `training_step` tells it what it cannot know.

    Args:
        clock: the clock of the training. Raises `TypeError` for anything else.
    """

    def __init__(self, clock: Clock) -> None:
        if not isinstance(clock, Clock):
            raise TypeError(f"clock must be a Clock, not {shown(clock)}")
        self.clock = clock

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        # A training that goes on from the last batch of an epoch is never told of the epoch's end.
        self._go_to(trainer.current_epoch)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self._go_to(trainer.current_epoch + 1)

    def _go_to(self, epoch: int) -> None:
        while self.clock.timestamp.epoch < epoch:
            self.clock.next_epoch()

    def state_dict(self) -> dict[str, Any]:
        # Lightning asks on all ranks, though one of them writes.
        self.clock.sync()
        return dict(self.clock.state_dict())

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.clock.load_state_dict(state_dict)
