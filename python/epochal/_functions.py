"""Python functions as schedules.

A function `f(state, ssr=1.0)` or `f(state)` is accepted wherever a schedule is. As in Composer,
it returns the multiplier α at the time in `state`.
"""

from __future__ import annotations

from epochal import _core
from epochal._core import Curve, Run, Schedule, ScheduleError, Time, Timestamp, TimeUnit
from epochal._numbers import finite, is_bool
from epochal._shown import shown

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Self

    from epochal._types import Number, UnitLike

__all__ = ["FunctionSchedule", "State", "as_schedule"]


class State:
    """The argument of a schedule function.

    timestamp: a `Timestamp`, or an object that reads like one. Counters that the facts of the run
        do not give are 0: the epoch without `batches_per_epoch`, samples and tokens without their
        rates.
    max_duration: the length of the run, a `Time`, already scaled. In `repeat`, that of a cycle.
    dataloader_len: the batches in an epoch, a `Time`; None if the run does not have them.
    """

    __slots__ = ("dataloader_len", "max_duration", "timestamp")

    timestamp: Timestamp

    def __init__(
        self,
        timestamp: Timestamp | _Watched,
        max_duration: Time,
        dataloader_len: Time | None = None,
    ) -> None:
        self.timestamp = timestamp  # type: ignore[assignment]  # it reads like one
        self.max_duration = max_duration
        self.dataloader_len = dataloader_len

    def get_elapsed_duration(self) -> Time:
        """The part of the run that has passed, a `dur`, by the clock of `max_duration`."""
        return self.timestamp.get(self.max_duration.unit) / self.max_duration


class _Watched:
    """A timestamp that notes which counters are read."""

    __slots__ = ("_seen", "_timestamp")

    def __init__(self, timestamp: Timestamp, seen: set[TimeUnit]) -> None:
        self._timestamp = timestamp
        self._seen = seen

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._timestamp, name)
        if isinstance(value, Time):
            self._seen.add(value.unit)
        elif name.endswith("_wct"):
            self._seen.add(TimeUnit.SECOND)
        return value

    def get(self, unit: UnitLike) -> Time:
        time = self._timestamp.get(unit)
        self._seen.add(time.unit)
        return time

    def _see(self, other: Any) -> Any:
        if isinstance(other, _Watched):
            return other._timestamp
        if isinstance(other, (Time, str)):
            self._seen.add(Time(other).unit)
        return other

    def __eq__(self, other: object) -> bool:
        return bool(self._timestamp == self._see(other))

    def __lt__(self, other: Time | str) -> bool:
        return bool(self._timestamp < self._see(other))

    def __le__(self, other: Time | str) -> bool:
        return bool(self._timestamp <= self._see(other))

    def __gt__(self, other: Time | str) -> bool:
        return bool(self._timestamp > self._see(other))

    def __ge__(self, other: Time | str) -> bool:
        return bool(self._timestamp >= self._see(other))

    def __hash__(self) -> int:
        return hash(self._timestamp)

    def __repr__(self) -> str:
        return repr(self._timestamp)


class _Leaf:
    """A function in a tree, with the attributes that the core reads."""

    __slots__ = ("declared", "function", "seen", "takes_ssr", "units_given")

    def __init__(self, function: Callable[..., Any], units: Iterable[UnitLike] | None) -> None:
        self.function = function
        self.takes_ssr = _takes_ssr(function)
        self.declared = units is not None
        self.units_given = None if units is None else _units(units)
        self.seen: set[TimeUnit] = set()

    @property
    def units(self) -> tuple[TimeUnit, ...]:
        """The units of the clocks that the function reads: as declared, or as seen so far."""
        if self.units_given is not None:
            return self.units_given
        return tuple(unit for unit in TimeUnit if unit in self.seen)

    def alpha(self, timestamp: Timestamp, run: Run) -> float:
        batches = run.batches_per_epoch
        dataloader_len = None if batches is None else Time(batches, TimeUnit.BATCH)
        now = timestamp if self.declared else _Watched(timestamp, self.seen)
        state = State(now, run.duration, dataloader_len)
        return self.call(state, run.scale_schedule_ratio)

    def check_ratio(self, ssr: Number) -> None:
        ratio = finite("ssr", ssr)
        if not ratio > 0.0:
            raise ScheduleError(f"ssr must be above zero, not {shown(ssr)}")
        if ratio != 1.0 and not self.takes_ssr:
            raise ScheduleError(
                f"schedule function {self.name} does not take the scale schedule ratio, "
                f"which is {shown(ssr)}: give it a parameter 'ssr'"
            )

    def call(self, state: Any, ssr: Number) -> float:
        self.check_ratio(ssr)
        try:
            result = self.function(state, ssr=ssr) if self.takes_ssr else self.function(state)
        except TypeError as error:
            message = f"schedule function {self.name} failed at {_time(state)}: {error}"
            raise ScheduleError(message) from error
        try:
            # `float` would take these, though they are not numbers.
            refused = isinstance(result, (str, bytes)) or is_bool(result)
            alpha = -1.0 if refused else float(result)
        except (TypeError, ValueError, ArithmeticError, RuntimeError):
            alpha = -1.0
        if not 0.0 <= alpha < float("inf"):
            raise ScheduleError(
                f"schedule function {self.name} returned {shown(result)} at {_time(state)}: "
                "a multiplier must be a finite number, 0 or above"
            )
        return alpha

    @property
    def name(self) -> str:
        name: str | None = getattr(self.function, "__qualname__", None)
        if name is None:
            import re

            # An address differs from process to process.
            name = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(self.function))
        return name

    @property
    def text(self) -> str:
        if self.units_given is None:
            return f"FunctionSchedule({self.name})"
        units = ", ".join(repr(unit.value) for unit in self.units_given)
        return f"FunctionSchedule({self.name}, units=[{units}])"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Leaf)
            and bool(self.function == other.function)
            and self.units_given == other.units_given
        )

    __hash__ = None  # type: ignore[assignment]  # schedules hash by their text


class FunctionSchedule(Schedule):
    """A Python function as a schedule.

        α(t) = function(state, ssr=σ), or function(state)

    Args:
        function: a pure function that returns a finite number, 0 or above. If it has a
            parameter named `ssr`, it receives the scale schedule ratio and must apply it itself;
            otherwise it can only be used in runs whose ratio is 1.
        units: the units of the clocks that it reads, such as `["tok"]`. By default they are seen
            when it is called. In both cases a clock that the run does not give, or that does not
            move, is refused.

    It is a schedule like any other, and can stand anywhere in a tree. Its curve takes numbers and
    arrays (in its only declared unit, or else in batches) and `grid`, by the facts of the run.
    Raises `ScheduleError` in `resolve` for a ratio that the function does not take, and at an
    evaluation for a value that is not a finite number or is negative. A `TypeError` in the function
    becomes a `ScheduleError`; other exceptions pass unchanged.

    >>> from epochal import FunctionSchedule
    >>> def halved_later(state, ssr=1.0):
    ...     return 1.0 if state.timestamp.batch.value < 10 * ssr else 0.5
    >>> schedule = FunctionSchedule(halved_later, units=["ba"])
    >>> curve = schedule.resolve(Run("100ba", scale_schedule_ratio=2.0))
    >>> curve(19), curve(20), curve(Timestamp(batch=20))
    (1.0, 0.5, 0.5)
    >>> (halved_later * LinearScheduler()).resolve("100ba")([0, 50, 100]).tolist()
    [1.0, 0.25, 0.0]
    """

    __slots__ = ()

    def __new__(cls, function: Callable[..., Any], units: Iterable[UnitLike] | None = None) -> Self:
        return super().__new__(cls, _core.function(_Leaf(function, units)))

    @property
    def function(self) -> Callable[..., Any]:
        """The function."""
        return self._leaf.function

    @property
    def units(self) -> tuple[TimeUnit, ...] | None:
        """The declared units, or None."""
        return self._leaf.units_given

    @property
    def _leaf(self) -> _Leaf:
        leaf = _core.leaf(self)
        assert isinstance(leaf, _Leaf)
        return leaf

    def __call__(self, state: Any, ssr: Number = 1.0) -> float:
        """α in the state of a trainer, Composer's or any other; `ssr` is σ."""
        return self._leaf.call(state, ssr)

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        return type(self), (self.function, self.units)


def as_schedule(schedule: object, name: str = "schedule") -> Schedule:
    """The schedule itself, or a function as a `FunctionSchedule`.

    Raises `TypeError` for other types, which calls the argument by its name.

    >>> from epochal._functions import as_schedule
    >>> as_schedule(StepScheduler("2ba"))
    StepScheduler(step_size='2ba', gamma=0.1)
    >>> def constant(state):
    ...     return 0.5
    >>> as_schedule(constant)
    FunctionSchedule(constant)
    """
    if isinstance(schedule, FunctionSchedule):
        return schedule
    if isinstance(schedule, Schedule) and type(schedule).__call__ is Schedule.__call__:
        return schedule
    if callable(schedule) and not isinstance(schedule, (type, Curve)):
        try:
            return FunctionSchedule(schedule)
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None
    raise TypeError(
        f"{name} must be a schedule or a function f(state, ssr=1.0), not "
        f"{shown(schedule)}{_way_to_schedule(schedule)}"
    )


def _way_to_schedule(given: Any) -> str:
    """How to get a schedule from something that stands for one, in words."""
    if isinstance(given, str):
        return ": epochal.parse(...) reads a schedule from text"
    if isinstance(given, Curve):
        return ": give its schedule, curve.schedule"
    if isinstance(given, type):
        return f": call it, {given.__name__}(...)" if issubclass(given, Schedule) else ""
    if hasattr(given, "keys"):
        return ": epochal.from_config(...) makes a schedule of a mapping"
    return ""


def _units(units: Iterable[UnitLike]) -> tuple[TimeUnit, ...]:
    if isinstance(units, str) or not hasattr(units, "__iter__"):
        raise TypeError(f"units must be a list of units, e.g. ['tok'], not {shown(units)}")
    given = {TimeUnit(unit) for unit in units}
    if TimeUnit.DURATION in given:
        raise ScheduleError("units must be those of clocks, such as 'ba', not 'dur'")
    return tuple(unit for unit in TimeUnit if unit in given)


def _takes_ssr(function: Callable[..., Any]) -> bool:
    import inspect

    if not callable(function):
        raise TypeError(f"function must be a function, not {shown(function)}")
    try:
        signature = inspect.signature(function)
    except ValueError:  # a function in C without a signature
        return False
    takes_ssr = "ssr" in signature.parameters
    try:
        if takes_ssr:
            signature.bind(None, ssr=1.0)
        else:
            signature.bind(None)
    except TypeError:
        wanted = "f(state, ssr=1.0) or f(state)"
        raise TypeError(
            f"a schedule function is called as {wanted}, which {shown(function)} does not allow"
        ) from None
    return takes_ssr


def _time(state: object) -> object:
    return getattr(getattr(state, "timestamp", None), "batch", "an unknown batch")
