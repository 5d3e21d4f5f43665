"""What curves are at their ends, on the way down, and at boundaries."""

import math
import sys
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from curves import (
    AnyArray,
    assert_same_bits,
    one_by_one,
)
from epochal import (
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    Curve,
    InverseSquareRootWithWarmupScheduler,
    LinearScheduler,
    LinearWithWarmupScheduler,
    PolynomialScheduler,
    PolynomialWithWarmupScheduler,
    Run,
    Schedule,
    StepScheduler,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import sized

# Both ends, and what comes after


@pytest.mark.parametrize("alpha_f", [0.0, 0.1, 1 / 3, 0.7, 1.0, 1.5, 1e-300])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 100, 2**40, 2**53])
def test_both_ends_are_exact(length: int, alpha_f: float) -> None:
    run = Run(f"{length}tok")
    after = (length, length + 1, 2 * length, 3 * length + 0.5, 2.0**60, 1e300)
    for schedule in (
        CosineAnnealingScheduler(alpha_f=alpha_f),
        PolynomialScheduler(2.0, alpha_f=alpha_f),
        PolynomialScheduler(0.37, alpha_f=alpha_f),
        PolynomialScheduler(7.3, alpha_f=alpha_f),
    ):
        curve = schedule.resolve(run)
        assert curve(0) == 1.0
        assert [curve(t) for t in after] == [alpha_f] * len(after)
    for alpha_i in (0.0, 0.3, 1.759):
        linear = LinearScheduler(alpha_i, alpha_f).resolve(run)
        assert linear(0) == alpha_i
        assert [linear(t) for t in after] == [alpha_f] * len(after)


def test_nothing_is_above_one_around_the_end_of_a_warmup() -> None:
    """It mostly ends between two floats; a large power shows what is above 1 by half an ulp."""
    for length in (3, 17, 31, 1000, 4099):
        for warmup in (0.1, 0.3, 0.7):
            schedule = PolynomialWithWarmupScheduler(f"{warmup}dur", power=37.5)
            curve = schedule.resolve(Run(f"{length}ba"))
            end = warmup * length
            near = [math.nextafter(end, 0.0), end, math.nextafter(end, math.inf)]
            assert max(curve(t) for t in near) <= 1.0
            assert curve(near * 20).max() <= 1.0


def test_a_warmup_may_end_between_two_floats() -> None:
    """One token after a warmup of 2⁵³ + 1, which is no float, the rate is 1/√2."""
    warmup = 2**53 + 1
    schedule = InverseSquareRootWithWarmupScheduler(f"{warmup}tok", "1tok", "0tok")
    curve = schedule.resolve(Run(f"{2**55}tok"))
    for alpha in (curve(warmup + 1), curve(float(warmup + 1)), *curve([warmup + 1] * 5)):
        assert alpha == pytest.approx(math.sqrt(0.5), rel=4e-16)


def test_the_end_of_a_warmup_is_exact() -> None:
    for warmup, length in ((1, 2), (3, 7), (10, 100), (2**20 + 1, 2**40), (7, 7)):
        run = Run(f"{length}tok")
        for schedule in (
            CosineAnnealingWithWarmupScheduler(f"{warmup}tok", alpha_f=0.1),
            PolynomialWithWarmupScheduler(f"{warmup}tok", 0.37, alpha_f=0.1),
            LinearWithWarmupScheduler(f"{warmup}tok", alpha_f=0.25),
        ):
            curve = schedule.resolve(run)
            assert curve(0) == 0.0
            assert curve(warmup - 1) == (warmup - 1) / warmup
            assert curve(warmup) == 1.0
            # An empty decay has no end to fall to.
            final = 1.0 if warmup == length else schedule.alpha_f
            assert [curve(t) for t in (length, length + 1, 1e300)] == [final] * 3


def test_linear_values_are_those_of_the_formula() -> None:
    curve = LinearScheduler(1.759, 0.03, "977ba").resolve(Run("1000ba"))
    for t in range(1, 1000):
        assert curve(t) == 0.03 + (1.759 - 0.03) * (max(0, 977 - t) / 977), t


# Decays never rise


@st.composite
def decays(draw: st.DrawFn) -> tuple[Curve, float, float, bool]:
    """A cosine or polynomial curve, where its decay starts and ends, and whether it rises."""
    length = draw(st.integers(4, 2**40) | st.integers(4, 2**51))
    ratio = draw(st.sampled_from([1.0, 0.7, 1 / 3, 3.0]))
    alpha_f = draw(st.sampled_from([0.0, 0.1, 1 / 3]) | st.floats(0, 3))
    power = draw(st.sampled_from([0.5, 1.0, 2.0, 3.0]) | st.floats(0.05, 20))
    warmup = draw(st.just(0) | st.integers(0, int(length * ratio)))
    run = Run(f"{length}tok", scale_schedule_ratio=ratio)
    t_max = f"{length}tok"
    choices: list[Schedule] = [
        CosineAnnealingScheduler(t_max, alpha_f),
        PolynomialScheduler(power, t_max, alpha_f),
        CosineAnnealingWithWarmupScheduler(f"{warmup}tok", t_max, alpha_f),
        PolynomialWithWarmupScheduler(f"{warmup}tok", power, t_max, alpha_f),
    ]
    schedule = draw(st.sampled_from(choices))
    start = warmup if "Warmup" in type(schedule).__name__ else 0
    return schedule.resolve(run), float(start), length * ratio, alpha_f > 1


@st.composite
def places(draw: st.DrawFn) -> Callable[[float, float], float]:
    """A point of a decay: anywhere, near the reflection in the middle, near either end."""
    fraction = draw(st.floats(0, 1))
    near = 2.0 ** draw(st.floats(0, 50))
    choices: list[Callable[[float, float], float]] = [
        lambda start, end: start + fraction * (end - start),
        lambda start, end: (start + end) / 2 - min(near, (end - start) / 2),
        lambda start, end: min(start + near, end),
        lambda start, end: max(end - near, start),
        lambda start, end: start,
    ]
    return draw(st.sampled_from(choices))


def assert_monotone(values: AnyArray, rises: bool) -> None:
    steps = np.diff(values)
    assert (steps >= 0).all() if rises else (steps <= 0).all()


@settings(max_examples=sized(400, 60), deadline=None)
@given(decays(), places())
def test_decays_never_rise_over_consecutive_counts(
    decay: tuple[Curve, float, float, bool], place: Callable[[float, float], float]
) -> None:
    curve, start, end, rises = decay
    first = max(math.ceil(start), math.floor(place(start, end)) - 300)
    assert_monotone(curve.grid(first, first + 600), rises)


@pytest.mark.parametrize("length", [3, 1000, 2**40 + 1])
@pytest.mark.parametrize(
    "schedule",
    [
        CosineAnnealingScheduler(),
        LinearScheduler(),
        PolynomialScheduler(0.37),
        PolynomialScheduler(0.5),
        PolynomialScheduler(2.0),
        PolynomialScheduler(3.0),
        PolynomialScheduler(5.5),
    ],
    ids=repr,
)
def test_decays_never_rise_between_neighbouring_floats(schedule: Schedule, length: int) -> None:
    curve = schedule.resolve(Run(f"{length}tok"))
    middles = np.random.default_rng(1).uniform(0, length, 2000)
    windows = (middles.view(np.int64)[:, None] + np.arange(-300, 300)).view(np.float64)
    rises = np.argwhere(np.diff(curve(windows)) > 0)
    assert not len(rises), f"{len(rises)} rises, one after {windows[tuple(rises[0])]!r}"


@settings(max_examples=sized(100, 25), deadline=None)
@given(decays())
def test_decays_never_rise_over_the_whole_run(decay: tuple[Curve, float, float, bool]) -> None:
    curve, start, end, rises = decay
    times = np.unique(np.floor(np.linspace(math.ceil(start), 1.1 * end, 3001)))
    values = curve(times)
    assert_monotone(values, rises)
    low, high = sorted((1.0, values[-1].item()))
    assert (low <= values).all()
    assert (values <= high).all()


# Steps and restarts, right at the boundaries

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")


def sine_squared(u: Fraction) -> Decimal:
    """The square of sin(pi u / 2) by the power series, to about 60 digits."""
    with localcontext() as context:
        context.prec = 75
        x = PI * u.numerator / u.denominator / 2
        term = total = x
        for n in range(1, 40):
            term *= -x * x / (2 * n) / (2 * n + 1)
            total += term
        return total * total


def assert_within_4_ulp(got: float, want: Decimal) -> None:
    assert abs(Decimal(got) - want) <= 4 * Decimal(math.ulp(float(want))), (got, want)


def restarts(t_0: int, t_mult: float = 1.0) -> Curve:
    return CosineAnnealingWarmRestartsScheduler(f"{t_0}ba", t_mult).resolve(Run("10ba"))


def test_restarts_by_three() -> None:
    curve = restarts(1, 3.0)
    boundary, length = 0, 1
    while boundary + length < 2**53:
        assert curve(boundary) == 1.0, boundary
        if length > 1:
            last = boundary + length - 1
            assert_within_4_ulp(curve(last), sine_squared(Fraction(1, length)))
            assert_within_4_ulp(curve(boundary + 1), sine_squared(Fraction(length - 1, length)))
        boundary, length = boundary + length, 3 * length
    assert curve(121) == 1.0


@pytest.mark.parametrize(
    ("t_0", "t_mult"), [(2**20, 1.5), (1, 2.0), (64, 1.25), (3, 4.0), (7, 1.0)]
)
def test_restarts_by_exact_factors(t_0: int, t_mult: float) -> None:
    curve = restarts(t_0, t_mult)
    boundary, length = Fraction(0), Fraction(t_0)
    checked = 0
    for cycle in range(60):
        end = boundary + length
        if end >= 2**53:
            break
        if boundary.denominator == 1:
            assert curve(int(boundary)) == 1.0, boundary
        # Nearer to a whole number than the factor's own precision, a boundary stands for it.
        blur = end * (cycle + 1) / 2**53
        if all(b.denominator == 1 or abs(b - round(b)) > blur for b in (boundary, end)):
            for t in (math.ceil(boundary), math.floor(boundary + length / 3), math.ceil(end) - 1):
                if boundary < t < end:
                    assert_within_4_ulp(curve(t), sine_squared((end - t) / length))
                    checked += 1
        boundary, length = end, length * Fraction(t_mult)
    assert checked > 20


def test_restarts_by_a_factor_that_is_no_binary_fraction() -> None:
    """By the count rule 1000 x 1.1 is 1100, x 1.1 again 1210: the user's own boundaries."""
    curve = restarts(1000, 1.1)
    for boundary, length in ((0, 1000), (1000, 1100), (2100, 1210), (3310, 1331)):
        assert curve(boundary) == 1.0, boundary
        assert curve(boundary + 1) < 1.0
        assert curve(boundary + length - 1) < 1e-5
    # 1331 x 1.1 is 1464.1: the boundary 6105.1 lies between two batches.
    assert curve(4641) == 1.0
    assert curve(6105) < 1e-7
    assert 0.999 < curve(6106) < 1.0


def test_restarts_by_a_factor_next_to_one() -> None:
    """Cycle i begins 1000 i (i - 1) / 2 x 2^-40 later than without the factor."""
    curve = restarts(1000, 1 + 2.0**-40)
    assert curve(1000) == 1.0
    for cycles in (2, 3, 10, 1000, 10_000):
        with localcontext() as context:
            context.prec = 75
            f = 1 + Decimal(2) ** -40
            boundary = 1000 * (f**cycles - 1) / (f - 1)
            passed = (boundary - 1000 * cycles) / (1000 * f ** (cycles - 1))
            left = 1 - (1000 * cycles + 1 - boundary) / (1000 * f**cycles)
        assert math.floor(boundary) == 1000 * cycles
        before = sine_squared(Fraction(passed))
        assert before < Decimal("1e-8")
        assert_within_4_ulp(curve(1000 * cycles), before)
        assert_within_4_ulp(curve(1000 * cycles + 1), sine_squared(Fraction(left)))


@pytest.mark.parametrize(
    ("t_0", "t_mult", "cycle"),
    [
        (1, 1.0001, 150_000),
        (1000, 1.0001, 80_000),
        (7, 1 + 2.0**-40, 20_000_000),
        (1000, 1 + 2.0**-40, 1_000_000),
        (7, 1 + 2.0**-52, 30_000_000),
        (1, 1.1, 290),
        (1, 1.37, 90),
        (1000, 1.5, 28),
    ],
)
def test_the_middle_of_a_late_cycle_is_exact(t_0: int, t_mult: float, cycle: int) -> None:
    """Whatever a boundary stands for, far from it the curve is that of exact arithmetic."""
    curve = restarts(t_0, t_mult)
    with localcontext() as context:
        context.prec = 75
        f = Decimal(t_mult)
        start, length = t_0 * (f**cycle - 1) / (f - 1), t_0 * f**cycle
        for part in (Decimal("0.3"), Decimal("0.5"), Decimal("0.7")):
            t = math.floor(start + part * length)
            assert start < t < start + length
            assert t < 2**53
            want = sine_squared(Fraction(1 - (t - start) / length))
            assert abs(Decimal(curve(t)) - want) <= Decimal(2.0**-51), (t, want)


@pytest.mark.parametrize("t_0", [1, 2, 3, 7, 1000])
def test_a_million_billion_equal_cycles(t_0: int) -> None:
    curve = restarts(t_0)
    last = 2**53 // t_0
    for n in (0, 1, 10, 10**6, 10**12, 10**15 - 1, 10**15, last - 1, last):
        for part in {0, 1, t_0 // 2, t_0 - 1} - {t_0}:
            t = n * t_0 + part
            if t <= 2**53:
                assert_within_4_ulp(curve(t), sine_squared(Fraction(t_0 - part, t_0)))


@pytest.mark.parametrize("middle", [0, 2**40, 2**50, 2**52 - 200])
def test_halved_cycles_and_steps_at_any_count(middle: int) -> None:
    """The value at t of the run halved is that at 2t: 1.5 batches are as exact as 3."""
    whole, halved = Run("10ba"), Run("10ba", scale_schedule_ratio=0.5)
    times = middle + np.arange(200)
    for schedule in (
        CosineAnnealingWarmRestartsScheduler("3ba"),
        # Slow enough that no count is at the bottom.
        StepScheduler("3ba", 1 - 2.0**-50),
    ):
        assert_same_bits(schedule.resolve(halved)(times), schedule.resolve(whole)(2 * times))


@pytest.mark.parametrize("t_mult", [1.0, 1 + 2.0**-52, 1 + 2.0**-40, 1.0001, 1.1, 2.0, 1e300])
def test_restarts_reach_any_time(t_mult: float) -> None:
    """With one step of a loop a cycle this would not end."""
    curve = restarts(1, t_mult)
    times = np.concatenate([2.0 ** np.arange(54), [1e100, 1e300, sys.float_info.max]])
    values = curve(times)
    assert ((values >= 0) & (values <= 1)).all()
    assert_same_bits(values, one_by_one(curve, times))


def test_steps_at_fractional_boundaries() -> None:
    """3 batches at a ratio of 0.1 are 0.3 of a batch: at batch 3 ten steps are done, not nine."""
    run = Run("1000ba", scale_schedule_ratio=0.1)
    curve = StepScheduler("3ba", 0.5).resolve(run)
    for t in range(100):
        assert curve(t) == 0.5 ** (10 * t // 3), t
    restart = CosineAnnealingWarmRestartsScheduler("3ba").resolve(run)
    for t in range(100):
        left = 1 - Fraction(10 * t % 3, 3)
        # 0.1 is known to half its ulp only, and so the length of every cycle up to here.
        place = t / 0.3 * (math.ulp(0.1) / 2 / 0.1)
        error = 2.0**-51 + place * math.pi / 2
        assert abs(restart(t) - float(sine_squared(left))) <= error, t


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        (3, 0.1),
        # A length that rounds to 1025, but is none of the numbers that are meant by it.
        (1026, 0.9990253411306044),
    ],
)
def test_a_step_begins_at_the_first_float_at_which_its_length_has_passed(
    size: int, ratio: float
) -> None:
    """Or at the whole number that is meant: 10 × (3 × 0.1) is 3."""
    run = Run(f"{10**7}ba", scale_schedule_ratio=ratio)
    curve = StepScheduler(f"{size}ba", 0.5).resolve(run)
    up = 0
    for n in range(1, 1000):
        exact = n * size * Fraction(ratio)
        whole = round(exact)
        if abs(exact - whole) <= n * size * Fraction(math.ulp(ratio)) / 2:
            exact = Fraction(whole)
        first = float(exact)
        if Fraction(first) < exact:
            first = math.nextafter(first, math.inf)
            up += 1
        assert curve(first) == 0.5**n
        assert curve(math.nextafter(first, 0.0)) == 0.5 ** (n - 1)
    assert up > 100


@settings(max_examples=sized(300, 60), deadline=None)
@given(
    size=st.integers(1, 10**6),
    n=st.integers(0, 60),
    ratio=st.sampled_from([1.0, 0.5, 0.1, 0.3, 0.7, 2.5, 1.1]),
)
def test_steps_count_whole_periods(size: int, n: int, ratio: float) -> None:
    """The period is the decimal product, since a float ratio is known to its own precision only."""
    curve = StepScheduler(f"{size}ba", 0.5).resolve(Run(f"{10**9}ba", scale_schedule_ratio=ratio))
    boundary = n * size * Fraction(str(ratio))
    first = math.ceil(boundary)
    period = size * Fraction(str(ratio))
    assert curve(first) == 0.5 ** (first // period)
    if first > 0:
        assert curve(first - 1) == 0.5 ** ((first - 1) // period)


@pytest.mark.parametrize("power", [0.7, 1.5, 2.25, 2.5, 3.5, 6, 37.5])
def test_neighbouring_floats_keep_their_order(power: float) -> None:
    rng = np.random.default_rng(0)
    for length in (1000, 77_886_391):
        curve = PolynomialScheduler(power).resolve(Run(f"{length}ba"))
        t = rng.uniform(0, length, 300_000)
        assert (curve(t) >= curve(np.nextafter(t, np.inf))).all()
    curve = PolynomialScheduler(1.5).resolve(Run("77886391ba"))
    assert curve(15758243.26159119) >= curve(15758243.261591192)
