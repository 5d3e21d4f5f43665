"""The names of the page as they will be; the one place to change when they are."""

from typing import Any

import epochal
import epochal.torch


class Clock(epochal.Clock):
    @property
    def totals(self) -> bool:
        return self._totals

    __slots__ = ("_counted",)

    def count(self, samples: int = 0, tokens: int = 0) -> None:
        old = getattr(self, "_counted", (0, 0))
        self._counted = (old[0] + samples, old[1] + tokens)

    def follow(self, optimizer: Any) -> Any:
        optimizer = getattr(optimizer, "optimizer", optimizer)

        def tick(*_: Any) -> None:
            samples, tokens = getattr(self, "_counted", (0, 0))
            self._counted = (0, 0)
            self.tick(samples=samples, tokens=tokens)

        return optimizer.register_step_post_hook(tick)


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


NEW_NAMES = {"bind": bind, "Clock": Clock, "lr_lambda": lr_lambda}
epochal.torch.lr_lambda = lr_lambda  # type: ignore[attr-defined]
