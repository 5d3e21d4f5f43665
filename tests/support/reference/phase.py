"""Lengths on clocks, sums of them, and the phase of a schedule that they place in a run."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import NamedTuple

from reference.errors import Refusal
from reference.run import Run
from reference.time import Time, bounds, snap


@dataclass(frozen=True)
class Length:
    """count × factor / divisor on a clock: a real number, snapped by the count rule."""

    clock: str
    count: int
    factor: float
    divisor: int = 1
    written: str = field(default="", compare=False)

    @cached_property
    def one(self) -> Fraction:
        return Fraction(self.count, self.divisor) * Fraction(self.factor)

    @cached_property
    def half(self) -> Fraction:
        """How far off it may be: the factor is known to half a unit in its last place."""
        unit = Fraction(self.count, self.divisor)
        return unit * (Fraction(self.factor) - bounds(self.factor)[0])

    @cached_property
    def real(self) -> Fraction:
        whole = snap(self.one - self.half, self.one, self.one + self.half)
        return self.one if whole is None else Fraction(whole)

    @lru_cache(maxsize=10_000)  # noqa: B019
    def on(self, clock: str, run: Run) -> "Length":
        """The same length on another clock, by the rates of the run."""
        count, divisor = run.exactly(self.count, self.clock, clock)
        return replace(self, clock=clock, count=count, divisor=self.divisor * divisor)


class Part(NamedTuple):
    """A length n times, one after the other; backwards for a negative n.

    `spread` is how far off n may be, if it is a product itself.
    """

    n: Fraction | int
    length: Length
    spread: Fraction | int = 0


Place = tuple[Part, ...]


# The same places are asked for at every moment: what is said of them is kept.


@lru_cache(maxsize=10_000)
def total(place: Place, clock: str, run: Run) -> Fraction:
    """The sum, on a clock: the count rule holds for it as for one length."""
    exact, reach = Fraction(0), Fraction(0)
    for n, length, spread in place:
        length = length.on(clock, run)
        times, doubt = abs(Fraction(n)), Fraction(spread)
        exact += n * length.real
        off = length.half * (times + doubt) + length.one * doubt
        reach += min(off, times * length.real * Fraction(2) ** -51)
    whole = snap(exact - reach, exact, exact + reach)
    return exact if whole is None else Fraction(whole)


@lru_cache(maxsize=10_000)
def is_between(place: Place, clock: str, run: Run) -> bool:
    """Whether a place is a sum of lengths that are no whole numbers."""
    return any(part.length.on(clock, run).real.denominator != 1 for part in place)


@lru_cache(maxsize=10_000)
def way(place: Place, clock: str, run: Run) -> Fraction:
    """All that is summed, back and forth."""
    lengths = (abs(Fraction(part.n)) * part.length.on(clock, run).real for part in place)
    return sum(lengths, Fraction(0))


@dataclass
class Notes:
    """What was seen while a schedule was evaluated."""

    # The clocks that it read.
    clocks: set[str] = field(default_factory=set)
    # Whether time was counted from a sum of lengths that are no whole numbers, or α taken at one.
    between: bool = False


# Moments that are this close, in relation to what the later one sums, are one.
NEAR = Fraction(4, 2**52)


@dataclass(frozen=True)
class Phase:
    """Where a part of a schedule stands: what it counts from, and what the clocks read."""

    run: Run
    now: Callable[[str], Fraction]
    notes: Notes
    origin: Place = ()  # moments count from here
    start: Place = ()  # lengths count from here
    cycle: Length | None = None  # what "dur" is a fraction of; the run if None
    levels: bool = True  # False: milestones and the end of a constant are not seen
    off: Fraction = Fraction(0)  # every time that is read is off, in relation to what it sums

    # Lengths and places

    def length(self, time: Time, scaled: bool = True) -> Length:
        factor, written = self.run.ratio if scaled else 1.0, str(time)
        if time.unit == "dur":
            if self.cycle is not None:
                return replace(self.cycle, factor=time.value * self.cycle.factor, written=written)
            time, factor = self.run.duration, float(time.value)
        if time.unit == "ep" and self.run.batches_per_epoch is not None:
            time = Time(self.run.exactly(int(time.value), "ep", "ba")[0], "ba")
        return Length(time.unit, int(time.value), factor, written=written)

    def moment(self, time: Time) -> Place:
        return (*self.origin, Part(1, self.length(time)))

    def clock(self, time: Time) -> str:
        return self.length(time).clock

    def on(self, clock: str, place: Place) -> Fraction:
        return total(place, clock, self.run)

    def told(self, clock: str, place: Place) -> Fraction | None:
        """As `on`; None if the run does not tell."""
        try:
            return self.on(clock, place)
        except Refusal:
            return None

    def in_order(self, clock: str, begin: Place, end: Place) -> None:
        """A phase may be empty, but must not begin after its end, where the run tells.

        Moments that may be one but for the rounding of products are.
        """
        first, last = self.told(clock, begin), self.told(clock, end)
        if first is None or last is None:
            return
        if first - last > NEAR * way(end, clock, self.run):
            texts = [f"'{place[-1].length.written}'" for place in (begin, end) if place]
            raise Refusal("ScheduleError", *texts)

    # Time

    def reads(self, clock: str) -> Fraction:
        self.notes.clocks.add(clock)
        self.noted(clock, self.origin)
        t = self.now(clock)
        return t + self.off * (abs(t) + way(self.origin, clock, self.run)) if self.off else t

    def noted(self, clock: str, place: Place) -> Fraction:
        self.notes.between |= is_between(place, clock, self.run)
        return self.on(clock, place)

    def since(self, clock: str) -> Fraction:
        """Time since the start of the phase."""
        return max(Fraction(0), self.reads(clock) - self.on(clock, self.start))

    def passed(self, period: Iterable[Length], clock: str) -> int:
        """How many periods have ended since the start."""
        t, period = self.reads(clock), tuple(period)

        def end(n: int) -> Fraction:
            return self.on(clock, (*self.start, *(Part(n, length) for length in period)))

        n = max(0, math.floor((t - end(0)) / (end(1) - end(0))))
        while n > 0 and end(n) > t:
            n -= 1
        while end(n + 1) <= t:
            n += 1
        return n

    # Other phases

    def at(self, place: Place) -> "Phase":
        """The same phase, when the clocks read a place."""
        return replace(self, now=lambda clock: self.noted(clock, place))

    def not_before(self, place: Place) -> "Phase":
        return replace(self, now=lambda clock: max(self.now(clock), self.noted(clock, place)))

    def shifted(self, *by: Part) -> "Phase":
        """All that it counts from is moved."""
        return replace(self, origin=(*self.origin, *by), start=(*self.start, *by))


def reached(t: Fraction, end: Fraction) -> bool:
    """A moment is reached at the float nearest to it, too."""
    return t >= min(end, Fraction(float(end)))
