"""The thirteen schedules: α at one moment of one run."""

import decimal
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from reference.errors import Refusal
from reference.run import Run
from reference.time import Time, bounds, parse, snap

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")


def precisely() -> decimal.Context:
    return decimal.Context(prec=60, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


# Lengths


@dataclass(frozen=True)
class Length:
    """count × factor / divisor on a clock: a real number, snapped by the count rule."""

    clock: str
    count: int
    factor: float
    divisor: int = 1

    def times(self, n: Fraction | int, spread: Fraction | int = 0) -> Fraction:
        """The end of n such lengths, one after the other: the count rule holds for it too.

        `spread` is how far off n may be, if it is a product itself.
        """
        unit = Fraction(self.count, self.divisor)
        half = unit * (Fraction(self.factor) - bounds(self.factor)[0])
        one = unit * Fraction(self.factor)
        snapped = snap(one - half, one, one + half)
        exact = n * (one if snapped is None else Fraction(snapped))
        reach = min(half * (n + spread) + one * spread, exact * Fraction(2) ** -51)
        whole = snap(exact - reach, exact, exact + reach)
        return exact if whole is None else Fraction(whole)

    @property
    def real(self) -> Fraction:
        return self.times(1)

    @property
    def point(self) -> Fraction:
        """As the nearest float."""
        return Fraction(float(self.real))


@dataclass
class Moment:
    """A run, and what its clocks read; notes which of them were looked at."""

    run: Run
    clocks: Mapping[str, Fraction]
    seen: set[str] = field(default_factory=set)

    def length(self, text: str, scaled: bool = True) -> Length:
        time = parse(text)
        factor = self.run.ratio if scaled else 1.0
        if time.unit == "dur":
            time, factor = self.run.duration, float(time.value)
        if time.unit == "ep":
            time = Time(self.run.exactly(int(time.value), "ep", "ba")[0], "ba")
        return Length(time.unit, int(time.value), factor)

    def warmup(self, text: str, scaled: bool, clock: str) -> Fraction:
        length = self.length(text, scaled)
        count, divisor = self.run.exactly(length.count, length.clock, clock)
        return Length(clock, count, length.factor, divisor).real

    def at(self, clock: str) -> Fraction:
        self.seen.add(clock)
        return self.clocks[clock]


# Formulas


def exactly(x: Fraction | float) -> Decimal:
    x = Fraction(x)
    return Decimal(x.numerator) / Decimal(x.denominator)


def power(base: Fraction | float, exponent: Fraction | float) -> Decimal:
    return Decimal(1) if exponent == 0 else exactly(base) ** exactly(exponent)


def sine(x: Decimal) -> Decimal:
    total, term, n = Decimal(0), x, 1
    while total + term != total:
        total, term, n = total + term, -term * x * x / ((n + 1) * (n + 2)), n + 2
    return total


def half_cosine(u: Fraction) -> Decimal:
    return sine(PI / 2 * exactly(u)) ** 2


def blend(start: float, end: float, part: Decimal) -> Decimal:
    return Decimal(end) + (Decimal(start) - Decimal(end)) * part


def left(t: Fraction, w: Fraction, end: Fraction) -> Fraction:
    if w == end:
        return Fraction(1)
    return max(Fraction(0), min(Fraction(1), (end - t) / (end - w)))


def ramp(t: Fraction, w: Fraction, top: float) -> Decimal:
    return exactly(t / w) * Decimal(top)


def step(now: Moment, step_size: str, gamma: float = 0.1) -> Decimal:
    period = now.length(step_size)
    return power(gamma, passed(period, now.at(period.clock)))


def passed(period: Length, t: Fraction) -> int:
    n = math.floor(t * period.divisor / (period.count * Fraction(period.factor)))
    while period.times(n) > t:
        n -= 1
    while period.times(n + 1) <= t:
        n += 1
    return n


def multi_step(now: Moment, milestones: Iterable[str], gamma: float = 0.1) -> Decimal:
    lengths = [now.length(text) for text in milestones]
    return power(gamma, sum([now.at(length.clock) >= length.point for length in lengths]))


def constant(now: Moment, alpha: float = 1.0, t_max: str = "1dur") -> Decimal:
    end = now.length(t_max)
    return Decimal(alpha if now.at(end.clock) < end.point else 1)


def linear(now: Moment, alpha_i: float = 1.0, alpha_f: float = 0.0, t_max: str = "1dur") -> Decimal:
    return linear_with_warmup(now, None, alpha_i, alpha_f, t_max)


def exponential(now: Moment, gamma: float, decay_period: str = "1ep") -> Decimal:
    period = now.length(decay_period)
    return power(gamma, now.at(period.clock) / period.real)


def cosine(now: Moment, t_max: str = "1dur", alpha_f: float = 0.0) -> Decimal:
    return cosine_with_warmup(now, None, t_max, alpha_f)


def cosine_restarts(now: Moment, t_0: str, t_mult: float = 1.0, alpha_f: float = 0.0) -> Decimal:
    """The count rule decides to which cycle t belongs, not how long the cycle is."""
    first = now.length(t_0)
    t = now.at(first.clock)
    done, cycle = Fraction(0), Fraction(1)
    if t_mult == 1:
        done = Fraction(passed(first, t))
    else:
        # What t_mult may be at the least; by as much it may be larger.
        low, low_cycle, low_mult = Fraction(1), Fraction(1), bounds(t_mult)[0]
        while first.times(done + cycle, done + cycle - low) <= t:
            done, cycle = done + cycle, cycle * Fraction(t_mult)
            low_cycle *= low_mult
            low += low_cycle
    start, end = done * first.real, (done + cycle) * first.real
    return blend(1.0, alpha_f, half_cosine(left(t, start, end)))


def polynomial(now: Moment, power: float, t_max: str = "1dur", alpha_f: float = 0.0) -> Decimal:
    return polynomial_with_warmup(now, None, power, t_max, alpha_f)


def multi_step_with_warmup(
    now: Moment,
    t_warmup: str,
    milestones: Iterable[str],
    gamma: float = 0.1,
    scale_warmup: bool = False,
) -> Decimal:
    w, after = now.length(t_warmup, scale_warmup), multi_step(now, milestones, gamma)
    t = now.at(w.clock)
    return ramp(t, w.real, 1.0) if t < w.real else after


def constant_with_warmup(
    now: Moment,
    t_warmup: str,
    alpha: float = 1.0,
    t_max: str = "1dur",
    scale_warmup: bool = False,
) -> Decimal:
    w, after = now.length(t_warmup, scale_warmup), constant(now, alpha, t_max)
    if w.clock == now.length(t_max).clock:
        in_order(w.real, now.length(t_max).real, t_warmup, t_max)
    t = now.at(w.clock)
    return ramp(t, w.real, alpha) if t < w.real else after


def decay(
    now: Moment, t_warmup: str | None, t_max: str, scale_warmup: bool
) -> tuple[Fraction, Fraction, Fraction]:
    """t, w and T."""
    end, w = now.length(t_max), Fraction(0)
    if t_warmup is not None:
        w = now.warmup(t_warmup, scale_warmup, end.clock)
        in_order(w, end.real, t_warmup, t_max)
    return now.at(end.clock), w, end.real


def in_order(w: Fraction, end: Fraction, t_warmup: str, t_max: str) -> None:
    if w > end:
        raise Refusal("ScheduleError", f"'{parse(t_warmup)}'", f"'{parse(t_max)}'")


def linear_with_warmup(
    now: Moment,
    t_warmup: str | None,
    alpha_i: float = 1.0,
    alpha_f: float = 0.0,
    t_max: str = "1dur",
    scale_warmup: bool = False,
) -> Decimal:
    t, w, end = decay(now, t_warmup, t_max, scale_warmup)
    return ramp(t, w, alpha_i) if t < w else blend(alpha_i, alpha_f, exactly(left(t, w, end)))


def cosine_with_warmup(
    now: Moment,
    t_warmup: str | None,
    t_max: str = "1dur",
    alpha_f: float = 0.0,
    scale_warmup: bool = False,
) -> Decimal:
    t, w, end = decay(now, t_warmup, t_max, scale_warmup)
    return ramp(t, w, 1.0) if t < w else blend(1.0, alpha_f, half_cosine(left(t, w, end)))


def polynomial_with_warmup(
    now: Moment,
    t_warmup: str | None,
    power: float = 2.0,
    t_max: str = "1dur",
    alpha_f: float = 0.0,
    scale_warmup: bool = False,
) -> Decimal:
    t, w, end = decay(now, t_warmup, t_max, scale_warmup)
    part = exactly(left(t, w, end)) ** exactly(power)
    return ramp(t, w, 1.0) if t < w else blend(1.0, alpha_f, part)


ALPHA: dict[str, Callable[..., Decimal]] = {
    "StepScheduler": step,
    "MultiStepScheduler": multi_step,
    "ConstantScheduler": constant,
    "LinearScheduler": linear,
    "ExponentialScheduler": exponential,
    "CosineAnnealingScheduler": cosine,
    "CosineAnnealingWarmRestartsScheduler": cosine_restarts,
    "PolynomialScheduler": polynomial,
    "MultiStepWithWarmupScheduler": multi_step_with_warmup,
    "ConstantWithWarmupScheduler": constant_with_warmup,
    "LinearWithWarmupScheduler": linear_with_warmup,
    "CosineAnnealingWithWarmupScheduler": cosine_with_warmup,
    "PolynomialWithWarmupScheduler": polynomial_with_warmup,
}


def alpha(name: str, arguments: Mapping[str, object], now: Moment) -> Decimal:
    with decimal.localcontext(precisely()):
        return ALPHA[name](now, **arguments)
