"""Schedules as trees of plain data: what every one can do, its operations, functions as leaves."""

import decimal
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from reference.arguments import LENGTHS, MOMENTS, check, check_number
from reference.errors import Refusal, shown
from reference.formulas import between, precisely
from reference.phase import Notes, Part, Phase, Place
from reference.run import Run
from reference.time import Time, parse
from reference.timestamp import UNIT

# Text as given; a `Time` in a schedule that is built.
Written = Any


@dataclass(frozen=True)
class Schedule:
    """Arguments are checked, and times parsed, when a schedule is built."""

    def __post_init__(self) -> None:
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            if isinstance(value, Schedule) or (value is None and field.default is None):
                continue
            check({name: value})
            if name in (*MOMENTS, *LENGTHS):
                value = parse(value)
            elif name == "milestones":
                value = tuple(map(parse, value))
            elif name == "points":
                value = tuple((parse(text), alpha) for text, alpha in value)
            elif name == "shape" and not isinstance(value, str):
                value = tuple(value)
            object.__setattr__(self, name, value)

    def value(self, phase: Phase) -> Decimal:
        """α, or what `resolve` refuses."""
        raise NotImplementedError

    def main(self, phase: Phase) -> str | None:
        """The clock of its main time."""
        return None

    def __mul__(self, other: Any) -> "Schedule":
        if is_schedule(other):
            return Product(self, schedule(other))
        return Scaled(self, operand(other))

    def __rmul__(self, other: Any) -> "Schedule":
        return Product(schedule(other), self) if is_schedule(other) else self * other

    def __add__(self, other: Any) -> "Schedule":
        return Lifted(self, operand(other))

    __radd__ = __add__

    def after_warmup(
        self, t_warmup: Any, start: Any = 0.0, shape: Any = "linear", scale: Any = False
    ) -> "Schedule":
        return Warmup(self, t_warmup, start, shape, scale)

    def until(self, t: Any, then: Any, carry: Any = False) -> "Schedule":
        return Until(self, t, schedule(then), carry)

    def cooldown(
        self, t: Any, t_max: Any = "1dur", alpha_f: Any = 0.0, shape: Any = "linear"
    ) -> "Schedule":
        return Cooldown(self, t, t_max, alpha_f, shape)

    def clip(self, low: Any = 0.0, high: Any = None) -> "Schedule":
        return Clipped(self, low, high)

    def repeat(self, every: Any) -> "Schedule":
        return Repeated(self, every)

    def advance(self, by: Any, scale: Any = False) -> "Schedule":
        return Advanced(self, by, scale)

    def delay(self, by: Any, scale: Any = False) -> "Schedule":
        return Delayed(self, by, scale)


def operand(value: Any) -> float:
    """A number beside an operator. What is none is refused in Python's own words."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal("TypeError")
    check_number("", value)
    return value


def is_schedule(value: object) -> bool:
    return isinstance(value, Schedule) or (callable(value) and not isinstance(value, type))


def schedule(value: Any) -> Schedule:
    """A schedule as it is, a function as a leaf."""
    if not is_schedule(value):
        raise Refusal("TypeError", "schedule")
    return value if isinstance(value, Schedule) else FunctionSchedule(value)


def alpha(
    tree: Schedule,
    run: Run,
    now: Callable[[str], Fraction],
    notes: Notes | None = None,
    off: Fraction = Fraction(0),
) -> Decimal:
    """α of a schedule in a run, when the clocks read what `now` gives."""
    with decimal.localcontext(precisely()):
        return tree.value(Phase(run, now, notes or Notes(), off=off))


# Of values


@dataclass(frozen=True)
class Product(Schedule):
    a: Schedule
    b: Schedule

    def value(self, phase: Phase) -> Decimal:
        return self.a.value(phase) * self.b.value(phase)

    def main(self, phase: Phase) -> str | None:
        return self.a.main(phase) or self.b.main(phase)


@dataclass(frozen=True)
class Scaled(Schedule):
    a: Schedule
    factor: float

    def value(self, phase: Phase) -> Decimal:
        return self.a.value(phase) * Decimal(self.factor)

    def main(self, phase: Phase) -> str | None:
        return self.a.main(phase)


@dataclass(frozen=True)
class Lifted(Schedule):
    a: Schedule
    by_alpha: float

    def value(self, phase: Phase) -> Decimal:
        return self.a.value(phase) + Decimal(self.by_alpha)

    def main(self, phase: Phase) -> str | None:
        return self.a.main(phase)


@dataclass(frozen=True)
class Clipped(Schedule):
    a: Schedule
    low: float = 0.0
    high: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.high is not None and self.low > self.high:
            raise Refusal("ScheduleError", "low", shown(self.low), "high", shown(self.high))

    def value(self, phase: Phase) -> Decimal:
        value = max(self.a.value(phase), Decimal(self.low))
        return value if self.high is None else min(value, Decimal(self.high))

    def main(self, phase: Phase) -> str | None:
        return self.a.main(phase)


# Of phases


def no_zero(name: str, alpha: float, shape: str) -> None:
    """A ratio of two values needs both above 0."""
    if shape == "geometric" and alpha == 0:
        raise Refusal("ScheduleError", name, "'geometric'")


def ramp(left: Decimal, right: Decimal, done: Fraction, shape: str) -> Decimal:
    # What is below the smallest float is 0 there.
    if shape == "geometric" and 0.0 in (float(left), float(right)):
        raise Refusal("ScheduleError", "'geometric'")
    return between(left, right, done, shape)


@dataclass(frozen=True)
class Warmup(Schedule):
    a: Schedule
    t_warmup: Written
    start: float = 0.0
    shape: str = "linear"
    scale: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        no_zero("start", self.start, self.shape)

    def end(self, phase: Phase) -> Part:
        return Part(1, phase.length(self.t_warmup, self.scale))

    def value(self, phase: Phase) -> Decimal:
        end = self.end(phase)
        clock = self.a.main(phase) or end.length.clock
        then = replace(phase, start=(*phase.start, end))
        top = self.a.value(replace(then.at(then.start), levels=False))
        after = self.a.value(then)
        t, s, w = phase.reads(clock), phase.on(clock, phase.start), phase.on(clock, then.start)
        done = Fraction(1) if s == w else clipped((t - s) / (w - s))
        rising = ramp(Decimal(self.start) * top, top, done, self.shape)
        return rising if s < w and t < w else after

    def main(self, phase: Phase) -> str | None:
        return self.a.main(phase) or self.end(phase).length.clock


@dataclass(frozen=True)
class Until(Schedule):
    a: Schedule
    t: Written
    b: Schedule
    carry: bool = False

    def value(self, phase: Phase) -> Decimal:
        join = phase.moment(self.t)
        clock = self.b.main(phase) or phase.clock(self.t)
        before = self.a.value(phase)
        phase.in_order(clock, phase.start, join)
        after = self.b.value(replace(phase, start=join))
        if self.carry:
            after *= self.a.value(phase.at(join))
        return before if phase.reads(clock) < phase.on(clock, join) else after

    def main(self, phase: Phase) -> str | None:
        return self.a.main(phase) or self.b.main(phase)


def cooled(
    a: Schedule,
    before: Decimal,
    phase: Phase,
    begin: Place,
    end: Place,
    clock: str,
    alpha_f: float,
    shape: str,
) -> Decimal:
    """`a`, which is `before` now, then by the shape from where it was to `alpha_f`."""
    phase.in_order(clock, begin, end)
    left, right = a.value(phase.at(begin)), Decimal(alpha_f)
    t, s, T = phase.reads(clock), phase.on(clock, begin), phase.on(clock, end)
    s = min(s, T)  # where only rounding parts them
    done = Fraction(0) if s >= T else clipped((t - s) / (T - s))
    falling = ramp(left, right, done, shape)
    if t < s:
        return before
    return right if t >= T else falling


@dataclass(frozen=True)
class Cooldown(Schedule):
    a: Schedule
    t: Written
    t_max: Written
    alpha_f: float = 0.0
    shape: str = "linear"

    def __post_init__(self) -> None:
        super().__post_init__()
        no_zero("alpha_f", self.alpha_f, self.shape)

    def value(self, phase: Phase) -> Decimal:
        begin, end = phase.moment(self.t), phase.moment(self.t_max)
        clock = phase.clock(self.t_max)
        before = self.a.value(phase)
        phase.in_order(clock, phase.start, begin)
        return cooled(self.a, before, phase, begin, end, clock, self.alpha_f, self.shape)

    def main(self, phase: Phase) -> str | None:
        return self.a.main(phase) or phase.clock(self.t_max)


def clipped(x: Fraction) -> Fraction:
    return max(Fraction(0), min(Fraction(1), x))


# Of time


@dataclass(frozen=True)
class Repeated(Schedule):
    a: Schedule
    every: Written

    def value(self, phase: Phase) -> Decimal:
        every = phase.length(self.every)
        n = phase.passed([every], every.clock)
        begin = (*phase.start, Part(n, every))
        cycle = replace(phase.not_before(begin), origin=begin, start=begin, cycle=every)
        return self.a.value(cycle)

    def main(self, phase: Phase) -> str | None:
        return phase.clock(self.every)


@dataclass(frozen=True)
class Advanced(Schedule):
    a: Schedule
    by: Written
    scale: bool = False

    def value(self, phase: Phase) -> Decimal:
        return self.a.value(phase.shifted(Part(-1, phase.length(self.by, self.scale))))

    def main(self, phase: Phase) -> str | None:
        return self.a.main(phase)


@dataclass(frozen=True)
class Delayed(Schedule):
    a: Schedule
    by: Written
    scale: bool = False

    def value(self, phase: Phase) -> Decimal:
        later = phase.shifted(Part(1, phase.length(self.by, self.scale)))
        return self.a.value(later.not_before(later.start))

    def main(self, phase: Phase) -> str | None:
        return self.a.main(phase)


# Functions


class Counters:
    """What a function reads: whole counts since the origin of its phase."""

    def __init__(self, phase: Phase) -> None:
        self._phase = phase

    def __getattr__(self, name: str) -> int:
        clock = UNIT[name]
        elapsed = self._phase.reads(clock) - self._phase.on(clock, self._phase.origin)
        return max(0, math.floor(elapsed))


@dataclass(frozen=True)
class FunctionSchedule(Schedule):
    f: Callable[..., Any]
    units: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", None if self.units is None else tuple(self.units))

    def value(self, phase: Phase) -> Decimal:
        state, ratio = SimpleNamespace(timestamp=Counters(phase)), phase.run.ratio
        if "ssr" in inspect.signature(self.f).parameters:
            return Decimal(self.f(state, ssr=ratio))
        if ratio != 1:
            raise Refusal("ScheduleError", self.f.__name__, shown(ratio), "'ssr'")
        return Decimal(self.f(state))

    def main(self, phase: Phase) -> str | None:
        return phase.clock(Time(1, self.units[0])) if self.units else None
