"""The nine shapes: exact at both ends, never turning back, as exact near 0 as elsewhere."""

import decimal
import math
import sys
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from curves import Floats, assert_same_bits
from epochal import (
    ConstantScheduler,
    Curve,
    LinearScheduler,
    OneCycleScheduler,
    PiecewiseScheduler,
    Run,
    ScheduleError,
    WSDScheduler,
)
from reference.formulas import SHAPE_NAMES, between, precisely
from sizes import sized

SHAPES: tuple[Any, ...] = SHAPE_NAMES
every_shape = pytest.mark.parametrize("shape", SHAPES)
every_way = pytest.mark.parametrize("shape", [name for name in SHAPES if name != "step"])

ALPHAS = (0.0, 1e-300, 4e-6, 0.1, 1 / 3, 1.0, 1.759)
LENGTHS = (1, 2, 3, 7, 100, 977, 2**40 + 1, 2**53)


def pairs(shape: Any, smallest: float = 0.0) -> list[tuple[float, float]]:
    """All that a piece may go between; a number too small is left out, but for 0."""
    alphas = [alpha for alpha in ALPHAS if alpha >= smallest or alpha == 0]
    alphas = [alpha for alpha in alphas if alpha > 0 or shape != "geometric"]
    return [(left, right) for left in alphas for right in alphas]


def piece(shape: Any, left: float, right: float, length: int) -> Curve:
    return PiecewiseScheduler([("0tok", left), (f"{length}tok", right)], shape).resolve(
        f"{length}tok"
    )


# Ends


@every_shape
@pytest.mark.parametrize("length", LENGTHS)
def test_both_ends_are_exact(shape: Any, length: int) -> None:
    for left, right in pairs(shape):
        curve = piece(shape, left, right, length)
        assert curve(0) == left
        for after in (length, length + 1, 2.0**60, 1e300, sys.float_info.max):
            assert curve(after) == right
        before = curve(math.nextafter(length, 0))
        assert before == left if shape == "step" else min(left, right) <= before <= max(left, right)


@every_shape
def test_every_point_is_met_exactly(shape: Any) -> None:
    rng = np.random.default_rng(3)
    times = np.unique(rng.integers(0, 10**6, 300))
    alphas = rng.uniform(1e-9, 1, len(times))
    points = [(f"{t}ba", alpha) for t, alpha in zip(times, alphas, strict=True)]
    curve = PiecewiseScheduler(points, shape).resolve("1Mba")
    assert_same_bits(curve(times), alphas)
    assert_same_bits(curve(times[::-1]), alphas[::-1])
    low, high = np.minimum(alphas[:-1], alphas[1:]), np.maximum(alphas[:-1], alphas[1:])
    for part in (0.1, 0.5, 0.999):
        inside = curve(times[:-1] + part * np.diff(times))
        assert ((low <= inside) & (inside <= high)).all()


@every_shape
def test_ends_of_warmups_and_cooldowns_are_exact(shape: Any) -> None:
    for warmup, begin, end in ((1, 2, 3), (3, 7, 11), (10, 10, 977), (7, 100, 2**40 + 1)):
        run = f"{end}tok"
        line = LinearScheduler(1.759, 0.1)
        curve = line.after_warmup(f"{warmup}tok", start=0.3, shape=shape).resolve(run)
        assert curve(0) == 0.3 * 1.759
        assert curve(warmup) == 1.759
        for alpha_f in (4e-6, 1 / 3, 2.0):
            curve = line.cooldown(f"{begin}tok", "1dur", alpha_f, shape).resolve(run)
            assert curve(begin - 1) == line.resolve(run)(begin - 1)
            assert curve(begin) == line.resolve(run)(begin)
            assert [curve(t) for t in (end, end + 1, 1e300)] == [alpha_f] * 3
            curve = WSDScheduler(
                f"{warmup}tok", f"{end - begin}tok", "1dur", alpha_f, shape, warmup_shape=shape,
                warmup_start=0.5,
            ).resolve(run)  # fmt: skip
            assert [curve(t) for t in (0, warmup, begin)] == [0.5, 1.0, 1.0]
            assert [curve(t) for t in (end, end + 1, 1e300)] == [alpha_f] * 3


def test_one_cycle_is_exact_at_its_three_points() -> None:
    for shape in SHAPES:
        curve = OneCycleScheduler("7ba", "30ba", 0.04, 4e-6, shape).resolve("30ba")
        assert [curve(t) for t in (0, 7, 30, 31, 1e300)] == [0.04, 1.0, 4e-6, 4e-6, 4e-6]


def test_a_step_is_up_until_its_right_point() -> None:
    points = [("10ba", 0.5), ("20ba", 1.0), ("30ba", 0.25)]
    curve = PiecewiseScheduler(points, "step").resolve("100ba")
    times = (0, 10, math.nextafter(20, 0), 20, 29, 30, 99)
    assert [curve(t) for t in times] == [0.5, 0.5, 0.5, 1.0, 1.0, 0.25, 0.25]


def test_of_points_at_one_time_the_last_counts() -> None:
    points = [
        ("5ba", 0.1),
        ("5ba", 0.2),
        ("10ba", 0.4),
        ("10ba", 0.9),
        ("10ba", 0.8),
        ("20ba", 0.8),
    ]
    curve = PiecewiseScheduler(points).resolve("100ba")
    assert [curve(t) for t in (0, 4, 5, 10, 15, 20)] == [0.1, 0.1, 0.2, 0.8, 0.8, 0.8]
    assert curve(math.nextafter(10, 0)) <= 0.4
    last = PiecewiseScheduler([("0ba", 1.0), ("9ba", 0.5), ("9ba", 0.1)]).resolve("100ba")
    assert [last(t) for t in (9, 10)] == [0.1, 0.1]


# In between


def times_of(length: int) -> Floats:
    """Anywhere, and close to both ends at every order of magnitude."""
    rng = np.random.default_rng(1)
    many = sized(30, 8)
    near = 2.0 ** rng.uniform(-40, math.log2(length), (2, many))
    times = np.concatenate([near[0], length - near[1], rng.uniform(0, length, many)])
    found: Floats = np.unique(np.clip(times, 0, math.nextafter(length, 0)))
    return found


@every_way
@pytest.mark.parametrize("length", [977, 1000, 2**40 + 1])
def test_values(shape: Any, length: int) -> None:
    """Within 4 units in the last place where the lower end is 0; else within 2^-51 of the largest
    α."""
    for left, right in pairs(shape, 1e-9):
        curve = piece(shape, left, right, length)
        for t in times_of(length).tolist():
            with decimal.localcontext(precisely()):
                exact = between(Decimal(left), Decimal(right), Fraction(t) / length, shape)
                ulps = 4 * Decimal(math.ulp(float(exact)))
                absolute = Decimal(max(1.0, left, right)) / 2**51
                allowed = ulps if min(left, right) == 0 else absolute
                assert abs(Decimal(curve(t)) - exact) <= allowed, (left, right, t)


@every_way
@pytest.mark.parametrize("length", [3, 1000, 77_886_391, 2**40 + 1])
def test_no_piece_turns_back(shape: Any, length: int) -> None:
    rng = np.random.default_rng(2)
    middles = np.concatenate([rng.uniform(0, length, 300), 2.0 ** rng.uniform(-30, 0, 50)])
    middles = np.concatenate([middles, length - middles[-50:]])
    windows = np.clip((middles.view(np.int64)[:, None] + np.arange(-50, 50)).view(float), 0, length)
    counts = np.unique(np.floor(np.linspace(0, 1.1 * length, 3001)))
    for left, right in pairs(shape):
        curve, sign = piece(shape, left, right, length), 1 if right >= left else -1
        for values in (curve(windows), curve(counts)[None]):
            turns = np.argwhere(sign * np.diff(values) < 0)
            assert not len(turns), f"{left} to {right}: {len(turns)} turns"
            assert (values >= min(left, right)).all()
            assert (values <= max(left, right)).all()


@every_way
def test_a_fall_is_the_mirror_image_of_a_rise(shape: Any) -> None:
    for length in (1, 7, 100, 977):
        for low, high in ((0.1, 1.0), (4e-6, 1.0), (0.3, 1.759)):
            rise, fall = piece(shape, low, high, length), piece(shape, high, low, length)
            assert_same_bits(rise(np.arange(length + 1)), fall(length - np.arange(length + 1)))


@every_shape
def test_a_shape_is_the_same_wherever_it_stands(shape: Any) -> None:
    times = np.arange(0, 120, 0.25)  # so that times and distances are exact
    later = PiecewiseScheduler(
        [("10ba", 0.25), ("30ba", 1.0), ("70ba", 1.0), ("100ba", 0.125)], shape
    )
    for run in (Run("100ba"), Run("100ba", scale_schedule_ratio=0.5)):
        points = PiecewiseScheduler(
            [("0ba", 0.25), ("20ba", 1.0), ("60ba", 1.0), ("90ba", 0.125)], shape
        ).resolve(run)
        for other in (
            WSDScheduler(
                "20ba", "30ba", "90ba", 0.125, shape, True, warmup_start=0.25, warmup_shape=shape
            ),
            ConstantScheduler()
            .after_warmup("20ba", 0.25, shape, scale=True)
            .cooldown("60ba", "90ba", 0.125, shape),
            ConstantScheduler()
            .cooldown("60ba", "90ba", 0.125, shape)
            .after_warmup("20ba", 0.25, shape, scale=True),
            PiecewiseScheduler([("0ba", 0.25), ("20ba", 1.0)], shape).until(
                "60ba", PiecewiseScheduler([("60ba", 1.0), ("90ba", 0.125)], shape)
            ),
            later.advance("10ba", scale=True),
        ):
            assert_same_bits(other.resolve(run)(times), points(times))


def test_each_piece_has_its_shape() -> None:
    rng = np.random.default_rng(4)
    alphas = rng.uniform(0.1, 1, len(SHAPES) + 1).tolist()
    points = [(f"{10 * i}ba", alpha) for i, alpha in enumerate(alphas)]
    curve = PiecewiseScheduler(points, SHAPES).resolve("100ba")
    for i, (shape, (left, right)) in enumerate(zip(SHAPES, pairwise(alphas), strict=True)):
        assert_same_bits(curve.grid(10 * i, 10 * i + 10), piece(shape, left, right, 10).grid(0, 10))


# Errors


def test_a_ratio_of_two_values_needs_both_above_zero() -> None:
    fall = LinearScheduler()
    for make in (
        lambda: PiecewiseScheduler([("0ba", 0.0), ("1ba", 1.0)], "geometric"),
        lambda: PiecewiseScheduler([("0ba", 1.0), ("1ba", 0.0)], ["geometric"]),
        lambda: OneCycleScheduler(alpha_i=0.0, shape="geometric"),
        lambda: OneCycleScheduler(alpha_f=0.0, shape="geometric"),
        lambda: WSDScheduler("1ba", decay_shape="geometric"),
        lambda: WSDScheduler("1ba", warmup_shape="geometric"),
        lambda: fall.after_warmup("1ba", shape="geometric"),
        lambda: fall.cooldown("1ba", shape="geometric"),
        # Only the run tells.
        lambda: fall.cooldown("1dur", "2dur", 0.5, "geometric").resolve("10ba"),
        lambda: LinearScheduler(0.0).after_warmup("1ba", 0.5, "geometric").resolve("10ba"),
    ):
        with pytest.raises(ScheduleError, match="'geometric'"):
            make()
