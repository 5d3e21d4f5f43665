"""The scheduler that writes a curve into the groups of an optimizer."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from operator import index
from types import NoneType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from epochal._clock import Clock
from epochal._core import (
    EpochalError,
    Run,
    ScheduleError,
    StateError,
    Timestamp,
    UnitError,
    fill_rates,
    set_rates,
)
from epochal._functions import as_schedule

if TYPE_CHECKING:
    from epochal._core import Curve
    from epochal._types import AnySchedule

__all__ = ["EpochalLR", "bind"]


def bind(
    schedule: AnySchedule | Callable[..., Any] | Sequence[AnySchedule | Callable[..., Any]],
    optimizer: Optimizer,
    run: Run,
    *,
    clock: Clock | None = None,
) -> EpochalLR:
    """Binds a schedule to an optimizer, and sets its learning rates to those of the next step.

        lr = initial_lr * α(k)    in each group, from the k-th `step()` on
        lr = initial_lr * α(clock.timestamp)    with a clock, at each `step()`

    Args:
        schedule: a schedule, or a function `f(state, ssr=1.0)` or `f(state)`; a list of them
            stands for their product.
        optimizer: any `torch.optim.Optimizer`. The base rate of a group is its `initial_lr`;
            where there is none, its `lr` becomes that.
        run: the facts of the run. Batch k is in epoch k // `batches_per_epoch`; samples and
            tokens come from the rates of the run.
        clock: a `Clock` of the same run, ticked before each `step()`. The schedule then follows
            what was really trained: any number of samples, tokens and seconds in a batch.

    Raises, before anything changes in the optimizer: `UnitError` if the schedule reads a clock
    that these facts do not tell, such as `tok` without `tokens_per_batch`, or `sec` and `iter`;
    `ScheduleError` if the schedule does not fit the run, the list is empty, or the clock is of
    another run; `TypeError` for other types. With a clock, the first `step()` after a batch raises
    `UnitError` if the schedule reads samples, tokens or seconds that were not counted.

    >>> import torch
    >>> from epochal.torch import bind
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    >>> scheduler = bind(LinearScheduler(), optimizer, Run("4ba"))
    >>> for _ in range(6):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [0.5]
    [0.375]
    [0.25]
    [0.125]
    [0.0]
    [0.0]

    The same in tokens, in batches of any size:

    >>> run = Run("4Ktok")
    >>> clock = Clock(run)
    >>> scheduler = bind(LinearScheduler(), optimizer, run, clock=clock)
    >>> for tokens in (1000, 500, 2500):
    ...     optimizer.step()
    ...     clock.tick(tokens=tokens)
    ...     scheduler.step()
    ...     print(scheduler.get_last_lr())
    [0.375]
    [0.3125]
    [0.0]
    """
    if isinstance(schedule, (list, tuple)):
        if not schedule:
            raise ScheduleError("schedule must be a schedule or a list of at least one, not empty")
        product, *others = map(as_schedule, schedule)
        for other in others:
            product = product * other
    else:
        product = as_schedule(schedule)
    return EpochalLR(optimizer, product.resolve(run), clock)


class EpochalLR(LambdaLR):
    """A schedule that is bound to an optimizer; `bind` makes it.

    It is stepped once after each step of the optimizer. Each step evaluates the schedule once,
    and then writes the learning rates: Python floats, or in place where they are tensors. The
    base rate is each group's `initial_lr` at that moment, so groups may come and go; a new group
    without one keeps its `lr` as such.

    Attributes:
        curve: the curve that it follows.
        run: the facts of the run.
        clock: the clock that it reads, or None if it counts its steps.
        last_epoch: the number of the current batch. (PyTorch's name: its schedulers count epochs.)

    It sets the rates, and goes by no others: of two schedulers that are stepped in turn, or in a
    `ChainedScheduler`, it takes no account of the other. Give `bind` a list. Without a clock
    `SequentialLR` works: each of its schedulers starts anew at its milestone, with a base rate of
    `initial_lr`. If it also holds one of PyTorch's that goes by the current rates, load the
    optimizer's state last.
    """

    curve: Curve
    run: Run
    clock: Clock | None

    def __init__(self, optimizer: Optimizer, curve: Curve, clock: Clock | None = None) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer must be a torch.optim.Optimizer, not {optimizer!r}")
        if not isinstance(clock, (Clock, NoneType)):
            raise TypeError(f"clock must be a Clock, not {clock!r}")
        self.curve = curve
        self.run = curve.run
        self.clock = clock
        if clock is None:
            _check_clocks(curve)
        elif clock.run != curve.run:
            raise ScheduleError(f"the clock is of another run: {clock.run!r}, not {curve.run!r}")
        for group in optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                _check_tensor(group["lr"])
        # The clock's time at the last step.
        self._time = None if clock is None else clock.timestamp
        self._warned = False
        # The time of a state that was loaded, until the clock is seen to have got there.
        self._loaded: Timestamp | None = None
        # Of a clock it is known only after the first batch.
        self._moving = clock is None
        # What `fill_rates` goes by; empty where all learning rates are floats.
        self._known: list[Any] = []
        # Known before the base class changes anything in the optimizer.
        self._first_alpha = self._alpha(0)
        super().__init__(optimizer, lambda epoch: 1.0)

    def _initial_step(self) -> None:
        # Called by the base class, and by `SequentialLR` once more.
        self._write(int(self._timestamp(0).batch), self._first_alpha)
        self._step_count = 1

    # What a step does

    def _timestamp(self, epoch: int) -> Timestamp:
        """The time now, or without a clock that at which the batch of this number begins."""
        return self.run.at_batch(epoch) if self.clock is None else self.clock.timestamp

    def _alpha(self, epoch: int) -> float:
        return self.curve(self._timestamp(epoch))

    def _write(self, epoch: int, alpha: float) -> None:
        groups = self.optimizer.param_groups
        known = self._known
        rates = fill_rates(groups, known, alpha) if known else set_rates(groups, alpha)
        self._rates = self._write_anew(groups, alpha) if rates is None else rates
        self.last_epoch = epoch

    def _write_anew(self, groups: list[dict[str, Any]], alpha: float) -> list[float]:
        """For groups that are new, or whose learning rates are of another type than before."""
        if any("initial_lr" not in group for group in groups):
            # A new group: what it has now is its base rate from here on.
            self.base_lrs = self.base_lrs
        self._known = []
        rates = set_rates(groups, alpha)
        if rates is None:
            self._known = [_known(group) for group in groups]
            rates = fill_rates(groups, self._known, alpha)
        if rates is None:
            raise ScheduleError(f"param_groups must be a list of dicts, not {groups!r:.200}")
        return rates

    def _update_lr(self, epoch: int | None = None) -> None:
        # `SequentialLR` calls this too.
        try:
            if self.clock is None:
                k = self.last_epoch + 1 if epoch is None else _whole("epoch", epoch, ScheduleError)
                alpha, timestamp = self.curve.at_batch(k), None
            elif epoch is None:
                timestamp = self.clock.timestamp
                if timestamp is self._time:
                    self._warn_of_clock()
                if self._loaded is not None:
                    self._check_restored(timestamp, self._loaded)
                k = int(timestamp.batch)
                if not self._moving:
                    self._moving = self._check_moving(self.clock)
                alpha = self.curve(timestamp)
            else:
                raise ScheduleError(f"the clock tells the time: step() takes no epoch {epoch!r}")
            self._write(k, alpha)
            self._time = timestamp
        except TypeError as error:
            # DeepSpeed takes a TypeError for a sign that `step` wants other arguments.
            raise ScheduleError(f"the scheduler cannot step: {error}") from error

    def step(self, epoch: int | None = None) -> None:
        """Goes to the next batch, or to the batch of the number `epoch`; with a clock to its time.

        All is computed before anything changes. Never raises `TypeError`. Warns, as PyTorch's
        schedulers do, if it is called before the optimizer has made its first step, and once if
        the clock has not been ticked since the last step. To jump is no exception here, so there
        is no warning of it.

        Raises `UnitError` if the schedule reads samples, tokens or seconds that the clock was not
        told, and `ScheduleError` for an `epoch` that is not valid, or beside a clock, and for a
        clock that was not restored with the scheduler.
        """
        if self._step_count == 1:
            self._warn_if_early()
        self._update_lr(epoch)
        self._step_count += 1

    def _check_moving(self, clock: Clock) -> bool:
        try:
            return clock.check_moving(self.curve.units)
        except UnitError as error:
            raise UnitError(f"{self.curve.schedule!r} cannot step: {error}") from None

    def _check_restored(self, now: Timestamp, loaded: Timestamp) -> None:
        if now.batch < loaded.batch:
            raise ScheduleError(
                f"the clock is at {now.batch}, but the scheduler's state was saved at "
                f"{loaded.batch}: load the clock's state too"
            )
        self._loaded = None

    def _warn_of_clock(self) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(
                "scheduler.step() was called twice at one time of its clock, so the learning rate "
                "stays: call clock.tick() before, once for each step of the optimizer",
                UserWarning,
                stacklevel=4,
            )

    def _warn_if_early(self) -> None:
        # The base class has the optimizer note its steps; a copied optimizer does not.
        optimizer = self.optimizer
        noted = hasattr(optimizer.step, "_wrapped_by_lr_sched")
        if noted and not getattr(optimizer, "_opt_called", False):
            warnings.warn(
                "scheduler.step() was called before optimizer.step(): the learning rate of step 0 "
                "was never used. Call optimizer.step() first",
                UserWarning,
                stacklevel=3,
            )

    # What others read

    def get_lr(self) -> list[float | Tensor]:
        """The learning rates of the current batch. May be called at any time; changes nothing."""
        return self._rates_at(self._alpha(self.last_epoch))

    def rates_at(self, timestamp: Timestamp) -> list[float | Tensor]:
        """The learning rates of another time. Changes nothing."""
        return self._rates_at(self.curve(timestamp))

    def _rates_at(self, alpha: float) -> list[float | Tensor]:
        groups = self.optimizer.param_groups
        rates = [float(_base(group, groups)) * alpha for group in groups]
        return _like([group["lr"] for group in groups], rates)

    @property
    def _last_lr(self) -> list[float | Tensor]:  # type: ignore[override]  # nobody assigns it
        # What the base class gives as `get_last_lr()`; tensors are made only for who reads it.
        return _like([known[0] for known in self._known] or self._rates, self._rates)

    @property
    def base_lrs(self) -> list[float | Tensor]:
        """The `initial_lr` of each group, or its `lr` until it has one. May be assigned."""
        groups = self.optimizer.param_groups
        bases = [_base(group, groups) for group in groups]
        return [base.clone() if isinstance(base, Tensor) else float(base) for base in bases]

    @base_lrs.setter
    def base_lrs(self, bases: list[float | Tensor]) -> None:
        # Assigned by the base class too, when the groups have got their `initial_lr`.
        for group, base in zip(self.optimizer.param_groups, bases, strict=True):
            group["initial_lr"] = base if isinstance(base, Tensor) else float(base)

    @property
    def lr_lambdas(self) -> list[Callable[[int], float]]:
        """For each group a function from the number of a batch to α; with a clock, to α now."""
        return [lambda epoch: self._alpha(epoch)] * len(self.optimizer.param_groups)

    @lr_lambdas.setter
    def lr_lambdas(self, functions: list[Callable[[int], float]]) -> None:
        pass  # The base class assigns, but the schedule decides.

    # State

    def state_dict(self) -> dict[str, Any]:
        """The state as plain numbers, strings and lists, which `torch.load` takes by default.

        `schedule` and `run` are descriptions, for a reader and for the warning at a load under
        others. Base rates are the optimizer's state, not the scheduler's.
        """
        return {
            "last_epoch": self.last_epoch,
            "_step_count": self._step_count,
            "_last_lr": _floats(self._last_lr),
            **({} if self.clock is None else {"timestamp": self.clock.timestamp.state_dict()}),
            **self._descriptions(),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes to the batch of a saved state; the learning rates are right at once.

        The states of the optimizer and the clock may be loaded before or after. Only `last_epoch`
        is required, and unknown fields are left aside, so the state of a `LambdaLR` will do. With
        a clock, a state without a `timestamp` leaves the time to the clock.

        Warns (`UserWarning`) if the state was saved under another schedule or run, or with a
        clock where there is none now; this one goes on from the same batch. Raises `StateError`
        naming the field that is not valid, and then nothing is loaded.

        >>> import torch
        >>> from epochal.torch import bind
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
        >>> scheduler = bind(LinearScheduler(), optimizer, Run("4ba"))
        >>> scheduler.load_state_dict({"last_epoch": 3})
        >>> optimizer.param_groups[0]["lr"]
        0.125
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"state_dict must be a dict, not {state_dict!r}")
        if "last_epoch" not in state_dict:
            raise StateError("last_epoch is missing from the state")
        # -1: a scheduler in `SequentialLR` whose turn has not come.
        epoch = _whole("last_epoch", state_dict["last_epoch"], StateError, least=-1)
        count = _whole("_step_count", state_dict.get("_step_count", epoch + 1), StateError)
        saved = state_dict.get("_last_lr")
        if saved is not None and not isinstance(saved, (list, tuple)):
            raise StateError(f"_last_lr must be a list of learning rates, not {saved!r}")
        differences = []
        for name, now in self._descriptions().items():
            other = state_dict.get(name, now)
            if not isinstance(other, str):
                raise StateError(f"{name} must be a description, a string, not {other!r}")
            if other != now:
                differences.append(f"{name} was {other}, now it is {now}")
        try:
            timestamp = self._timestamp(max(epoch, 0))
        except EpochalError as error:
            raise StateError(f"last_epoch is not valid: {error}") from error
        if "timestamp" in state_dict:
            if self.clock is None:
                differences.append("the time was that of a clock, now it is the number of steps")
            else:
                timestamp = _saved_time(state_dict["timestamp"])
        alpha = self.curve(timestamp)
        if differences:
            if saved is not None and epoch >= 0:
                rates = _floats(self._rates_at(alpha))
                differences.append(f"lr at batch {epoch} was {saved}, now it is {rates}")
            message = "the state was saved under another schedule or run: "
            warnings.warn(message + "; ".join(differences), UserWarning, stacklevel=2)
        if epoch >= 0:
            self._write(epoch, alpha)
        self.last_epoch = epoch
        self._step_count = count
        self._moving = self.clock is None
        self._loaded = timestamp if self.clock is not None else None

    def _descriptions(self) -> dict[str, str]:
        return {"schedule": repr(self.curve.schedule), "run": repr(self.run)}


def _check_clocks(curve: Curve) -> None:
    for unit in curve.units:
        if unit in ("iter", "sec"):
            raise UnitError(f"the schedule reads '{unit}', which moves only with a clock")
        try:
            curve.run.convert("0ba", unit)
        except UnitError as error:
            raise UnitError(
                f"the schedule reads '{unit}', but bind counts batches: {error}"
            ) from None


def _saved_time(state: Any) -> Timestamp:
    try:
        return Timestamp.from_state_dict(state)
    except (TypeError, EpochalError) as error:
        raise StateError(f"timestamp is not valid: {error}") from error


def _base(group: dict[str, Any], groups: list[dict[str, Any]]) -> Any:
    """The base rate of a group: its `initial_lr`, or its `lr` if it is new."""
    lr = group["lr"]
    if "initial_lr" in group:
        return group["initial_lr"]
    if isinstance(lr, Tensor):
        # A new group gets the optimizer's default, which may be a tensor that others have had
        # from the beginning, and that has been written to since.
        for other in groups:
            if other["lr"] is lr and "initial_lr" in other:
                return other["initial_lr"]
    return lr


def _known(group: dict[str, Any]) -> tuple[Any, ...]:
    """A group as `fill_rates` knows it.

    The number of a tensor is read when it is another one or has changed, not at each step: the
    program would have to wait for the device.
    """
    lr, base = group["lr"], group["initial_lr"]
    version = base._version if isinstance(base, Tensor) else None
    if isinstance(lr, Tensor):
        _check_tensor(lr)
        return lr, base, version, float(base), lr.fill_
    return type(lr), base, version, float(base), None


def _check_tensor(lr: Tensor) -> None:
    """Raises `ScheduleError` for a tensor that could not be filled with a rate."""
    if not lr.is_floating_point():
        raise ScheduleError(f"a learning rate that is a tensor must be of floats, not {lr!r}")
    if lr.requires_grad or (lr.is_inference() and not torch.is_inference_mode_enabled()):
        raise ScheduleError(
            f"a learning rate that is a tensor must be filled in place, which {lr!r} does not "
            "allow: pass lr.detach().clone()"
        )


def _like(kinds: list[Any], rates: list[float]) -> list[float | Tensor]:
    """Rates as floats, and for a tensor as another tensor of its kind."""
    return [
        torch.full_like(kind, rate) if isinstance(kind, Tensor) else rate
        for kind, rate in zip(kinds, rates, strict=True)
    ]


def _floats(rates: list[float | Tensor]) -> list[float]:
    return [float(rate) for rate in rates]


def _whole(name: str, value: Any, error: type[EpochalError], least: int = 0) -> int:
    """A whole number out of the hands of others."""
    try:
        number = least - 1 if isinstance(value, bool) else index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise error(f"{name} must be a whole number, {least} or above, not {value!r}")
    return number
