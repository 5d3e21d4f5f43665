"""The names of the page as they will be; the one place to change when they are."""

from typing import Any

import epochal
import epochal.torch


def bind(schedule: Any, optimizer: Any, run: Any, base_lr: Any = None) -> Any:
    for group, base in zip(optimizer.param_groups, base_lr or [], strict=False):
        group["initial_lr"] = base
    if isinstance(run, epochal.Clock):
        return epochal.torch.bind(schedule, optimizer, run.run, clock=run)
    if isinstance(run, str):
        run = epochal.Run(run)
    return epochal.torch.bind(schedule, optimizer, run)


def lr_lambda(schedule: Any, run: Any) -> Any:
    return schedule.resolve(epochal.Run(run) if isinstance(run, str) else run).at_batch


NEW_NAMES = {"bind": bind, "lr_lambda": lr_lambda}
epochal.torch.lr_lambda = lr_lambda  # type: ignore[attr-defined]
