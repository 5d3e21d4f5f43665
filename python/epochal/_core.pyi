"""Types of the native module. Checked against the binary by ``mypy.stubtest``."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from os import PathLike
from typing import IO, Any, Self, SupportsIndex, TypeAlias, final, overload

import numpy.typing as npt
from typing_extensions import disjoint_base

from epochal._clock import Clock
from epochal._types import (
    AnySchedule,
    Count,
    FloatArray,
    Number,
    Points,
    Shape,
    TimeLike,
    UnitLike,
)
from epochal.view import Description, Jump

__all__ = [
    "BUILD_PROFILE",
    "CPU_LEVEL",
    "CPU_LEVELS",
    "SHAPES",
    "AtBatch",
    "Curve",
    "EpochalError",
    "FractionalCountError",
    "Run",
    "Schedule",
    "ScheduleError",
    "StateError",
    "Time",
    "TimeOverflowError",
    "TimeParseError",
    "TimeUnit",
    "TimeZeroDivisionError",
    "Timestamp",
    "UnitError",
    "Writer",
    "__version__",
    "apart",
    "arguments",
    "build",
    "evaluate",
    "expanded",
    "function",
    "has_functions",
    "leaf",
    "log2",
    "moments",
    "name",
    "named",
    "operations",
    "phases",
    "place",
    "scales",
    "seams",
    "tick",
    "trace",
]

__version__: str
BUILD_PROFILE: str
# The instructions of bulk work, and all that this CPU has. EPOCHAL_CPU_LEVEL chooses one.
CPU_LEVEL: str
CPU_LEVELS: list[str]
# The ways between two values, by name.
SHAPES: list[str]

class EpochalError(ValueError):
    """Base of all errors of epochal."""

class TimeParseError(EpochalError):
    """A time string is not understood or out of range."""

class FractionalCountError(TimeParseError, TypeError):
    """A time string gives a fraction of something that is counted, such as '1.5ep'."""

class UnitError(EpochalError, RuntimeError):
    """Two units do not go together, or a conversion lacks a fact."""

class TimeOverflowError(EpochalError, OverflowError):
    """A count leaves ±(2**63 - 1), or a fraction is no longer finite."""

class TimeZeroDivisionError(EpochalError, ZeroDivisionError):
    """A time is divided by zero."""

class ScheduleError(EpochalError):
    """A schedule, a run or a point of evaluation is not valid."""

class StateError(EpochalError):
    """A saved state is not valid."""

class TimeUnit(StrEnum):
    """Units of training time; each member equals its suffix.

    >>> TimeUnit.EPOCH == 'ep'
    True
    >>> TimeUnit('BA')
    <TimeUnit.BATCH: 'ba'>

    ITERATION, EPOCH, BATCH, SAMPLE, TOKEN and SECOND are the units of the six clocks; DURATION is a
    fraction of the run.
    """

    ITERATION = "iter"
    EPOCH = "ep"
    BATCH = "ba"
    SAMPLE = "sp"
    TOKEN = "tok"
    DURATION = "dur"
    SECOND = "sec"

@final
class Time:
    """A value and a unit of training time.

    A time is built from a time string, `Time("5ep")`, or from a number and a unit,
    `Time(5, "ep")`. Units are `iter` (iterations), `ep` (epochs), `ba` (batches: optimizer steps),
    `sp` (samples), `tok` (tokens), `sec` (elapsed seconds), each a whole number within
    ±(2**63 - 1), and `dur`, a finite fraction of the run.

    Time strings take decimals, exponents, the multiples K, M, B and T, and hours and minutes:

    >>> Time("1.5e3tok"), Time("15Ttok"), Time("1h30m"), Time("0.3dur")
    (Time('1500tok'), Time('15000000000000tok'), Time('5400sec'), Time('0.3dur'))

    `+ - < <= > >= %` need two times of one unit; a number takes the unit of the other operand, and
    a string is parsed. `==` across units is False. `Time * number`, `Time * dur` and
    `Time / number` keep the unit, `Time / Time` is a `dur`, and `Time // Time` is an int.

    >>> Time("5ep") + 1, Time("5ep") < "6ep", Time("5ep") == Time("5ba")
    (Time('6ep'), True, False)

    Where a float meets a count, the product is the whole number that the float's precision
    allows, if there is one; otherwise it is truncated toward zero:

    >>> Time(100, "ba") * 0.29, Time(3, "ep") * 0.5
    (Time('29ba'), Time('1ep'))

    Raises `TimeParseError` for text that is not a time, `UnitError` for units that do not go
    together, `TimeOverflowError` for a value out of range, `TypeError` for other types.
    """

    __match_args__ = ("value", "unit")
    @overload
    def __new__(cls, value: TimeLike, unit: None = None) -> Self: ...
    @overload
    def __new__(cls, value: Number, unit: UnitLike) -> Self: ...
    @classmethod
    def from_timestring(cls, timestring: str) -> Time:
        """The time that a string stands for, such as "5ep"."""
    @classmethod
    def from_input(cls, value: TimeLike | Number, default_unit: UnitLike | None = None) -> Time:
        """The time that is given as a time, a time string, or a number in `default_unit`."""
    @classmethod
    def from_iteration(cls, value: SupportsIndex) -> Time:
        """A number of iterations."""
    @classmethod
    def from_epoch(cls, value: SupportsIndex) -> Time:
        """A number of epochs."""
    @classmethod
    def from_batch(cls, value: SupportsIndex) -> Time:
        """A number of batches."""
    @classmethod
    def from_sample(cls, value: SupportsIndex) -> Time:
        """A number of samples."""
    @classmethod
    def from_token(cls, value: SupportsIndex) -> Time:
        """A number of tokens."""
    @classmethod
    def from_duration(cls, value: Number) -> Time:
        """A fraction of the run."""
    @classmethod
    def from_second(cls, value: SupportsIndex) -> Time:
        """A whole number of seconds."""
    @property
    def value(self) -> int | float:
        """The number, an int; for `dur` a float."""
    @property
    def unit(self) -> TimeUnit:
        """The unit, a `TimeUnit`."""
    def to_timestring(self) -> str:
        """The time string that parses back to this time; the same as `str(time)`."""
    # Arithmetic: `Time op Time`, `Time op int`, `Time op str`; see the class docstring.
    def __add__(self, other: TimeLike | Number, /) -> Time: ...
    def __radd__(self, other: str | Number, /) -> Time: ...
    def __sub__(self, other: TimeLike | Number, /) -> Time: ...
    def __rsub__(self, other: str | Number, /) -> Time: ...
    def __mul__(self, other: TimeLike | Number, /) -> Time: ...
    def __rmul__(self, other: str | Number, /) -> Time: ...
    def __truediv__(self, other: TimeLike | Number, /) -> Time: ...
    def __rtruediv__(self, other: str, /) -> Time: ...
    @overload
    def __floordiv__(self, other: TimeLike, /) -> int: ...
    @overload
    def __floordiv__(self, other: SupportsIndex, /) -> Time: ...
    def __rfloordiv__(self, other: str, /) -> int: ...
    def __mod__(self, other: TimeLike | Number, /) -> Time: ...
    def __rmod__(self, other: Number, /) -> Time: ...
    @overload
    def __divmod__(self, other: TimeLike, /) -> tuple[int, Time]: ...
    @overload
    def __divmod__(self, other: SupportsIndex, /) -> tuple[Time, Time]: ...
    def __rdivmod__(self, other: str, /) -> tuple[int, Time]: ...
    def __neg__(self) -> Time: ...
    def __pos__(self) -> Time: ...
    def __abs__(self) -> Time: ...
    def __bool__(self) -> bool: ...
    def __int__(self) -> int: ...
    def __float__(self) -> float: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: TimeLike | Number, /) -> bool: ...
    def __le__(self, other: TimeLike | Number, /) -> bool: ...
    def __gt__(self, other: TimeLike | Number, /) -> bool: ...
    def __ge__(self, other: TimeLike | Number, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Time: ...
    def __deepcopy__(self, memo: object, /) -> Time: ...
    def __reduce__(self) -> tuple[type[Time], tuple[int | float, str]]: ...

@final
class Timestamp:
    """An immutable snapshot of all the clocks of a run.

    A counter reads as a `Time` and is given as an int, a `Time` of its unit or a time string.
    Wall-clock times (`*_wct`) are `datetime.timedelta`. Every field starts at zero, and no field
    is negative.

    >>> t = Timestamp(epoch=1, batch=120)
    >>> t.batch, t >= "1ep", t.to_next_batch(samples=32).sample
    (Time('120ba'), True, Time('32sp'))

    A timestamp compares with a `Time` or a time string by the clock of its unit; elapsed seconds
    compare to the microsecond. Raises `EpochalError` for a negative field, `UnitError` for a time
    in another unit than the field's, `TypeError` for other types.
    """
    def __new__(
        cls,
        iteration: Count = 0,
        epoch: Count = 0,
        batch: Count = 0,
        sample: Count = 0,
        token: Count = 0,
        epoch_in_iteration: Count = 0,
        token_in_iteration: Count = 0,
        batch_in_epoch: Count = 0,
        sample_in_epoch: Count = 0,
        token_in_epoch: Count = 0,
        total_wct: timedelta = ...,
        iteration_wct: timedelta = ...,
        epoch_wct: timedelta = ...,
        batch_wct: timedelta = ...,
    ) -> Self: ...
    @property
    def iteration(self) -> Time:
        """Iterations completed."""
    @property
    def epoch(self) -> Time:
        """Epochs completed."""
    @property
    def batch(self) -> Time:
        """Batches (optimizer steps) completed."""
    @property
    def sample(self) -> Time:
        """Samples trained."""
    @property
    def token(self) -> Time:
        """Tokens trained."""
    @property
    def epoch_in_iteration(self) -> Time:
        """Epochs completed in this iteration."""
    @property
    def token_in_iteration(self) -> Time:
        """Tokens trained in this iteration."""
    @property
    def batch_in_epoch(self) -> Time:
        """Batches completed in this epoch."""
    @property
    def sample_in_epoch(self) -> Time:
        """Samples trained in this epoch."""
    @property
    def token_in_epoch(self) -> Time:
        """Tokens trained in this epoch."""
    @property
    def total_wct(self) -> timedelta:
        """Time since training began."""
    @property
    def iteration_wct(self) -> timedelta:
        """Time since this iteration began."""
    @property
    def epoch_wct(self) -> timedelta:
        """Time since this epoch began."""
    @property
    def batch_wct(self) -> timedelta:
        """Time that the last batch took."""
    def get(self, unit: UnitLike) -> Time:
        """The total of the clock of a unit, as a `Time`. Elapsed seconds are rounded down.

        Raises `UnitError` for `dur`, a fraction of the run.
        """
    def copy(self, **changes: Count | timedelta) -> Timestamp:
        """This snapshot with some fields changed."""
    def to_next_batch(
        self, samples: Count = 0, tokens: Count = 0, duration: timedelta | None = None
    ) -> Timestamp:
        """The timestamp after one more batch of `samples` and `tokens`, which took `duration`."""
    def to_next_epoch(self, duration: timedelta | None = None) -> Timestamp:
        """The timestamp at the start of the next epoch, `duration` later.

        The counters of the epoch are zero again.
        """
    def to_next_iteration(self, duration: timedelta | None = None) -> Timestamp:
        """The timestamp at the start of the next iteration, `duration` later.

        The counters of the iteration and of the epoch are zero again.
        """
    def state_dict(self) -> dict[str, int | float]:
        """All fields by name: counters as ints, wall-clock times as seconds in floats.

        JSON and `torch.load` accept it.
        """
    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any]) -> Timestamp:
        """The timestamp of a `state_dict()`. Every field is checked before anything is built.

        Raises `StateError` that names the field which is missing, unknown or not valid.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: TimeLike, /) -> bool: ...
    def __le__(self, other: TimeLike, /) -> bool: ...
    def __gt__(self, other: TimeLike, /) -> bool: ...
    def __ge__(self, other: TimeLike, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Timestamp: ...
    def __deepcopy__(self, memo: object, /) -> Timestamp: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Run:
    """The facts of a run without which `dur` and `ep` have no length.

    `max_duration` is the planned length with its unit, such as "90ep" or "15Ttok", but not `dur`.
    `batches_per_epoch`, `samples_per_batch` and `tokens_per_batch` are declarations, for runs
    where they are constant. An operation that needs one which was not given raises `UnitError`
    and names it. `scale_schedule_ratio` is σ: the run and its schedule become σ times as long.

    `duration` is `max_duration` × σ. Whole epochs stay epochs, a fraction of an epoch turns them
    into batches, and every other unit follows the count rule of `Time`.

    >>> run = Run("3ep", batches_per_epoch=100, scale_schedule_ratio=0.5)
    >>> run.duration
    Time('150ba')
    >>> run.convert("0.5dur", "ba"), run.convert("150ba", "ep")
    (Time('75ba'), Time('1ep'))

    Raises `ScheduleError` for a value that is out of range or for a run that would be empty,
    `UnitError` for a missing fact, `TypeError` for other types.
    """
    def __new__(
        cls,
        max_duration: TimeLike,
        *,
        batches_per_epoch: SupportsIndex | None = None,
        samples_per_batch: SupportsIndex | None = None,
        tokens_per_batch: SupportsIndex | None = None,
        scale_schedule_ratio: Number = 1.0,
    ) -> Self: ...
    @classmethod
    def from_dataloader(
        cls,
        max_duration: TimeLike,
        loader: Any,
        *,
        batches_per_epoch: SupportsIndex | None = None,
        samples_per_batch: SupportsIndex | None = None,
        tokens_per_batch: SupportsIndex | None = None,
        scale_schedule_ratio: Number = 1.0,
    ) -> Self:
        """A run over a dataloader.

        `batches_per_epoch` is the length of the loader, which is that of one rank: each step of the
        optimizer takes a batch on every rank. `facts` are arguments of `Run`, and take precedence
        over what the loader says. A smaller `batches_per_epoch` is taken to mean that gradients are
        accumulated over the whole epoch.

        `samples_per_batch` is what a step takes on all ranks: the `batch_size`, times `num_replicas`
        of a `DistributedSampler`, times the batches of the loader in a step. It is not declared if
        batches or steps differ in size, nor in a distributed run without such a sampler.

        >>> class Loader:
        ...     batch_size, drop_last = 8, True
        ...     def __len__(self):
        ...         return 100
        >>> Run.from_dataloader("3ep", Loader())
        Run('3ep', batches_per_epoch=100, samples_per_batch=8)
        >>> Run.from_dataloader("3ep", Loader(), batches_per_epoch=25)
        Run('3ep', batches_per_epoch=25, samples_per_batch=32)

        Raises `TypeError` for a loader without a length unless `batches_per_epoch` is given.
        """
    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Run:
        """The run that a mapping describes, with the names of the arguments of `Run`.

        >>> Run.from_config({"max_duration": "3ep", "batches_per_epoch": 100})
        Run('3ep', batches_per_epoch=100)

        Raises `ScheduleError` for an unknown name or a missing `max_duration`.
        """
    def to_config(self) -> dict[str, Any]:
        """The arguments of this run as a plain dict, for JSON, YAML or TOML.

        Facts that are not known are left out.

        >>> Run("3ep", batches_per_epoch=100).to_config()
        {'max_duration': '3ep', 'batches_per_epoch': 100}
        """
    @property
    def batches(self) -> int:
        """The number of optimizer steps in the run, including one during which the run ends.

        >>> Run("3ep", batches_per_epoch=100).batches
        300

        Raises `UnitError` that names a missing fact.
        """
    @property
    def max_duration(self) -> Time:
        """The planned length, before σ."""
    @property
    def duration(self) -> Time:
        """The length of the run: the planned length times σ."""
    @property
    def batches_per_epoch(self) -> int | None:
        """Optimizer steps in an epoch, if declared."""
    @property
    def samples_per_batch(self) -> int | None:
        """Samples in an optimizer step, if declared."""
    @property
    def tokens_per_batch(self) -> int | None:
        """Tokens in an optimizer step, if declared."""
    @property
    def scale_schedule_ratio(self) -> float:
        """σ."""
    def convert(self, time: TimeLike, unit: UnitLike) -> Time:
        """`time` in another unit, by the declared rates.

        A `dur` is converted by the count rule of `Time`. A count in a coarser unit is truncated
        toward zero; a count in `dur` is correctly rounded. Raises `UnitError` that names a missing
        fact.
        """
    def at_batch(self, batch: SupportsIndex) -> Timestamp:
        """The timestamp at which a batch begins, by the declared rates.

        Counters without a rate are 0.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Run: ...
    def __deepcopy__(self, memo: object, /) -> Run: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@disjoint_base
class Schedule:
    """The base class of all schedules: an immutable description of a multiplier α as a function of
    training time.

    A schedule knows neither a run nor an optimizer; `resolve` gives its curve in a run. Two
    schedules are equal if they stand for the same tree. A schedule can be hashed and pickled, and
    prints as code that rebuilds it. Its arguments are its attributes:

    >>> schedule = CosineAnnealingScheduler(t_max="0.5dur")
    >>> schedule.t_max, schedule.alpha_f
    (Time('0.5dur'), 0.0)
    >>> schedule.resolve("100ba")(25)
    0.5

    Every operation returns another schedule: `a * b`, `a * 0.5`, `a + 0.1`, `after_warmup`,
    `until`, `cooldown`, `clip`, `repeat`, `advance` and `delay`. A function `f(state, ssr=1.0)` or
    `f(state)` is accepted wherever a schedule is.

    >>> (StepScheduler("30ep").after_warmup("5ep") * 0.5).clip(low=0.01)
    (StepScheduler(step_size='30ep', gamma=0.1).after_warmup('5ep') * 0.5).clip(low=0.01)

    As in Composer, a schedule can also be called with the state of a trainer,
    `schedule(state, ssr=1.0)`.
    """
    def __new__(cls, tree: Schedule) -> Self: ...
    def resolve(self, run: Run | TimeLike) -> Curve:
        """The curve of this schedule in a run, which is a `Run` or the length of one.

        Raises `UnitError` for a fact that the run lacks, `ScheduleError` for a phase that would
        begin after its end or for an α that does not stay finite.
        """
    def __call__(self, state: Any, ssr: Number = 1.0) -> float: ...
    def __mul__(self, other: AnySchedule | Number, /) -> Schedule: ...
    def __rmul__(self, other: AnySchedule | Number, /) -> Schedule: ...
    def __add__(self, other: Number, /) -> Schedule: ...
    def __radd__(self, other: Number, /) -> Schedule: ...
    def after_warmup(
        self, t_warmup: TimeLike, start: Number = 0.0, shape: Shape = "linear", scale: bool = False
    ) -> Schedule:
        """This schedule after a warmup.

            α(t) = along the shape from start × top to top   while t < w
            α(t) = this schedule, which begins at w          from w on

        w is `t_warmup` after the start of the phase, and top is the value of this schedule at w; a
        `MultiStepScheduler` counts as 1 in it. With `scale=True` a scale schedule ratio multiplies
        the warmup too. Moments, such as milestones and `t_max`, count from the start of the run;
        lengths, such as `step_size`, count from w.

        >>> curve = CosineAnnealingScheduler().after_warmup("10ba", start=0.1).resolve("100ba")
        >>> curve(0), curve(10), curve(100)
        (0.1, 1.0, 0.0)
        """
    def until(self, t: TimeLike, then: AnySchedule, carry: bool = False) -> Schedule:
        """This schedule before t, and another one from t on.

            α(t') = this schedule                    while t' < t
            α(t') = then, which begins at t          from t on

        With `carry=True` the second schedule is multiplied by the value of this one at t, so that
        it continues from there.

        >>> curve = ConstantScheduler().until("0.8dur", LinearScheduler()).resolve("100ba")
        >>> curve(79), curve(80), curve(90), curve(100)
        (1.0, 1.0, 0.5, 0.0)
        """
    def cooldown(
        self,
        t: TimeLike,
        t_max: TimeLike = "1dur",
        alpha_f: Number = 0.0,
        shape: Shape = "linear",
    ) -> Schedule:
        """This schedule before t, then a decay from its value at t to `alpha_f`.

            α(t') = this schedule                                    while t' < t
            α(t') = along the shape from its value at t to alpha_f   while t' < T
            α(t') = alpha_f                                          from T on

        T is `t_max`. To start a decay now, write `schedule.cooldown(clock.timestamp.token)`.

        >>> curve = ConstantScheduler(0.5).cooldown("80ba", shape="1-sqrt").resolve("100ba")
        >>> curve(79), curve(80), curve(85), curve(100)
        (0.5, 0.5, 0.25, 0.0)
        """
    def clip(self, low: Number = 0.0, high: Number | None = None) -> Schedule:
        """This schedule within bounds.

            α(t) = min(max(this schedule, low), high)

        By default `low` is 0.0 and there is no `high`.

        >>> curve = LinearScheduler().clip(0.25, 0.75).resolve("100ba")
        >>> curve(0), curve(50), curve(100)
        (0.75, 0.5, 0.25)
        """
    def repeat(self, every: TimeLike) -> Schedule:
        """This schedule in cycles.

            α(t) = this schedule at (t - s) mod every

        s is the start of the phase, and cycle i begins at s + i × `every`. Each cycle is a run of
        its own: time counts from its start, and `dur` is a fraction of `every`.

        >>> curve = LinearScheduler().repeat("10ba").resolve("100ba")
        >>> curve(0), curve(9), curve(10), curve(95)
        (1.0, 0.1, 1.0, 0.5)
        """
    def advance(self, by: TimeLike, scale: bool = False) -> Schedule:
        """This schedule moved to an earlier time.

            α(t) = this schedule at t + by

        With "1ba", step k uses the value at time k + 1, as in torchtitan and OLMo-core. With
        `scale=True` a scale schedule ratio multiplies `by`.

        >>> curve = LinearScheduler().advance("1ba").resolve("10ba")
        >>> curve(0), curve(9)
        (0.9, 0.0)
        """
    def delay(self, by: TimeLike, scale: bool = False) -> Schedule:
        """This schedule moved to a later time.

            α(t) = this schedule at max(t - by, s)

        s is the start of its phase. With "1ba", step k uses the value at time k - 1, as in
        Composer's Trainer. With `scale=True` a scale schedule ratio multiplies `by`.

        >>> curve = LinearScheduler().delay("1ba").resolve("10ba")
        >>> curve(0), curve(1), curve(2)
        (1.0, 1.0, 0.9)
        """
    def to_config(self) -> dict[str, Any]:
        """This schedule as plain dicts, lists, strings and numbers, for JSON, YAML or TOML.

        Arguments with their default value are left out. `from_config` reads it back.

        >>> CosineAnnealingWithWarmupScheduler("100ba", alpha_f=0.1).to_config()
        {'name': 'cosine_with_warmup', 't_warmup': '100ba', 'alpha_f': 0.1}
        >>> (LinearScheduler() * 0.5).to_config()
        {'name': 'scale', 'of': {'name': 'linear'}, 'by': 0.5}

        Raises `ScheduleError` for a schedule with a function in it.
        """
    def replace(self, **changes: Any) -> Schedule:
        """This schedule with other arguments.

        An argument that the outermost operation does not have is looked up inside it, where only
        one schedule may have it.

        >>> CosineAnnealingScheduler().replace(alpha_f=0.1)
        CosineAnnealingScheduler(t_max='1dur', alpha_f=0.1)
        >>> LinearScheduler().clip(low=0.1).replace(high=0.9, t_max="50ba")
        LinearScheduler(alpha_i=1.0, alpha_f=0.0, t_max='50ba').clip(low=0.1, high=0.9)

        Raises `ScheduleError` for an argument that no schedule or several schedules have, and for a
        value that is not valid.
        """
    def fingerprint(self) -> str:
        """16 hexadecimal digits that identify this schedule, as a cache key does.

        Equal schedules have the same digits on every platform and in every version.

        >>> CosineAnnealingWithWarmupScheduler("100ba").fingerprint()
        'a2b41fe1f1bbac2f'
        >>> CosineAnnealingScheduler().after_warmup("100ba").fingerprint()
        'a2b41fe1f1bbac2f'

        Raises `ScheduleError` for a schedule with a function in it.
        """
    def _repr_svg_(self) -> str | None: ...
    def __dir__(self) -> list[str]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: object, /) -> Self: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Curve:
    """A schedule resolved for a run: the multiplier α as a function of time.

    `Schedule.resolve(run)` returns it. `units` are the units of the clocks that it reads.

    `curve(t)` is a float for a number on its clock, a `Time`, a time string, a `Timestamp` or a
    `Clock`, and a float64 array of the same shape for an array of ints or floats. The run converts
    a time. `out=` is an array that receives the values instead, `dtype="float32"` rounds them
    once, and `threads=` is the number of threads that may share the work. By default that is
    `EPOCHAL_NUM_THREADS` or the number of cores, and 1 for a small array; the values do not depend
    on it.

    A curve that reads several clocks takes a `Timestamp`, a `Clock` or a mapping such as
    `{"ba": batches, "tok": tokens}`. It takes numbers and arrays too, as batches, if the rates of
    the run give the other clocks.

    >>> curve = LinearScheduler().resolve("4ba")
    >>> curve(1), curve("0.5dur"), curve([0, 1, 2, 3, 4, 5]).tolist()
    (0.75, 0.5, [1.0, 0.75, 0.5, 0.25, 0.0, 0.0])
    >>> curve.units, curve.grid().tolist()
    ((<TimeUnit.BATCH: 'ba'>,), [1.0, 0.75, 0.5, 0.25])

    A length in epochs is kept in batches if the run has `batches_per_epoch`. Only a `Clock` says
    which epochs have really passed; every other time is read by its batches.

    Raises `ScheduleError` for a time that is negative or not finite and for an α that is not
    finite, `UnitError` where the run lacks the fact that a conversion needs, `TypeError` for other
    types. Past the end of the run, a curve that would leave the range of floats keeps its last
    value.
    """
    @property
    def schedule(self) -> Schedule:
        """The schedule of this curve."""
    @property
    def run(self) -> Run:
        """The run for which the schedule was resolved."""
    @property
    def units(self) -> tuple[TimeUnit, ...]:
        """The units of the clocks that the curve reads, a tuple of `TimeUnit`.

        Lengths in epochs are kept in batches if the run has `batches_per_epoch`.
        """
    # The first overload that fits holds. Arrays come first: NumPy's have `__float__` and would
    # pass for numbers; and numbers pass for array-likes.
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self,
        t: npt.NDArray[Any] | list[Any] | tuple[Any, ...],
        *,
        out: FloatArray | None = None,
        dtype: npt.DTypeLike | None = None,
        threads: SupportsIndex | None = None,
    ) -> FloatArray: ...
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self,
        t: Number | Timestamp | Clock | TimeLike | Mapping[str, float],
        *,
        threads: SupportsIndex | None = None,
    ) -> float: ...
    @overload
    def __call__(
        self,
        t: Points | Mapping[str, Points],
        *,
        out: FloatArray | None = None,
        dtype: npt.DTypeLike | None = None,
        threads: SupportsIndex | None = None,
    ) -> FloatArray: ...
    @property
    def at_batch(self) -> AtBatch:
        """α when a batch begins, at the timestamp `run.at_batch(batch)`.

        A function that can be pickled, and be that of a `LambdaLR`. Raises `UnitError` if the curve
        reads a clock that the rates of the run do not give.

        >>> curve = StepScheduler("1ep", gamma=0.5).resolve(Run("3ep", batches_per_epoch=100))
        >>> curve.at_batch(99), curve.at_batch(100)
        (1.0, 0.5)
        """
    def grid(
        self,
        start: Number | TimeLike = 0,
        stop: Number | TimeLike | None = None,
        step: Number | TimeLike = 1,
        out: FloatArray | None = None,
        dtype: npt.DTypeLike | None = None,
        *,
        threads: SupportsIndex | None = None,
    ) -> FloatArray:
        """α at `start`, `start + step`, … before `stop`, without an input array.

        Each argument is a time, or a number on the curve's clock (batches, if it reads several).
        `stop` is the length of the run by default. `out=`, `dtype=` and `threads=` are as in a call
        of the curve. Raises `UnitError` that names a fact which the run lacks.

        >>> CosineAnnealingScheduler().resolve("1000ba").grid(step="500ba").tolist()
        [1.0, 0.5]
        """
    def describe(self, base_lr: Number | None = None) -> Description:
        """The phases of the run as a table: how α goes in each, and from what to what.

        It prints; `.rows` is plain data. With `base_lr` it has rates too.

        >>> curve = CosineAnnealingWithWarmupScheduler("10ba").resolve("100ba")
        >>> print(curve.describe())
        phase   ba          dur        α
        ramp     0 -  10    0 - 0.1    0 -> 1
        decay   10 - 100  0.1 - 1      1 -> 0
        """
    def breakpoints(self) -> tuple[float, ...]:
        """The times in the run, its ends aside, at which the curve jumps, bends, begins or ends.
        Between two of them it is smooth. They are floats in the unit of the curve, or in batches
        where it reads several.

        >>> MultiStepScheduler(["30ep", "60ep"]).resolve("90ep").breakpoints()
        (30.0, 60.0)

        Raises `ScheduleError` for more than 10,000 of them, and if the curve holds a function, of
        which nothing is known but values; `UnitError` if it reads a clock that the run does not
        tell. All that follows raises the same.
        """
    def next_change(self, t: Number | TimeLike) -> float | None:
        """The first breakpoint after t, or None if the run ends before.

        >>> StepScheduler("1ba").resolve("1Tba").next_change(10.5)
        11.0
        """
    def maximum(self) -> float:
        """The largest α in the run, its end included. Time counts as continuous, so it may lie
        between two steps.

        It is exact, but for products of curves that rise and fall: there it is found to 1e-9 of
        it, or as near as 20,000 looks come.

        >>> CosineAnnealingWithWarmupScheduler("10ba").resolve("100ba").maximum()
        1.0
        """
    def minimum(self) -> float:
        """The smallest α in the run, its end included; as exact as the largest.

        >>> CosineAnnealingScheduler(alpha_f=0.1).resolve("100ba").minimum()
        0.1
        """
    def mean(self) -> float:
        """The mean of α over the run.

        It is good for twelve digits; for three in products, and within bounds, where what is
        multiplied changes more than 4,096 times.

        >>> LinearScheduler().resolve("1Ttok").mean()
        0.5
        """
    def largest_jump(self) -> Jump | None:
        """The largest jump in the run, as (t, before, after), or None if there is none.

        >>> StepScheduler("30ep").resolve("90ep").largest_jump()
        Jump(t=30.0, before=1.0, after=0.1)
        """
    def first_below(self, x: Number) -> float | None:
        """The first whole t at which α is below x, or None if it never is within the run.

        >>> LinearScheduler().resolve("1Ttok").first_below(0.25)
        750000000001.0
        """
    def first_above(self, x: Number) -> float | None:
        """The first whole t at which α is above x, or None if it never is within the run.

        >>> LinearScheduler(0.0, 1.0).resolve("100ba").first_above(0.5)
        51.0
        """
    def plot(
        self,
        ax: Any = None,
        unit: UnitLike | None = None,
        base_lr: Number | None = None,
        *,
        log: bool = False,
        label: str | None = None,
        phases: bool = True,
    ) -> Any:
        """Draws the curve with matplotlib, and returns the axes.

        `ax` are the axes to draw on, by default new ones. `unit` is the unit of the time axis, by
        default the curve's; a second axis shows the run in another unit, if one is known. With
        `base_lr` rates are drawn; `log=True` draws them on a logarithmic axis. `label` names the
        curve in a legend; `phases=False` leaves out their shades and names.
        """
    def to_svg(
        self,
        unit: UnitLike | None = None,
        base_lr: Number | None = None,
        *,
        log: bool = False,
        width: SupportsIndex = 480,
        height: SupportsIndex = 200,
    ) -> str:
        """The curve as the text of an SVG picture, for light and dark pages, without matplotlib.

        `width` and `height` are in pixels. `unit`, `base_lr` and `log` are as for `plot`.

        >>> svg = LinearScheduler().resolve("100ba").to_svg()
        >>> svg.startswith("<svg "), "100 ba" in svg
        (True, True)
        """
    def to_csv(
        self,
        path: str | PathLike[str] | IO[str] | None = None,
        every: Number | TimeLike | None = None,
        base_lr: Number | None = None,
    ) -> str | None:
        """Writes a table of the curve: a column for each unit that the run knows, α, and with
        `base_lr` the rate.

        `path` is a path or a text file; without one the table is returned as text. There is a line
        every `every`, a time or a number of what the curve counts: by default about 1000 lines,
        however long the run is.

        >>> print(LinearScheduler().resolve("4ba").to_csv(every=2))
        ba,dur,alpha
        0,0.0,1.0
        2,0.5,0.5
        4,1.0,0.0
        """
    def _repr_svg_(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> Curve: ...
    def __deepcopy__(self, memo: object, /) -> Curve: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class AtBatch:
    """α as a function of the number of a batch: `curve.at_batch`."""
    def __call__(self, batch: Count) -> float: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __copy__(self) -> AtBatch: ...
    def __deepcopy__(self, memo: object, /) -> AtBatch: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

def tick(
    timestamp: Timestamp, samples: Count, tokens: Count, seconds: timedelta | Number | None
) -> Timestamp:
    """`timestamp.to_next_batch(samples, tokens, duration)`, where the duration may also be a number
    of seconds.
    """

@final
class Writer:
    """Writes numbers into parameter groups, as long as these are as they were last seen or written.

    A number becomes base × α, and a learning rate base × (α × factor). A tensor is filled in place.
    `readers` return α; each is called with the moment once per step. `fill` takes the
    numbers of all tensors that are filled together, as the bytes of doubles.
    """
    def __new__(
        cls,
        groups: Sequence[dict[str, Any]],
        entries: Sequence[tuple[int, str, int | None, str, float, int, bool, int, float]],
        readers: Sequence[Callable[[Any], float]],
        fill: Callable[[bytearray], object],
    ) -> Self: ...
    def write(self, groups: Any, moment: Any, factor: float) -> bool:
        """Writes the numbers of a moment, and returns whether it did.

        If a group, a number or a base has changed, nothing is read or written.
        """
    def put(self, alphas: Sequence[float], factor: float) -> None:
        """Writes the numbers for these α, one per reader, whatever has changed in the groups. Raises
        `ScheduleError` if one of them is too large to be written, and then writes none.
        """
    def values(self) -> list[float]:
        """The numbers that were written last."""

def evaluate(
    curves: Iterable[Curve],
    times: Points | Mapping[str, Points],
    *,
    out: FloatArray | None = None,
    dtype: npt.DTypeLike | None = None,
    threads: SupportsIndex | None = None,
) -> FloatArray:
    """α of many curves at the same times, as one array.

    `curves` is an iterable of `Curve`. `times` is an array of ints or floats on the one clock that
    all the curves read, or a mapping such as `{"ba": batches, "tok": tokens}`. The result has the
    shape `(len(curves), *times.shape)`, and row i is `curves[i](times)` bit for bit. `out=`,
    `dtype=` and `threads=` are as in a call of a curve.

    >>> run = Run("4ba")
    >>> sweep = [PolynomialScheduler(power).resolve(run) for power in (1, 2, 3)]
    >>> evaluate(sweep, [0, 2, 4]).tolist()
    [[1.0, 0.5, 0.0], [1.0, 0.25, 0.0], [1.0, 0.125, 0.0]]

    Raises `UnitError` if the curves read several clocks and `times` is not a mapping with all of
    them, `ScheduleError` for times that are negative or not finite, `TypeError` for other types.
    """

# What `epochal.view` is made of. A phase is (course, from, to, first, last, low, high, parts), a
# difference (from, to, at, a, b), a moment (operation, argument, time, place, start of its phase).
_Phase: TypeAlias = tuple[str, float, float, float, float, float | None, float | None, float]

def phases(curve: Curve) -> list[_Phase]:
    """The phases of a curve: (course, from, to, first, last, low, high, parts)."""

def trace(curve: Curve, start: float, stop: float, columns: int) -> list[tuple[float, float]]:
    """Points (t, α) of a line that shows a curve in so many columns."""

def seams(curve: Curve) -> list[Jump]:
    """Jumps of a curve that are no steps, milestones or restarts."""

def apart(
    one: Curve, other: Curve, unit: UnitLike
) -> list[tuple[float, float, float, float, float]]:
    """How two curves differ between changes: (from, to, where they do most, both α there)."""

def moments(
    schedule: AnySchedule, run: Run | TimeLike, unit: UnitLike
) -> list[tuple[str, str, Time, float | None, float | None]]:
    """The times in a schedule: (operation, argument, time, place, start of the phase)."""

def place(curve: Curve, every: Number | TimeLike) -> float:
    """A number, or a time, on the counter of a curve."""

def has_functions(curve: Curve) -> bool:
    """Whether a curve has a function in it."""

def log2(x: float) -> float:
    """The logarithm of a number above zero, for logarithmic axes."""

def scales(curve: Curve) -> tuple[TimeUnit, float, dict[TimeUnit, float]]:
    """What a curve counts, how much of it the run lasts, and how many of each unit make one of it,
    as far as the run tells.
    """

# The tree: nodes by name, trees under a name of their own, functions as leaves.
def build(name: str, arguments: list[Any], names: list[str] | None = None) -> Any:
    """A node of the tree, from the name of its declaration and all its arguments. Errors call the
    arguments by `names`.
    """

def named(
    tree: Schedule, name: str, arguments: dict[str, Any], defaults: dict[str, Any]
) -> Schedule:
    """A tree under the name and with the arguments of a class. Arguments that equal their
    `defaults` need not be printed.
    """

def arguments(schedule: Schedule) -> dict[str, Any]:
    """The arguments of a schedule by name."""

def name(schedule: Schedule) -> str | None:
    """The name of the outermost node of a schedule; None for a function."""

def expanded(schedule: Schedule) -> str:
    """The text of a schedule, which is the same for equal schedules."""

def operations() -> dict[str, dict[str, tuple[Any, ...]]]:
    """The operations by name: of each of their arguments what it may be, in the words of
    `epochal._types`, and its default if it has one.
    """

def function(leaf: Any) -> Schedule:
    """The tree of a function."""

def leaf(schedule: Schedule) -> Any:
    """The leaf of a function schedule."""
