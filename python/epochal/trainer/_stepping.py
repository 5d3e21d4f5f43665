"""The schedulers of a training: which optimizer each of them drives, and when it is stepped."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from types import NoneType
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from epochal._clock import Clock
from epochal._core import EpochalError, Run, ScheduleError, Time, Timestamp, TimeUnit
from epochal.schedules import ConstantScheduler
from epochal.torch import EpochalLR, Plateau, bind, scale_scheduler
from epochal.trainer import _arguments as arguments
from epochal.trainer._drives import OfGroups, like, parts, sort

__all__ = ["PROGRESS", "Schedulers", "moment", "snapshot_of_groups"]

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

    Args:
        given, fields: what drives the optimizers, as `sort` takes it.
        optimizers: at least one.
        every_batch: whether schedulers are stepped every batch or every epoch; None for each
            kind's own default: epochal's every batch, PyTorch's every epoch.
        plateau: arguments of a `Plateau` over each bound schedule, or None.

    Raises `ScheduleError` and `TypeError` for what cannot be combined. Nothing is changed before
    `bind` is called.
    """

    def __init__(
        self,
        given: Any,
        fields: Any,
        optimizers: Sequence[Optimizer],
        every_batch: bool | None,
        plateau: Mapping[str, Any] | None,
    ) -> None:
        name = "step_schedulers_every_batch"
        arguments.check_type(name, every_batch, (bool, NoneType), "True, False or None")
        self._optimizers = optimizers
        self._every_batch = every_batch
        arguments.check_type("plateau", plateau, (Mapping, NoneType), "a mapping of arguments")
        self._torch, self._drives = sort(given, fields, optimizers)
        if plateau is not None and not self._drives:
            raise ScheduleError("plateau cuts the rates of schedules, and schedulers has none")
        self._plateau = plateau
        self._plateaus: list[Plateau] = []
        self._bound: list[EpochalLR] = []
        # What the schedules read if they are stepped every epoch: it stands still in between, so
        # that the rates stay, whatever is saved, loaded and bound anew in mid-epoch.
        self._held: Clock | None = None
        self._cooldown: dict[str, Any] | None = None

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
        factors = [bound.factor for bound in self._bound]
        self._bound = [
            bind(schedule, drive.optimizer, clock, fields=drive.fields)
            for drive, schedule in zip(self._drives, self._present(), strict=True)
        ]
        if len(factors) == len(self._bound):  # cuts by hand stay
            for bound, factor in zip(self._bound, factors, strict=True):
                bound.factor = factor
        seen = [plateau.state_dict() for plateau in self._plateaus]
        if self._plateau is not None:
            self._plateaus = [Plateau(bound, **self._plateau) for bound in self._bound]
        for plateau, state in zip(self._plateaus, seen, strict=False):
            plateau.load_state_dict(state)

    def evaluated(self, loss: float) -> None:
        """After each evaluation: cuts the rates if the loss no longer improves."""
        for plateau in self._plateaus:
            plateau.step(loss)

    def units(self, run: Run, now: Timestamp) -> set[TimeUnit]:
        """What the schedules read in a run. Raises what `follow` would raise, changes nothing."""
        read: set[TimeUnit] = set()
        clock = Clock(run)
        clock.load_state_dict(now.state_dict())
        for drive in self._drives:
            for of_groups in (drive.schedule, *drive.fields.values()):
                for schedule in parts(of_groups):
                    curve = schedule.resolve(run)
                    curve(clock)
                    read.update(curve.units)
        return read

    def all(self) -> list[LRScheduler]:
        """The bound ones, PyTorch's first."""
        return [*self._torch, *self._bound]

    def steps(self, *, batch: bool, epoch: bool) -> list[Callable[[], None]]:
        """What is to be done after a batch, the end of an epoch, or both. Each of these functions
        does all of its part, or raises and does none of it."""
        todo: list[Callable[[], None]] = []
        if (batch and self._every_batch is True) or (epoch and self._every_batch is not True):
            todo += [partial(_step, scheduler) for scheduler in self._torch]
        if epoch and self._held is not None:
            todo.append(self._hold)
        # They read the clock, so that nothing happens twice where they are stepped twice.
        if epoch or self._every_batch is not False:
            todo += [partial(_step_bound, bound, bound._step_count) for bound in self._bound]
        return todo

    def _hold(self) -> None:
        assert self._held is not None
        self._held.load_state_dict(self._clock.timestamp.state_dict())

    def move_to(self, timestamp: Timestamp, states: Sequence[Mapping[str, Any]] = ()) -> None:
        """From the start to the rates of another time, as if every step had been made. `states`
        are those of other schedulers, whose cuts by hand are kept."""
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
        now = {"last_epoch": int(timestamp.batch), "timestamp": timestamp.state_dict()}
        factors = [state["factor"] for state in states if "factor" in state]
        if len(factors) != len(self._bound):
            factors = [1.0] * len(self._bound)
        for bound, factor in zip(self._bound, factors, strict=True):
            bound.load_state_dict({**now, "factor": factor})

    def begin(self) -> None:
        """Has the schedules begin at the start, whatever the optimizers have been loaded with."""
        for bound in self._bound:
            bound.load_state_dict({"last_epoch": 0})

    def jump(self, was: list[float], timestamp: Timestamp) -> str:
        """What rates that were saved at a time would do now, in words. Moves there."""
        try:
            self.move_to(timestamp)
        except Exception as error:
            return f"not be known ({error})"
        now = self.rates()
        return f"jump from {was} to {now}" if was != now else "be the same"

    def apart(self, states: Any) -> list[str]:
        """Where the schedules of saved states and those of now are furthest apart, in words."""
        if not isinstance(states, (list, tuple)) or len(states) != len(self.stateful()):
            return []
        found = []
        for bound, state in zip(self.stateful(), states, strict=True):
            if isinstance(bound, EpochalLR):
                try:
                    apart = bound.apart(state)
                except (EpochalError, TypeError):  # it is not of such a scheduler
                    continue
                which = f"{self._name(bound.optimizer)} " if len(self._optimizers) > 1 else ""
                found += [apart[field].headline(which + field) for field in apart]
        return found

    def _name(self, optimizer: Optimizer) -> str:
        return f"{type(optimizer).__name__} {self._optimizers.index(optimizer)}"

    def rates(self) -> list[float]:
        """The learning rates of all groups of all optimizers."""
        lrs = [group["lr"] for optimizer in self._optimizers for group in optimizer.param_groups]
        return [lr if type(lr) is float else float(lr) for lr in lrs]

    def settings(self) -> dict[str, str]:
        """What decides on the rates beside the run, in words."""
        return {
            "schedule": self._told({d.optimizer: d.schedule for d in self._drives}),
            "fields": self._told({d.optimizer: d.fields for d in self._drives if d.fields}),
            "schedulers": ", ".join(self._settings) or "none",
            "step_schedulers_every_batch": str(self._every_batch),
            "plateau": "none" if self._plateau is None else repr(dict(self._plateau)),
            "base learning rates": str(self._base_rates),
        }

    def _told(self, of_optimizers: dict[Optimizer, Any]) -> str:
        """What some optimizers have, in words; which ones, where there are several."""
        texts = [repr(given) for given in of_optimizers.values()]
        if len(self._optimizers) > 1:
            texts = [f"{self._name(o)}: {given!r}" for o, given in of_optimizers.items()]
        return ", ".join(texts) or "none"

    def stateful(self) -> list[LRScheduler]:
        """All schedulers, and what cuts the rates."""
        return [*self.all(), *self._plateaus]

    def state_dict(self) -> list[dict[str, Any]]:
        """The states of all schedulers, PyTorch's first, then of what cuts the rates."""
        return [scheduler.state_dict() for scheduler in self.stateful()]

    def changes(self, states: Sequence[Mapping[str, Any]]) -> list[str]:
        """Where functions, which have no settings to compare, give other rates than when the
        states were saved."""
        found = []
        for scheduler, state in zip(self.stateful(), states, strict=True):
            if isinstance(scheduler, EpochalLR):
                scheduler.factor = state["factor"]
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
            self._held.load_state_dict(states[len(self._torch)]["timestamp"])
        for scheduler, state in zip(self.stateful(), states, strict=True):
            scheduler.load_state_dict(dict(state))

    def snapshot(self) -> Callable[[], None]:
        """A function that puts the schedulers back as they are now."""
        states = deepcopy(self.state_dict())
        schedulers = self.stateful()

        def restore() -> None:
            for scheduler, state in zip(schedulers, states, strict=True):
                scheduler.load_state_dict(state)

        return restore

    # Cooling down

    def alphas(self) -> list[list[float]]:
        """α of the schedules of each optimizer, as it is now."""
        clock = self._held or self._clock
        return [
            [part.resolve(clock.run)(clock) for part in parts(schedule)]
            for schedule in self._present()
        ]

    @property
    def cooldown(self) -> dict[str, Any] | None:
        """If the rates cool down instead of following the schedules: since when, `at`, and from
        which `alphas` on. They fall to 0 at the end of the run.

        May be assigned; it takes effect when the schedules are bound next.
        """
        return self._cooldown

    @cooldown.setter
    def cooldown(self, cooldown: dict[str, Any] | None) -> None:
        if cooldown is not None and (self._torch or not self._drives):
            name = type(self._torch[0]).__name__ if self._torch else "none"
            raise ScheduleError(
                f"on_change='cooldown' is for schedules of epochal, and schedulers has {name}: "
                "pass on_change='keep' or 'restart'"
            )
        self._cooldown = cooldown

    def _present(self) -> list[OfGroups]:
        """The schedules of each optimizer that hold now."""
        schedules = [drive.schedule for drive in self._drives]
        if self._cooldown is None:
            return schedules
        at, alphas = self._cooldown["at"], self._cooldown["alphas"]
        return [
            like(schedule, [ConstantScheduler(alpha).cooldown(at) for alpha in own])
            for schedule, own in zip(schedules, alphas, strict=True)
        ]


def moment(now: Timestamp, run: Run) -> Time:
    """A time as a moment of the run, on the clock that its duration is on."""
    unit = run.duration.unit
    if unit == TimeUnit.EPOCH and run.batches_per_epoch is not None:
        return run.convert(now.epoch, TimeUnit.BATCH) + now.batch_in_epoch
    return now.get(unit)


def _step(scheduler: LRScheduler) -> None:
    """A step of a PyTorch scheduler. If it raises, all is as before."""
    before = [(part, dict(vars(part))) for part in _family(scheduler)]
    groups = snapshot_of_groups([scheduler.optimizer])
    try:
        scheduler.step()
    except BaseException:
        for part, values in before:
            vars(part).clear()
            vars(part).update(values)
        groups()
        raise


def _step_bound(bound: EpochalLR, before: int) -> None:
    """A step of a bound schedule, which is made whole or not at all; unless it has been made since
    there were so many, and something was raised after it."""
    if bound._step_count == before:
        bound.step()


def _family(scheduler: LRScheduler) -> list[LRScheduler]:
    """A scheduler and all that it holds."""
    children = getattr(scheduler, "_schedulers", ())
    return [scheduler, *(part for child in children for part in _family(child))]


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


def _described(scheduler: LRScheduler) -> str:
    """A PyTorch scheduler as its class and its settings."""
    children = getattr(scheduler, "_schedulers", None)
    settings = {
        name: value
        for name, value in scheduler.state_dict().items()
        # `verbose`, which older versions of PyTorch have, says nothing about rates.
        if name not in PROGRESS and name not in ("_schedulers", "base_lrs", "verbose")
    }
    if children is not None:
        settings["schedulers"] = [_described(child) for child in children]
    return f"{type(scheduler).__name__}({', '.join(f'{k}={v!r}' for k, v in settings.items())})"
