"""Python functions as schedules.

Wherever a schedule is accepted, a function is too: `f(state, ssr=1.0)` or `f(state)`, in
Composer's calling form. It gives the multiplier α for the time that `state` tells.
"""

from __future__ import annotations

from epochal._core import Curve, Run, Schedule, ScheduleError, Time, Timestamp, TimeUnit

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Self, TypeAlias

    AnySchedule: TypeAlias = "Schedule | FunctionSchedule"
    AnyCurve: TypeAlias = "Curve | FunctionCurve"

__all__ = ["FunctionCurve", "FunctionSchedule", "State", "as_schedule"]


class State:
    """What a function schedule is called with.

    timestamp: a `Timestamp`. Counters that no fact of the run gives stay 0: the epoch without
        `batches_per_epoch`, samples and tokens without their rates.
    max_duration: the length of the run, a `Time`, already scaled.
    dataloader_len: batches in an epoch, a `Time`; None if the run does not tell.
    """

    __slots__ = ("dataloader_len", "max_duration", "timestamp")

    def __init__(
        self, timestamp: Timestamp, max_duration: Time, dataloader_len: Time | None = None
    ) -> None:
        self.timestamp = timestamp
        self.max_duration = max_duration
        self.dataloader_len = dataloader_len


class FunctionSchedule:
    """A Python function as a schedule.

        α(t) = function(state, ssr=σ), or function(state)

    Args:
        function: a pure function of its arguments that gives a finite number, 0 or above. With a
            parameter named `ssr` it is told the scale schedule ratio, and is to use it; without
            one it only goes with runs whose ratio is 1.

    The product with another schedule or function is of this kind too. Raises `ScheduleError`: in
    `resolve` for a ratio that the function does not take; when evaluated, for a value that is no
    finite number or is negative, and instead of a `TypeError` that comes out of the function.
    Other exceptions of the function pass.

    >>> from epochal._functions import FunctionSchedule
    >>> def halved_later(state, ssr=1.0):
    ...     return 1.0 if state.timestamp.batch.value < 10 * ssr else 0.5
    >>> schedule = FunctionSchedule(halved_later)
    >>> curve = schedule.resolve(Run("100ba", scale_schedule_ratio=2.0))
    >>> curve(Timestamp(batch=19)), curve(Timestamp(batch=20))
    (1.0, 0.5)
    >>> curve = (schedule * LinearScheduler()).resolve(Run("100ba"))
    >>> curve(Timestamp(batch=50)), curve.clocks
    (0.25, (<TimeUnit.BATCH: 'ba'>,))
    """

    __slots__ = ("_function", "_takes_ssr")

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._takes_ssr = _takes_ssr(function)

    def resolve(self, run: Run) -> FunctionCurve:
        """The curve of this schedule in a run."""
        if not isinstance(run, Run):
            raise TypeError(f"run must be a Run, not {run!r}")
        ratio = run.scale_schedule_ratio
        self._check_ratio(ratio)
        batches = run.batches_per_epoch
        dataloader_len = None if batches is None else Time(batches, TimeUnit.BATCH)

        def evaluate(timestamp: Timestamp) -> float:
            if not isinstance(timestamp, Timestamp):
                raise TypeError(f"a function schedule needs a Timestamp, not {timestamp!r}")
            return self(State(timestamp, run.duration, dataloader_len), ratio)

        return FunctionCurve(self, run, [evaluate])

    def __call__(self, state: Any, ssr: float = 1.0) -> float:
        """α in a `State`, Composer's or anything like it; `ssr` is σ."""
        self._check_ratio(ssr)
        try:
            result = self._function(state, ssr=ssr) if self._takes_ssr else self._function(state)
        except TypeError as error:
            message = f"schedule function {self._name()} fails at {_time(state)}: {error}"
            raise ScheduleError(message) from error
        try:
            # `float` would take these, which are no numbers.
            alpha = -1.0 if isinstance(result, (bool, str, bytes)) else float(result)
        except (TypeError, ValueError, ArithmeticError, RuntimeError):
            alpha = -1.0
        if not 0.0 <= alpha < float("inf"):
            raise ScheduleError(
                f"schedule function {self._name()} gives {result!r} at {_time(state)}: "
                "a multiplier must be a finite number, 0 or above"
            )
        return alpha

    def _check_ratio(self, ratio: float) -> None:
        if ratio != 1 and not self._takes_ssr:
            raise ScheduleError(
                f"schedule function {self._name()} does not take the scale schedule ratio, "
                f"which is {ratio!r}: give it a parameter 'ssr'"
            )

    def __mul__(self, other: object) -> FunctionSchedule:
        return _Product([self, as_schedule(other)]) if callable(other) else NotImplemented

    def __rmul__(self, other: object) -> FunctionSchedule:
        return _Product([as_schedule(other), self]) if callable(other) else NotImplemented

    def _name(self) -> str:
        name: str | None = getattr(self._function, "__qualname__", None)
        if name is None:
            import re

            # An address differs from process to process.
            name = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(self._function))
        return name

    def __repr__(self) -> str:
        return f"FunctionSchedule({self._name()})"

    def _key(self) -> object:
        return self._function

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FunctionSchedule) and bool(self._key() == other._key())

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        return type(self), (self._key(),)


class _Product(FunctionSchedule):
    """Factors of which at least one is a function."""

    __slots__ = ("_factors",)

    def __init__(self, factors: Sequence[AnySchedule]) -> None:
        self._factors = tuple(factors)

    def resolve(self, run: Run) -> FunctionCurve:
        return FunctionCurve(self, run, [factor.resolve(run) for factor in self._factors])

    def __call__(self, state: Any, ssr: float = 1.0) -> float:
        alpha = 1.0
        for factor in self._factors:
            alpha *= factor(state, ssr)
        return alpha

    def __repr__(self) -> str:
        return " * ".join(map(repr, self._factors))

    def _key(self) -> object:
        return self._factors


class FunctionCurve:
    """A function schedule in a run: α as a function of a `Timestamp`.

    Made by `FunctionSchedule.resolve(run)`. `schedule` and `run` are where it comes from;
    `clocks` are those that the other factors of a product read. What a function reads is not
    known, so a function alone has none.
    """

    __slots__ = ("_factors", "clocks", "run", "schedule")

    def __init__(
        self,
        schedule: FunctionSchedule,
        run: Run,
        factors: Sequence[AnyCurve | Callable[[Timestamp], float]],
    ) -> None:
        self.schedule = schedule
        self.run = run
        self._factors = tuple(factors)
        read = [unit for factor in factors for unit in getattr(factor, "clocks", ())]
        self.clocks = tuple(unit for unit in TimeUnit if unit in read)

    def __call__(self, timestamp: Timestamp) -> float:
        alpha = 1.0
        for factor in self._factors:
            alpha *= factor(timestamp)
        return alpha

    def at_batch(self, batch: int) -> float:
        """α at the time at which a batch begins, as far as the run tells."""
        return self(self.run.at_batch(batch))

    def __repr__(self) -> str:
        return f"({self.schedule!r}).resolve({self.run!r})"

    def __reduce__(self) -> tuple[Callable[[Run], FunctionCurve], tuple[Run]]:
        return self.schedule.resolve, (self.run,)


def as_schedule(schedule: object) -> AnySchedule:
    """A schedule as it is, a function as a `FunctionSchedule`; `TypeError` for all else.

    >>> from epochal._functions import as_schedule
    >>> as_schedule(StepScheduler("2ba"))
    StepScheduler(step_size='2ba', gamma=0.1)
    >>> def constant(state):
    ...     return 0.5
    >>> as_schedule(constant)
    FunctionSchedule(constant)
    """
    if isinstance(schedule, (Schedule, FunctionSchedule)):
        return schedule
    if callable(schedule) and not isinstance(schedule, (type, Curve, FunctionCurve)):
        return FunctionSchedule(schedule)
    raise TypeError(
        f"schedule must be a schedule or a function f(state, ssr=1.0), not {schedule!r}"
    )


def _takes_ssr(function: Callable[..., Any]) -> bool:
    import inspect

    try:
        signature = inspect.signature(function)
    except ValueError:  # of a function in C that does not tell
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
            f"a schedule function is called as {wanted}, which {function!r} does not allow"
        ) from None
    return takes_ssr


def _time(state: object) -> object:
    return getattr(getattr(state, "timestamp", None), "batch", "an unknown batch")
