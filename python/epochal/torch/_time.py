"""Where a scheduler's time comes from: its own steps, or a clock. Both give α of each curve."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from epochal._clock import Clock
from epochal._core import (
    EpochalError,
    Run,
    ScheduleError,
    StateError,
    Timestamp,
    TimeUnit,
    UnitError,
)
from epochal._numbers import integer
from epochal._shown import shown
from epochal.torch._guards import ClockGuard, StepGuard

if TYPE_CHECKING:
    from epochal._core import Curve

__all__ = ["Steps", "Ticks", "check_steps", "is_constant", "whole"]

COUNTED = [unit for unit in TimeUnit if unit != TimeUnit.DURATION]


class Steps:
    """Time as the number of steps, with what the run tells of it. A moment is a batch's number.

    Raises `UnitError` for a curve that reads what the run does not tell.
    """

    clock = None

    def __init__(self, curves: Sequence[Curve], run: Run) -> None:
        self.curves = curves
        self.check()
        self.run = run
        self.guard = StepGuard(run.batches_per_epoch)

    def readers(self) -> list[Callable[[int], float]]:
        """For each curve what gives α at a moment."""
        return [curve.at_batch for curve in self.curves]

    def check(self) -> None:
        """What functions read is known only after a first evaluation."""
        check_steps(self.curves)

    def first(self) -> int:
        """The batch at which a scheduler is bound."""
        return 0

    def now(self, batch: int) -> int:
        """The moment at which this batch begins."""
        return batch

    def counters(self, batch: int) -> dict[str, int | float]:
        """What the run tells to be counted at a batch, by name."""
        told = [unit for unit in COUNTED if _is_told(self.run, unit)]
        return _named(self.run.at_batch(batch), told)

    def at(self, timestamp: Timestamp) -> list[float]:
        """α of each curve at any time."""
        return [curve(timestamp) for curve in self.curves]

    def next(self, last: int, epoch: int | None) -> tuple[int, int]:
        """The batch and the moment to which a step leads, or a jump to an epoch."""
        guard = self.guard
        if epoch is not None:
            batch = whole("epoch", epoch, ScheduleError)
            guard.start()
            return batch, batch
        count = guard.steps.count
        if count == guard.seen + 1:
            guard.seen = count
        elif count != guard.noted:
            guard.look(count)
        last += 1
        return last, last

    def scaled(self, ratio: float) -> Steps:
        """The same in a run that is σ times as long."""
        run = self.run
        run = Run(
            run.max_duration,
            batches_per_epoch=run.batches_per_epoch,
            samples_per_batch=run.samples_per_batch,
            tokens_per_batch=run.tokens_per_batch,
            scale_schedule_ratio=run.scale_schedule_ratio * ratio,
        )
        return Steps([curve.schedule.resolve(run) for curve in self.curves], run)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def saved(self, state: Mapping[str, Any], batch: int) -> tuple[int, list[str]]:
        """The moment of a saved state, and what is different there."""
        try:
            self.run.at_batch(batch)
        except EpochalError as error:
            raise StateError(f"last_epoch is not valid: {error}") from error
        if "timestamp" in state:
            return batch, ["the time was that of a clock, now it is the number of steps"]
        return batch, []

    def load(self, batch: int, moment: Any) -> None:
        """Goes to a saved state; what was before says nothing then."""
        self.guard.start()

    def is_behind(self) -> bool:
        """Whether the time has not been loaded yet with the scheduler's state."""
        return False


class Ticks:
    """Time as a clock tells it. A moment is the clock, or one that stands where another stood."""

    def __init__(self, curves: Sequence[Curve], clock: Clock) -> None:
        self.curves = curves
        self.clock = clock
        self.run = clock.run
        self.guard = ClockGuard()
        # The time at the last step.
        self._seen = clock.timestamp
        # The batch of a state that was loaded, until the clock is seen to have got there.
        self._loaded = 0
        # The time of that state.
        self._moment: Clock = clock
        # Whether all that the curves read is known to move: only after the first batch.
        self._moving = False
        # Whether its epochs are still to be seen to end.
        self._endless = True

    def readers(self) -> list[Callable[[Clock], float]]:
        return list(self.curves)

    def check(self) -> None:
        """All that can be said before the first batch is that there was none."""

    def first(self) -> int:
        return int(self.clock.timestamp.batch)

    def now(self, batch: int) -> Clock:
        return self._moment if self.is_behind() else self.clock

    def counters(self, batch: int) -> dict[str, int | float]:
        return _named(self.clock.timestamp, COUNTED)

    def at(self, timestamp: Timestamp) -> list[float]:
        clock = Clock(self.run)
        clock.load_state_dict(timestamp.state_dict())
        return [curve(clock) for curve in self.curves]

    def next(self, last: int, epoch: int | None) -> tuple[int, Clock]:
        if epoch is not None:
            raise ScheduleError(f"the clock tells the time: step() takes no epoch {shown(epoch)}")
        guard = self.guard
        count = guard.steps.count
        made, guard.seen = count - guard.seen, count
        now = self.clock.timestamp
        # A clock that follows an optimizer, this one or another, moves as it should.
        if made and now is self._seen and not self.clock.follows:
            guard.unmoved()
        batch = int(now.batch)
        if self.is_behind():
            raise ScheduleError(
                f"the clock is at {batch}ba, but the scheduler's state was saved at "
                f"{self._loaded}ba: load the clock's state too"
            )
        if not self._moving:
            self._moving = self._check_moving()
        if self._endless:
            self._endless = self.clock.check_epochs()
        self._seen = now
        self._loaded = 0
        return batch, self.clock

    def _check_moving(self) -> bool:
        for curve in self.curves:
            try:
                if not self.clock.check_moving(curve.units):
                    return False
            except UnitError as error:
                raise UnitError(f"{curve.schedule!r} cannot step: {error}") from None
        return True

    def state_dict(self) -> dict[str, Any]:
        return {"timestamp": self.clock.timestamp.state_dict()}

    def saved(self, state: Mapping[str, Any], batch: int) -> tuple[Clock, list[str]]:
        if "timestamp" not in state:
            return self.clock, []
        clock = Clock(self.run)
        try:
            clock.load_state_dict(state["timestamp"])
        except (TypeError, EpochalError) as error:
            raise StateError(f"timestamp is not valid: {error}") from error
        return clock, []

    def load(self, batch: int, moment: Any) -> None:
        self.guard.start()
        self._seen = self.clock.timestamp
        self._loaded = batch
        self._moment = moment
        self._moving = False

    def is_behind(self) -> bool:
        return int(self.clock.timestamp.batch) < self._loaded


def check_steps(curves: Iterable[Curve]) -> None:
    """Raises `UnitError` for a curve that reads what the number of a batch does not tell."""
    for curve in curves:
        for unit in curve.units:
            if unit in ("iter", "sec"):
                raise UnitError(
                    f"the schedule reads '{unit}', which moves only with a clock: bind a Clock in "
                    "place of the run"
                )
            try:
                curve.run.convert("0ba", unit)
            except UnitError as error:
                raise UnitError(
                    f"the schedule reads '{unit}', but steps count batches: {error}"
                ) from None


def _is_told(run: Run, unit: TimeUnit) -> bool:
    """Whether the number of a batch tells this counter."""
    try:
        run.convert("0ba", unit)
    except UnitError:
        return False
    return True


def _named(now: Timestamp, units: Iterable[TimeUnit]) -> dict[str, int | float]:
    """Counters of a time as numbers: "batch", "token", and "second" with its fraction."""
    return {
        unit.name.lower(): now.total_wct.total_seconds() if unit == "sec" else now.get(unit).value
        for unit in units
    }


def is_constant(curve: Curve) -> bool:
    """Whether α is the same at all times; of a function that is not known."""
    try:
        return curve.minimum() == curve.maximum()
    except EpochalError:
        return False


def whole(name: str, value: Any, error: type[EpochalError], least: int = 0) -> int:
    """A whole number out of the hands of others."""
    number = integer(value)
    if number is None or number < least:
        raise error(f"{name} must be a whole number, {least} or above, not {shown(value)}")
    return number
