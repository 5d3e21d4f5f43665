"""Programs that are started again under other settings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from epochal import (
    LinearScheduler,
    Schedule,
    Trainer,
)
from torch.optim import SGD
from torch.optim import lr_scheduler as lrs
from training import History, make_trainer, model

K = 5  # when the checkpoint is made: in the second epoch, before its last batch
Scheduler = Callable[[SGD], Any]


def epochal_schedule(_: SGD) -> Schedule:
    return LinearScheduler(1.0, 0.5)


def cosine(optimizer: SGD) -> lrs.LRScheduler:
    return lrs.CosineAnnealingLR(optimizer, 4)


def one_cycle(optimizer: SGD) -> lrs.LRScheduler:
    return lrs.OneCycleLR(optimizer, 0.9, 12)


def cyclic(optimizer: SGD) -> lrs.LRScheduler:
    return lrs.CyclicLR(optimizer, 0.1, 0.5, 2, mode="exp_range", gamma=0.9)


def sequential(optimizer: SGD) -> lrs.LRScheduler:
    parts = [lrs.LinearLR(optimizer, 0.1, total_iters=2), lrs.ExponentialLR(optimizer, 0.9)]
    return lrs.SequentialLR(optimizer, parts, milestones=[2])


def program(scheduler: Scheduler, lr: float = 0.5, **changes: Any) -> Trainer:
    parts = model()
    optimizer = SGD(parts.parameters(), lr=lr, momentum=0.9)
    settings = {"schedulers": scheduler(optimizer), **changes}
    return make_trainer(model=parts, optimizers=optimizer, **settings)


def stop_at(batch: int, path: Path) -> Callable[[Trainer], None]:
    def stop(trainer: Trainer) -> None:
        if trainer.clock.timestamp.batch == batch:
            trainer.save_checkpoint(path)
            raise KeyboardInterrupt

    return stop


def saved(path: Path, scheduler: Scheduler, batch: int = K, **changes: Any) -> Trainer:
    """A training that was stopped after a checkpoint."""
    trainer = program(scheduler, callbacks=stop_at(batch, path), **changes)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    return trainer


def edited(path: Path, **settings: str) -> None:
    state = torch.load(path)
    state["settings"] |= settings
    torch.save(state, path)


def rates_of(scheduler: Scheduler, **now: Any) -> list[float]:
    """Of a training under these settings from the start."""
    history = History()
    program(scheduler, callbacks=history, **now).fit()
    return history.rates
