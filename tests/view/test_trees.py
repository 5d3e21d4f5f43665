"""What the curves of random trees tell of themselves, against sampling."""

import time
from typing import Any

import numpy as np
import pytest
from epochal import Curve, EpochalError, ScheduleError, lint
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sizes import sized
from strategies import real_run
from trees import tree_runs, trees

# An ulp of the time is what a place is known to.
NEAR = 1e-9
# Each is asked many times.
FEW = settings(max_examples=sized(40, 15))


@st.composite
def curves(draw: st.DrawFn, functions: bool = False) -> Curve:
    run = draw(tree_runs())
    schedule = draw(trees(run, functions=functions)).real()
    try:
        return schedule.resolve(real_run(run))
    except EpochalError:
        assume(False)
        raise


def sampled(curve: Curve) -> np.ndarray[Any, np.dtype[np.float64]]:
    rows = curve.describe().rows
    own = "ba" if len(curve.units) > 1 else next(iter(curve.units), "ba")
    end = rows[-1]["end"][str(own)]
    return np.concatenate([np.linspace(0.0, end, 1501), np.arange(min(int(end), 20_000) + 1)])


@FEW
@given(curves())
def test_extremes_hold(curve: Curve) -> None:
    values = curve(sampled(curve))
    most, least = curve.maximum(), curve.minimum()
    assert values.max() <= most * (1 + NEAR)
    assert least <= values.min() + NEAR * most
    for x, first, found in (
        (least, curve.first_below, None),
        (most * (1 + NEAR), curve.first_above, None),
    ):
        assert first(x) is found


@FEW
@given(curves())
def test_the_course_between_breakpoints(curve: Curve) -> None:
    """There, no jump is left."""
    assume(sum(row["parts"] for row in curve.describe().rows) < 1000)
    try:
        times = np.array([0.0, *curve.breakpoints()])
    except ScheduleError:  # too many to be listed, as in cycles of cycles
        assume(False)
        raise
    for start, end in list(zip(times, [*times[1:], times[-1] * 1.01 + 1.0], strict=True))[:50]:
        inside = np.linspace(start, np.nextafter(end, 0.0), 4001)[:: 1 if end > start else -1]
        values = curve(inside)
        steps = np.abs(np.diff(values))
        # A steep slope is as steep next to its steepest place; a jump stands alone. The one after
        # the end of the run is none of the curve's.
        if end <= times[-1] and len(steps) > 2:
            worst = int(steps.argmax())
            around = max(steps[max(worst - 1, 0) : worst].max(initial=0.0),
                         steps[worst + 1 : worst + 2].max(initial=0.0))  # fmt: skip
            assert steps[worst] <= 60 * around + 1e-9 * values.max()


@FEW
@given(curves())
def test_phases_hold(curve: Curve) -> None:
    own = "ba" if len(curve.units) > 1 else str(next(iter(curve.units), "ba"))
    rows = curve.describe().rows
    # Where phases meet is rounded, and α with it, as steep as the steeper of them is there.
    beside = 1e-12 * max(row["alpha_max"] for row in rows)
    for row in rows[:50]:
        start, end = row["start"][own], row["end"][own]
        assert start < end
        values = curve(np.linspace(start, np.nextafter(end, 0.0), 101))
        noise = 1e-7 * row["alpha_max"] + beside
        assert row["alpha_min"] - noise <= values.min()
        assert values.max() <= row["alpha_max"] + noise
        steps = np.diff(values)
        if row["phase"] in ("ramp", "plateau"):
            assert (steps >= -noise).all()
        if row["phase"] in ("decay", "plateau"):
            assert (steps <= noise).all()


@FEW
@given(curves())
def test_means_hold(curve: Curve) -> None:
    own = "ba" if len(curve.units) > 1 else str(next(iter(curve.units), "ba"))
    end = curve.describe().rows[-1]["end"][own]
    points = 200_000
    values = curve((np.arange(points) + 0.5) / points * end)
    # As far off as jumps and steep ends, of which there may be many, make a sum of so many points.
    assert curve.mean() == pytest.approx(values.mean(), rel=2e-3, abs=2e-3 * curve.maximum())


@FEW
@given(curves(functions=True))
def test_nothing_takes_long_or_fails(curve: Curve) -> None:
    start = time.perf_counter()
    str(curve.describe(0.1))
    curve.to_svg()
    curve.to_csv()
    lint(curve.schedule, curve.run)
    assert time.perf_counter() - start < 10
