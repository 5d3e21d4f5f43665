"""Curves, the exact functions that they are, and how far from these they may be."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from epochal import (
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    ExponentialScheduler,
    InverseSquareRootScheduler,
    LinearScheduler,
    PiecewiseScheduler,
    PolynomialScheduler,
    PolynomialWithWarmupScheduler,
    Run,
    Schedule,
    StepScheduler,
)
from epochal._types import Shape
from mpmath import mp, mpf

mp.dps = 50
SMALLEST_NORMAL = sys.float_info.min

Floats = npt.NDArray[np.float64]
Exact = Callable[[float], mpf]


@dataclass(frozen=True)
class Case:
    kind: str  # of curve
    schedule: Schedule
    run: Run
    exact: Exact
    length: Fraction  # T, or what repeats
    bound: float  # units in the last place
    reach: float = 1.0  # how far the points go, in lengths
    start: Fraction = Fraction(0)


def number(x: Fraction) -> mpf:
    return mpf(x.numerator) / x.denominator


def decay(shape: Callable[[mpf], mpf], end: Fraction, start: Fraction = Fraction(0)) -> Exact:
    """A function of what is left."""

    def exact(t: float) -> mpf:
        left = min(Fraction(1), max(Fraction(0), (end - Fraction(t)) / (end - start)))
        return shape(number(left))

    return exact


def half_cosine(u: mpf) -> mpf:
    return mp.sin(mp.pi * u / 2) ** 2


def power(p: float) -> Callable[[mpf], mpf]:
    return lambda u: mpf(0) if u == 0 else u ** mpf(p)


def restarts(t_0: int, t_mult: int) -> Exact:
    def exact(t: float) -> mpf:
        start, length = Fraction(0), Fraction(t_0)
        if t_mult == 1:
            start = Fraction(t) // t_0 * length
        else:
            while start + length <= t:
                start, length = start + length, length * t_mult
        return half_cosine(number(1 - (Fraction(t) - start) / length))

    return exact


def exponential(gamma: float, period: Fraction) -> Exact:
    log = mp.log(mpf(gamma)) / number(period)
    return lambda t: mp.exp(mpf(t) * log)


def steps(gamma: float, period: int) -> Exact:
    return lambda t: mpf(gamma) ** int(t // period)


SHAPES: dict[Shape, Callable[[mpf], mpf]] = {
    "linear": lambda x: x,
    "cosine": half_cosine,
    "sqrt": mp.sqrt,
    "1-sqrt": lambda x: 1 - mp.sqrt(1 - x),
    "square": lambda x: x**2,
    "rex": lambda x: 2 * x / (1 + x),
    "exponential": lambda x: mp.expm1(x * mp.log(2)),
}


def rise(shape: Callable[[mpf], mpf], start: Fraction, end: Fraction) -> Exact:
    """A function of what has passed."""
    return lambda t: shape(number((Fraction(t) - start) / (end - start)))


def scaled_by(high: float, shape: Callable[[mpf], mpf]) -> Callable[[mpf], mpf]:
    return lambda x: mpf(high) * shape(x)


def geometric(first: float, last: float) -> Callable[[mpf], mpf]:
    return lambda x: first * (mpf(last) / first) ** x


def inverse_square_root(scale: Fraction) -> Exact:
    return lambda t: mp.sqrt(number(scale / (scale + Fraction(t))))


WHOLE = Run("1000ba")
# 977 × 0.3 is no whole number, nor a float.
SCALED = Run("1000ba", scale_schedule_ratio=0.3)
LONG = 2**40 + 1
THREE_TENTHS = 977 * Fraction(0.3)


def cases() -> dict[str, Case]:
    found = {}
    # A float u has the roundings of T - t and of the quotient, which a power p multiplies, and so
    # does a cosine, by 2. Other powers know u to twice a float's digits.
    for name, length in (("1000", 1000), ("977", 977), ("2^40 + 1", LONG)):
        end = Fraction(length)
        found[f"cosine, T = {name}"] = Case(
            "cosine",
            CosineAnnealingScheduler(f"{length}ba"),
            WHOLE,
            decay(half_cosine, end),
            end,
            3.5,
        )
        for p, bound in (
            (0.05, 1.0),
            (0.5, 1.5),
            (0.7, 2.0),
            (1.0, 1.5),
            (1.4, 3.0),
            (1.5, 1.0),
            (2.0, 3.5),
            (2.5, 1.0),
            (3.0, 0.51),
            (5.5, 1.0),
            (10.0, 1.0),
            (37.5, 1.0),
            (1000.0, 1.0),
        ):
            found[f"power {p}, T = {name}"] = Case(
                "polynomial",
                PolynomialScheduler(p, f"{length}ba"),
                WHOLE,
                decay(power(p), end),
                end,
                bound,
            )
    end = THREE_TENTHS
    found["linear, scaled"] = Case(
        "linear", LinearScheduler(t_max="977ba"), SCALED, decay(power(1.0), end), end, 2.5
    )
    found["cosine, scaled"] = Case(
        "cosine", CosineAnnealingScheduler("977ba"), SCALED, decay(half_cosine, end), end, 2
    )
    for p, bound in ((0.5, 2), (0.7, 1), (1.0, 2.5), (2.0, 0.51), (3.0, 0.51), (5.5, 1)):
        found[f"power {p}, scaled"] = Case(
            "polynomial", PolynomialScheduler(p, "977ba"), SCALED, decay(power(p), end), end, bound
        )
    start, end = Fraction(100), Fraction(1000)
    found["cosine after a warmup"] = Case(
        "cosine",
        CosineAnnealingWithWarmupScheduler("100ba"),
        WHOLE,
        decay(half_cosine, end, start),
        end,
        3.5,
        start=start,
    )
    found["power 5.5 after a warmup"] = Case(
        "polynomial",
        PolynomialWithWarmupScheduler("100ba", 5.5),
        WHOLE,
        decay(power(5.5), end, start),
        end,
        1,
        start=start,
    )
    for gamma in (0.97, 0.1, 1e-300, 0.9999999999999999, 1.0001):
        log = abs(math.log(gamma))
        found[f"exponential {gamma}"] = Case(
            "exponential",
            ExponentialScheduler(gamma, "7ba"),
            Run("1ba"),
            exponential(gamma, Fraction(7)),
            Fraction(7),
            1,
            reach=708 / log,
        )
    found["exponential 0.97, scaled"] = Case(
        "exponential",
        ExponentialScheduler(0.97, "977ba"),
        SCALED,
        exponential(0.97, THREE_TENTHS),
        THREE_TENTHS,
        1,
        reach=708 / abs(math.log(0.97)),
    )
    for t_mult in (1, 3):
        found[f"restarts × {t_mult}"] = Case(
            "warm restarts",
            CosineAnnealingWarmRestartsScheduler("7ba", float(t_mult)),
            WHOLE,
            restarts(7, t_mult),
            Fraction(7),
            3.5,
            reach=2.0**45 if t_mult == 3 else 2.0**40,
        )
    for gamma in (0.1, 0.999, 1.001):
        reach = 708 / abs(math.log(gamma))
        found[f"steps of {gamma}"] = Case(
            "steps",
            StepScheduler("7ba", gamma),
            Run("1ba"),
            steps(gamma, 7),
            Fraction(7),
            1,
            reach=reach,
        )
    return found | pieces()


def pieces() -> dict[str, Case]:
    """Rises and falls by each shape. A value at the higher end multiplies once more than 1 does."""
    found = {}
    for name, run, start, end, scale in (
        ("", WHOLE, Fraction(100), Fraction(977), Fraction(7)),
        (", scaled", SCALED, Fraction(30), THREE_TENTHS, 7 * Fraction(0.3)),
    ):
        for shape, function in SHAPES.items():
            bound = {"linear": 2.5, "sqrt": 3.5, "rex": 3.5}.get(shape, 4.0)
            for high in (1.0, 0.7):
                found[f"rise to {high} by {shape}{name}"] = Case(
                    f"between two values, {shape}",
                    PiecewiseScheduler([("100ba", 0.0), ("977ba", high)], shape),
                    run,
                    rise(scaled_by(high, function), start, end),
                    end,
                    bound,
                    start=start,
                )
                found[f"fall from {high} by {shape}{name}"] = Case(
                    f"between two values, {shape}",
                    PiecewiseScheduler([("100ba", high), ("977ba", 0.0)], shape),
                    run,
                    decay(scaled_by(high, function), end, start),
                    end,
                    bound,
                    start=start,
                )
        for first, last in ((1e-6, 0.7), (1.0, 1e-9)):
            found[f"geometric from {first} to {last}{name}"] = Case(
                "between two values, geometric",
                PiecewiseScheduler([("100ba", first), ("977ba", last)], "geometric"),
                run,
                rise(geometric(first, last), start, end),
                end,
                3.5,
                start=start,
            )
        found[f"inverse square root{name}"] = Case(
            "inverse square root",
            InverseSquareRootScheduler("7ba"),
            run,
            inverse_square_root(scale),
            scale,
            2.0,
            reach=2.0**40,
        )
    return found


def points(case: Case, count: int) -> Floats:
    """Anywhere, whole and not; close to both ends at every order of magnitude; the ends."""
    rng = np.random.default_rng(1)
    start, end = float(case.start), float(case.length) * case.reach
    near = 2.0 ** rng.uniform(-40, math.log2(end - start), (2, count // 4))
    whole = np.floor(rng.uniform(start, end, count // 4))
    anywhere = rng.uniform(start, end, count // 4 + 1)
    edges = [start, math.nextafter(start, math.inf), end, math.nextafter(end, 0.0)]
    if case.reach > 1:
        lengths = np.floor(near[1] / float(case.length)) * float(case.length)
        edges += [*lengths, *np.nextafter(lengths[lengths > 0], 0.0)]
    times = np.concatenate([start + near[0], end - near[1], whole, anywhere, edges])
    found: Floats = np.unique(times[(times >= start) & (times <= end)])
    return found


def ulps(value: float, exact: mpf) -> float:
    """How far off, in units in the last place of the exact value."""
    return float(abs(mpf(value) - exact) / mpf(math.ulp(float(exact))))


@dataclass(frozen=True)
class Worst:
    ulps: float
    place: float
    points: int


def worst_of(case: Case, count: int) -> Worst:
    """The worst error, where it is, and of how many points."""
    times = points(case, count)
    values = case.schedule.resolve(case.run)(times)
    worst, place, compared = 0.0, 0.0, 0
    for t, value in zip(times.tolist(), values.tolist(), strict=True):
        exact = case.exact(t)
        if exact == 0:
            off = 0.0 if value == 0.0 else math.inf
        elif SMALLEST_NORMAL <= exact <= sys.float_info.max:
            off = ulps(value, exact) if math.isfinite(value) else math.inf
        else:
            continue
        worst, place = max((worst, place), (off, t))
        compared += 1
    return Worst(worst, place, compared)
