"""The schedulers of a training: which optimizer each of them drives, and when it is stepped."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from types import NoneType
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from epochal._clock import Clock
from epochal._core import Run, ScheduleError, Timestamp, TimeUnit
from epochal._functions import as_schedule
from epochal.torch import EpochalLR, bind, scale_scheduler
from epochal.trainer import _arguments as arguments

if TYPE_CHECKING:
    from epochal._core import Schedule

__all__ = ["Schedulers", "snapshot_of_groups"]

# What changes with every step of a PyTorch scheduler, and so says nothing of its settings.
PROGRESS = {
    "last_epoch",
    "_step_count",
    "_last_lr",
    "T_cur",
    "T_i",
    "_is_initial",
    "_get_lr_called_within_step",
}


class Schedulers:
    """PyTorch schedulers and epochal schedules, for one or more optimizers.

    The schedules drive, as their product, each optimizer that has no PyTorch scheduler.

    Args:
        given: a scheduler, a schedule or a function `f(state, ssr=1.0)`; a list of them; or None.
        optimizers: at least one.
        every_batch: whether schedulers are stepped every batch or every epoch; None for each
            kind's own default: epochal's every batch, PyTorch's every epoch.

    Raises `ScheduleError` and `TypeError` for what cannot be combined. Nothing is changed before
    `bind` is called.
    """

    def __init__(
        self, given: Any, optimizers: Sequence[Optimizer], every_batch: bool | None
    ) -> None:
        name = "step_schedulers_every_batch"
        arguments.check_type(name, every_batch, (bool, NoneType), "True, False or None")
        self._optimizers = optimizers
        self._every_batch = every_batch
        self._torch: list[LRScheduler] = []
        self._bound: list[EpochalLR] = []
        # What the schedules read if they are stepped every epoch: it stands still in between, so
        # that the rates stay, whatever is saved, loaded and bound anew in mid-epoch.
        self._held: Clock | None = None
        schedules: list[Schedule] = []
        for scheduler in arguments.listed(given):
            if isinstance(scheduler, LRScheduler):
                self._torch.append(_checked(scheduler, optimizers, self._torch))
            else:
                schedules.append(_schedule(scheduler))
        driven = [scheduler.optimizer for scheduler in self._torch]
        self._free = [o for o in optimizers if not any(o is other for other in driven)]
        if schedules and not self._free:
            raise ScheduleError(
                f"{schedules[0]!r} and {type(self._torch[0]).__name__} are for one optimizer, but "
                "the product of an epochal schedule and a PyTorch scheduler is not defined: give "
                "schedules of one kind"
            )
        self._schedules = schedules

    def bind(self, run: Run, clock: Clock) -> None:
        """Scales the PyTorch schedulers and binds the schedules; the rates are those of step 0."""
        for scheduler in self._torch:
            scale_scheduler(scheduler, run.scale_schedule_ratio)
        self.follow(run, clock)
        # Known now only: steps change schedulers, and a program may change a rate by hand.
        self._settings = [_described(scheduler) for scheduler in self._torch]
        self._base_rates = [
            float(group.get("initial_lr", group["lr"])) for group in _groups(self._optimizers)
        ]

    def follow(self, run: Run, clock: Clock) -> None:
        """Binds the schedules anew, for another run."""
        self._clock = clock
        if self._every_batch is False:
            self._held = Clock(run)
            self._held.load_state_dict(_start_of_epoch(clock.timestamp).state_dict())
            clock = self._held
        if self._schedules:
            self._bound = [
                bind(self._schedules, optimizer, run, clock=clock) for optimizer in self._free
            ]

    def clocks(self, run: Run, now: Timestamp) -> set[TimeUnit]:
        """What the schedules read in a run. Raises what `follow` would raise, changes nothing."""
        read: set[TimeUnit] = set()
        for schedule in self._schedules:
            curve = schedule.resolve(run)
            curve(now)
            read.update(curve.units)
        return read

    def all(self) -> list[LRScheduler]:
        """The bound ones, PyTorch's first."""
        return [*self._torch, *self._bound]

    def step(self, *, batch: bool, epoch: bool) -> None:
        """After a batch, the end of an epoch, or both."""
        for scheduler in self._torch:
            if (batch and self._every_batch is True) or (epoch and self._every_batch is not True):
                scheduler.step()
        if epoch and self._held is not None:
            self._held.load_state_dict(self._clock.timestamp.state_dict())
        for bound in self._bound:
            # They read the clock, so that nothing happens twice where they are stepped twice.
            if epoch or self._every_batch is not False:
                bound.step()

    def move_to(self, timestamp: Timestamp) -> None:
        """From the start to the rates of another time, as if every step had been made."""
        steps = timestamp.batch if self._every_batch is True else timestamp.epoch
        with warnings.catch_warnings():
            # There was no step of the optimizer, which PyTorch warns of.
            warnings.simplefilter("ignore", UserWarning)
            for scheduler in self._torch:
                for _ in range(int(steps)):
                    scheduler.step()
        if self._held is not None:
            timestamp = _start_of_epoch(timestamp)
            self._held.load_state_dict(timestamp.state_dict())
        state = {"last_epoch": int(timestamp.batch), "timestamp": timestamp.state_dict()}
        for bound in self._bound:
            bound.load_state_dict(state)

    def jump(self, was: list[float], timestamp: Timestamp) -> str:
        """What rates that were saved at a time would do now, in words. Moves there."""
        try:
            self.move_to(timestamp)
        except Exception as error:
            return f"not be known ({error})"
        now = self.rates()
        return f"jump from {was} to {now}" if was != now else "be the same"

    def rates(self) -> list[float]:
        """The learning rates of all groups of all optimizers."""
        lrs = [group["lr"] for optimizer in self._optimizers for group in optimizer.param_groups]
        return [lr if type(lr) is float else float(lr) for lr in lrs]

    def settings(self) -> dict[str, str]:
        """What decides on the rates beside the run, in words."""
        return {
            "schedule": " * ".join(map(repr, self._schedules)) or "none",
            "schedulers": ", ".join(self._settings) or "none",
            "step_schedulers_every_batch": str(self._every_batch),
            "base learning rates": str(self._base_rates),
        }

    def state_dict(self) -> list[dict[str, Any]]:
        """The states of all schedulers, PyTorch's first."""
        return [scheduler.state_dict() for scheduler in self.all()]

    def changes(self, states: Sequence[Mapping[str, Any]]) -> list[str]:
        """Where functions, which have no settings to compare, give other rates than when the
        states were saved."""
        found = []
        for scheduler, state in zip(self.all(), states, strict=True):
            if isinstance(scheduler, EpochalLR):
                rates = scheduler.rates_at(Timestamp.from_state_dict(state["timestamp"]))
            elif type(scheduler) is LambdaLR:
                bases, functions = scheduler.base_lrs, scheduler.lr_lambdas
                epoch = state["last_epoch"]
                rates = [b * f(epoch) for b, f in zip(bases, functions, strict=True)]
            else:
                continue
            was, now = (list(map(float, values)) for values in (state["_last_lr"], rates))
            if was != now:
                name = type(scheduler).__name__
                found.append(f"the rates of {name} were {was}, now they are {now}")
        return found

    def load_state_dict(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Loads what `state_dict` gave, under the same settings."""
        if self._held is not None and self._bound:
            self._held.load_state_dict(states[-1]["timestamp"])
        for scheduler, state in zip(self.all(), states, strict=True):
            scheduler.load_state_dict(dict(state))

    def snapshot(self) -> Callable[[], None]:
        """A function that puts the schedulers back as they are now."""
        states = deepcopy(self.state_dict())
        schedulers = self.all()

        def restore() -> None:
            for scheduler, state in zip(schedulers, states, strict=True):
                scheduler.load_state_dict(state)

        return restore


def snapshot_of_groups(optimizers: Sequence[Optimizer]) -> Callable[[], None]:
    """A function that puts all settings of the parameter groups back as they are now."""
    saved = [
        {name: value for name, value in group.items() if name != "params"}
        for group in _groups(optimizers)
    ]
    tensors = [value for group in saved for value in group.values() if isinstance(value, Tensor)]
    values = [tensor.clone() for tensor in tensors]

    def restore() -> None:
        for tensor, value in zip(tensors, values, strict=True):
            tensor.copy_(value)
        # Loading a state replaces the groups.
        for group, settings in zip(_groups(optimizers), saved, strict=True):
            parameters = group["params"]
            group.clear()
            group.update(settings, params=parameters)

    return restore


def _groups(optimizers: Sequence[Optimizer]) -> list[dict[str, Any]]:
    return [group for optimizer in optimizers for group in optimizer.param_groups]


def _start_of_epoch(now: Timestamp) -> Timestamp:
    return now.copy(
        batch=now.batch - now.batch_in_epoch,
        sample=now.sample - now.sample_in_epoch,
        token=now.token - now.token_in_epoch,
        token_in_iteration=now.token_in_iteration - now.token_in_epoch,
        batch_in_epoch=0,
        sample_in_epoch=0,
        token_in_epoch=0,
        total_wct=now.total_wct - now.epoch_wct,
        iteration_wct=now.iteration_wct - now.epoch_wct,
        epoch_wct=0 * now.epoch_wct,
        batch_wct=0 * now.batch_wct,
    )


def _schedule(given: Any) -> Schedule:
    try:
        return as_schedule(given)
    except TypeError as error:
        raise TypeError(f"schedulers, if not of torch.optim.lr_scheduler: {error}") from None


def _checked(
    scheduler: LRScheduler, optimizers: Sequence[Optimizer], others: Sequence[LRScheduler]
) -> LRScheduler:
    name = type(scheduler).__name__
    if isinstance(scheduler, EpochalLR):
        raise ScheduleError(
            f"schedulers holds {scheduler.curve.schedule!r} bound to an optimizer: give the "
            "schedule itself, which the Trainer binds"
        )
    if isinstance(scheduler, ReduceLROnPlateau):
        raise ScheduleError(f"{name} wants a metric at each step, which the Trainer does not have")
    if not any(scheduler.optimizer is optimizer for optimizer in optimizers):
        raise ScheduleError(f"{name} drives an optimizer that is not among optimizers")
    if any(scheduler is other for other in others):
        raise ScheduleError(f"schedulers holds the same {name} twice: it would be stepped twice")
    return scheduler


def _described(scheduler: LRScheduler) -> str:
    """A PyTorch scheduler as its class and its settings."""
    children = getattr(scheduler, "_schedulers", None)
    settings = {
        name: value
        for name, value in scheduler.state_dict().items()
        if name not in PROGRESS and name not in ("_schedulers", "base_lrs")
    }
    if children is not None:
        settings["schedulers"] = [_described(child) for child in children]
    return f"{type(scheduler).__name__}({', '.join(f'{k}={v!r}' for k, v in settings.items())})"
