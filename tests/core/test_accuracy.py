"""Curves against arithmetic of 50 digits: how many units in the last place they are off.

For curves with final value 0 the error is relative: the tail is as exact as the start, down to the
smallest normal number. `make accuracy` shows the worst of more than 100,000 points of each curve.
"""

import math
import os
import sys
from fractions import Fraction

import numpy as np
import pytest
from accuracy import cases, exponential, ulps, worst_of
from epochal import ExponentialScheduler, MultiStepScheduler, Run, StepScheduler
from hypothesis import settings
from mpmath import mpf
from sizes import sized

# Some coincide: there are not many whole numbers.
POINTS = int(os.environ.get("ACCURACY_POINTS", sized(16, 10) * settings().max_examples))
CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_worst_error(name: str) -> None:
    case = CASES[name]
    worst = worst_of(case, POINTS)
    print(f"{name}: {worst.ulps:.3f} ulp at t = {worst.place!r}, {worst.points} points")
    assert worst.ulps <= case.bound, f"{worst.ulps:.3f} ulp at t = {worst.place!r}"


@pytest.mark.parametrize("gamma", [0.1, 0.3, 0.5, 0.97, 1.1, 3.0])
def test_levels(gamma: float) -> None:
    """Every level within one unit, subnormal ones too."""
    most = 300
    curve = MultiStepScheduler([f"{n}ba" for n in range(1, most)], gamma).resolve(Run("1ba"))
    stepped = StepScheduler("1ba", gamma).resolve(Run("1ba"))
    for n in range(most):
        exact = mpf(gamma) ** n
        assert curve(n) == stepped(n)
        assert ulps(curve(n), exact) <= 1, n


def test_zero_and_one() -> None:
    zero = ExponentialScheduler(0.0, "3ba").resolve(Run("1ba"))
    assert zero(np.array([0.0, -0.0, 1e-300, 1.0, 1e300])).tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]
    one = ExponentialScheduler(1.0, "3ba").resolve(Run("1ba"))
    assert one(np.array([0.0, 1.0, 1e300])).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("gamma", [0.5, 0.97, 1e-300, 5e-324])
def test_exponentials_end_in_zero(gamma: float) -> None:
    curve = ExponentialScheduler(gamma, "3ba").resolve(Run("1ba"))
    times = np.concatenate([np.linspace(0, 10_000, 2001), [1e20, 1e300, sys.float_info.max]])
    values = curve(times)
    assert (np.diff(values) <= 0).all()
    assert values[-1] == 0.0
    for t, value in zip(times[:50].tolist(), values[:50].tolist(), strict=True):
        exact = exponential(gamma, Fraction(3))(t)
        # A subnormal number is off by one of its own units at most.
        assert abs(mpf(value) - exact) <= mpf(math.ulp(float(exact)))


def test_rising_exponentials_stay_finite() -> None:
    """As far as floats reach; behind that, behind the end of the run, a value is finite still."""
    curve = ExponentialScheduler(2.0, "3ba").resolve(Run("1ba"))
    times = np.arange(3 * 1024)
    values = curve(times)
    assert (np.diff(values) > 0).all()
    assert values[-1] == curve(3 * 1024 - 1) > 1e308
    assert np.isfinite(curve(np.array([3 * 1024, 1e20, sys.float_info.max]))).all()
