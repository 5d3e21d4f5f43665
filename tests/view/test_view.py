"""What a curve tells of itself without sampling, against sampling."""

import itertools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from curves import CURVES
from epochal import (
    ConstantScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    Curve,
    CyclicScheduler,
    ExponentialScheduler,
    InverseSquareRootWithWarmupScheduler,
    LinearScheduler,
    MultiStepScheduler,
    MultiStepWithWarmupScheduler,
    OneCycleScheduler,
    PiecewiseScheduler,
    PolynomialScheduler,
    Run,
    Schedule,
    ScheduleError,
    StepScheduler,
    UnitError,
    WSDScheduler,
)
from sizes import some

RUN = Run("1000ba", batches_per_epoch=40)
POINTS = [("0ba", 0.1), ("100ba", 1.0), ("400ba", 0.5), ("400ba", 0.7), ("900ba", 0.2)]
TREES: tuple[Schedule, ...] = (
    WSDScheduler("50ba", decay_shape="1-sqrt"),
    OneCycleScheduler(),
    CyclicScheduler("30ba", "50ba", gamma=0.9),
    InverseSquareRootWithWarmupScheduler("50ba", t_cooldown="100ba"),
    *(PiecewiseScheduler(POINTS, shape) for shape in ("linear", "cosine", "sqrt", "step", "rex")),
    LinearScheduler(0.0, 1.0) * LinearScheduler(),
    LinearScheduler().repeat("70ba").clip(0.2, 0.8),
    (LinearScheduler(0.0, 1.0) * LinearScheduler()).clip(0.1, 0.2),
    LinearScheduler().delay("100ba"),
    CosineAnnealingScheduler().advance("100ba") * 0.5 + 0.1,
    CosineAnnealingScheduler().until("500ba", StepScheduler("30ba", 0.7), carry=True),
    WSDScheduler("10ba", "20ba").repeat("100ba"),
    CosineAnnealingWarmRestartsScheduler("90ba", alpha_f=0.1) * CosineAnnealingScheduler(),
    StepScheduler("3ba", 0.99) * CosineAnnealingWithWarmupScheduler("200ba"),
    MultiStepScheduler(["5ep", "700ba", "0.9dur"], 0.5) * 2.0,
)
TREE_CURVES = [
    pytest.param(tree.resolve(RUN), id=f"{i}-{tree}"[:60]) for i, tree in enumerate(TREES)
]
every_curve = pytest.mark.parametrize("curve", some(CURVES + TREE_CURVES, 3))


def length(curve: Curve) -> float:
    return float(curve.run.convert(curve.run.duration, "ba"))


def fine(curve: Curve) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Times that a picture would never need, breakpoints and what is next to them among them."""
    ends = np.array([0.0, *curve.breakpoints(), length(curve)])
    inside = np.linspace(0.0, length(curve), 40_001)
    times = np.concatenate([inside, ends, np.nextafter(ends, 0.0)])
    return np.unique(times[times >= 0.0])


@every_curve
def test_extremes(curve: Curve) -> None:
    values = curve(fine(curve))
    most, least = curve.maximum(), curve.minimum()
    assert values.max() <= most <= values.max() * (1 + 1e-6)
    assert least <= values.min() <= least + 1e-6 * most


@every_curve
def test_the_course_between_breakpoints(curve: Curve) -> None:
    """Smooth: in each part there is no jump, and at most one turn."""
    ends = [0.0, *curve.breakpoints(), length(curve)]
    assert ends == sorted(set(ends))
    for start, end in itertools.pairwise(ends):
        values = curve(np.linspace(start, np.nextafter(end, 0.0), 201))
        steps = np.diff(values)
        turns = np.diff(np.sign(steps[np.abs(steps) > 1e-12 * values.max()])) != 0
        assert turns.sum() <= (1 if "*" in str(curve.schedule) else 0)


@every_curve
def test_jumps(curve: Curve) -> None:
    ends = np.array(curve.breakpoints())
    jump = curve.largest_jump()
    sizes = np.abs(curve(ends) - curve(np.nextafter(ends, 0.0))) if len(ends) else np.zeros(1)
    # A slope does something from one float to the next, too.
    if jump is None:
        assert sizes.max() < 1e-7
        return
    assert abs(jump.after - jump.before) == sizes.max()
    assert (curve(np.nextafter(jump.t, 0.0)), curve(jump.t)) == (jump.before, jump.after)


@every_curve
def test_mean(curve: Curve) -> None:
    """Against the midpoint rule between breakpoints."""
    ends = [0.0, *curve.breakpoints(), length(curve)]
    total = 0.0
    for start, end in itertools.pairwise(ends):
        count = 4000 if len(ends) < 50 else 200
        midpoints = start + (end - start) * (np.arange(count) + 0.5) / count
        total += float(curve(midpoints).mean()) * (end - start)
    assert curve.mean() == pytest.approx(total / length(curve), rel=2e-5)


@every_curve
def test_first_below_and_above(curve: Curve) -> None:
    values = curve(np.arange(int(length(curve)) + 1))
    for part in (0.2, 0.5, 0.9):
        x = curve.minimum() + part * (curve.maximum() - curve.minimum())
        below, above = np.flatnonzero(values < x), np.flatnonzero(values > x)
        assert curve.first_below(x) == (below[0] if len(below) else None), part
        assert curve.first_above(x) == (above[0] if len(above) else None), part


@every_curve
def test_next_change_leads_through_the_breakpoints(curve: Curve) -> None:
    found, t = [], curve.next_change(0)
    while t is not None:
        found.append(t)
        t = curve.next_change(t)
    assert tuple(found) == curve.breakpoints()


@every_curve
def test_phases(curve: Curve) -> None:
    """They follow each other, and are what they are called."""
    rows = curve.describe().rows
    assert rows[0]["start"]["ba"] == 0.0
    assert rows[-1]["end"]["ba"] == length(curve)
    for row, after in itertools.pairwise(rows):
        assert row["end"] == after["start"]
    for row in rows:
        start, end = row["start"]["ba"], row["end"]["ba"]
        values = curve(np.linspace(start, np.nextafter(end, 0.0), 501))
        low, high, ends = row["alpha_min"], row["alpha_max"], (row["alpha_start"], row["alpha_end"])
        noise = 1e-12 * high
        assert values[0] == ends[0]
        # A steep end is not reached by the float before it.
        assert values[-1] == pytest.approx(ends[1], abs=1e-5 * high)
        assert low - noise <= values.min()
        assert values.max() <= high + noise
        steps = np.diff(values)
        match row["phase"]:
            case "plateau":
                assert low == high == ends[0] == ends[1]
            case "ramp":
                assert (steps >= -noise).all()
                assert (low, high) == ends
            case "decay":
                assert (steps <= noise).all()
                assert (high, low) == ends
            case "curve":
                assert (steps > noise).any()
                assert (steps < -noise).any()
            case "steps" | "cycles" | "points":
                assert row["parts"] > 1
            case other:
                raise AssertionError(other)


# Times written by hand


BIG = Run("1Ttok", tokens_per_batch=4_000_000, batches_per_epoch=10_000)


@pytest.mark.parametrize(
    ("schedule", "run", "breakpoints"),
    [
        (CosineAnnealingWithWarmupScheduler("100ba"), "1000ba", (100.0,)),
        (CosineAnnealingScheduler("500ba"), "1000ba", (500.0,)),
        (LinearScheduler(), "1000ba", ()),
        (PolynomialScheduler(2.5, "50ba"), "100ba", (50.0,)),
        (WSDScheduler("2000ba"), BIG, (8e9, 9e11)),
        (StepScheduler("3ba"), Run("10ba", scale_schedule_ratio=0.5), (1.5, 3.0, 4.5)),
        (StepScheduler("30ep"), "90ep", (30.0, 60.0)),
        (MultiStepWithWarmupScheduler("5ep", ["30ep", "60ep"]), "90ep", (5.0, 30.0, 60.0)),
        (CosineAnnealingWarmRestartsScheduler("10ba", 2.0), "100ba", (10.0, 30.0, 70.0)),
        (LinearScheduler().clip(0.25, 0.75), "100ba", (25.0, 75.0)),
        (ConstantScheduler(0.5, "30ba"), "100ba", (30.0,)),
        (ConstantScheduler(1.0, "30ba"), "100ba", ()),
        (LinearScheduler().delay("10ba"), "100ba", (10.0,)),
        (ExponentialScheduler(0.9), "100ep", ()),
        (PiecewiseScheduler([("10ba", 1.0), ("20ba", 0.0)]), "100ba", (10.0, 20.0)),
    ],
    ids=str,
)
def test_breakpoints(schedule: Schedule, run: Any, breakpoints: tuple[float, ...]) -> None:
    found = schedule.resolve(run).breakpoints()
    # A bound lies where the curve gets to it, which is known to the rounding of the curve.
    assert found == pytest.approx(breakpoints, rel=1e-14)


@pytest.mark.parametrize(
    ("schedule", "mean"),
    [
        (LinearScheduler(), 0.5),
        (CosineAnnealingScheduler(alpha_f=0.2), 0.6),
        (PolynomialScheduler(2.0), 1 / 3),
        (PolynomialScheduler(0.37), 1 / 1.37),
        (StepScheduler("1tok", 0.5), 2e-12),
        (StepScheduler("500Btok", 0.5), 0.75),
        (CosineAnnealingWarmRestartsScheduler("1000tok"), 0.5),
        (LinearScheduler().repeat("10tok"), 0.5),
        (WSDScheduler("0.1dur"), 0.9),
        (LinearScheduler(0.0, 1.0) * LinearScheduler(), 1 / 6),
    ],
    ids=str,
)
def test_means_of_a_long_run(schedule: Schedule, mean: float) -> None:
    assert schedule.resolve("1Ttok").mean() == pytest.approx(mean, rel=1e-11)


def test_means_of_decays_that_hardly_decay() -> None:
    """Where the difference of both ends has no digits left; ∫ γ^x is γ^x/ln γ."""
    for gamma in (0.99, 1 - 1e-9, 1.01, 0.5):
        slow, log = ExponentialScheduler(gamma, "1000ba"), math.log(gamma)
        whole, second = math.expm1(log) / log, math.expm1(log / 2) * gamma**0.5 * 2 / log
        half = math.expm1(log / 2) * 2 / log
        for schedule, length, mean in (
            (slow, "1000ba", whole),
            (slow.advance("500ba"), "500ba", second),
            (ConstantScheduler(1.0).until("500ba", slow), "1000ba", (1.0 + half) / 2),
        ):
            assert schedule.resolve(length).mean() == pytest.approx(mean, rel=1e-11)


def test_a_mean_that_is_sampled_has_three_digits() -> None:
    product = CosineAnnealingWarmRestartsScheduler("1000tok") * LinearScheduler()
    assert product.resolve("1Ttok").mean() == pytest.approx(0.25, rel=1e-3)
    clipped = LinearScheduler().repeat("10tok").clip(0.2, 0.8)
    assert clipped.resolve("1Ttok").mean() == pytest.approx(0.5, rel=1e-3)


# A long run costs what a short one does


def seconds(work: Callable[[], Any]) -> float:
    def once() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return min(once() for _ in range(5))


def questions(schedule: Schedule, run: Any) -> Callable[[], Any]:
    curve = schedule.resolve(run)

    def ask() -> None:
        curve.describe(3e-4)
        curve.maximum()
        curve.minimum()
        curve.mean()
        curve.largest_jump()
        curve.first_below(0.5)
        curve.next_change(3)
        curve.to_svg()

    return ask


@pytest.mark.parametrize(
    "schedule",
    [
        CosineAnnealingWithWarmupScheduler("0.1dur"),
        WSDScheduler("0.1dur"),
        StepScheduler("0.2dur"),
        CosineAnnealingWarmRestartsScheduler("0.1dur"),
        LinearScheduler().repeat("0.1dur"),
        MultiStepScheduler(["0.3dur", "0.6dur"]),
    ],
    ids=str,
)
def test_the_cost_does_not_grow_with_the_run(schedule: Schedule) -> None:
    short, long = questions(schedule, "100ba"), questions(schedule, "1Ttok")
    assert seconds(long) < 5 * seconds(short) + 1e-3


@pytest.mark.parametrize(
    "schedule",
    [
        StepScheduler("1tok", 0.999_999),
        CosineAnnealingWarmRestartsScheduler("1000tok") * LinearScheduler(),
        CyclicScheduler("10tok", gamma=0.99),
        LinearScheduler().repeat("10tok").clip(0.2, 0.8),
    ],
    ids=str,
)
def test_no_run_is_gone_through(schedule: Schedule) -> None:
    """1e12 changes at worst; going through them would take hours."""
    ask = questions(schedule, "1Ttok")
    start = time.perf_counter()
    ask()
    assert time.perf_counter() - start < 20


def test_many_breakpoints_are_not_listed() -> None:
    with pytest.raises(
        ScheduleError, match="more than 10000 breakpoints, too many for a list; next_change"
    ):
        StepScheduler("1tok").resolve("1Ttok").breakpoints()
    assert len(StepScheduler("1ba").resolve("10000ba").breakpoints()) == 9999


# What cannot be told


def test_the_largest_of_many_jumps_may_be_the_first() -> None:
    """More of them than are listed, and it is before the first whole count."""
    run = Run("1000000ba", scale_schedule_ratio=0.5)
    assert StepScheduler("1ba", gamma=0.5).resolve(run).largest_jump() == (0.5, 1.0, 0.5)


def test_functions_say_what_is_not_known() -> None:
    curve = LinearScheduler().until("50ba", lambda state: 0.3).resolve("100ba")
    for question in ("breakpoints", "maximum", "minimum", "mean", "largest_jump"):
        with pytest.raises(ScheduleError, match="with a function in it cannot be told"):
            getattr(curve, question)()
    with pytest.raises(ScheduleError, match="cannot be told"):
        curve.first_below(0.5)
    with pytest.raises(ScheduleError, match="cannot be told"):
        curve.next_change(3)
    rows = curve.describe().rows
    assert [row["phase"] for row in rows] == ["decay", "function"]
    assert rows[1]["alpha_max"] is None
    assert (rows[1]["alpha_start"], rows[1]["alpha_end"]) == (0.3, 0.3)


def test_clocks_that_the_run_does_not_tell() -> None:
    curve = MultiStepScheduler(["10ba", "500tok"]).resolve("100ba")
    with pytest.raises(UnitError, match="tokens_per_batch"):
        curve.describe()
    told = MultiStepScheduler(["10ba", "500tok"]).resolve(Run("100ba", tokens_per_batch=10))
    assert told.breakpoints() == (10.0, 50.0)


# Tables


def test_a_table() -> None:
    curve = WSDScheduler("2000ba").resolve(BIG)
    text = str(curve.describe(base_lr=3e-4))
    assert text == repr(curve.describe(3e-4))
    table = """
phase    ep           ba           tok          dur            α       lr
ramp        0 - 0.2      0 - 2000     0 - 8B        0 - 0.008  0 -> 1       0 -> 0.0003
plateau   0.2 - 22.5  2000 - 225K    8B - 900B  0.008 - 0.9    1 -> 1  0.0003 -> 0.0003
decay    22.5 - 25    225K - 250K  900B - 1T      0.9 - 1      1 -> 0  0.0003 -> 0
"""
    assert text == table.strip()


def test_a_table_tells_how_high_a_curve_is_in_between() -> None:
    curve = (LinearScheduler(alpha_i=0.0, alpha_f=1.0) * LinearScheduler()).resolve("100ba")
    assert str(curve.describe()).splitlines()[1].endswith("0 -> 0  0 .. 0.25")


def test_a_table_of_cycles() -> None:
    text = str(CosineAnnealingWarmRestartsScheduler("1ba").resolve("100ba").describe())
    assert text.splitlines()[1].split() == [
        "100",
        "cycles",
        "0",
        "-",
        "100",
        "0",
        "-",
        "1",
        "1",
        "->",
        "0",
    ]


def test_a_table_of_cycles_that_grow() -> None:
    """As many as begin within the run: 10·(1.1ⁿ − 1)/0.1 < 1000 for n up to 25."""
    curve = CosineAnnealingWarmRestartsScheduler("10ba", 1.1).resolve("1000ba")
    assert str(curve.describe()).splitlines()[1].split()[:2] == ["26", "cycles"]
    assert len(curve.breakpoints()) == 25


def test_a_few_steps_are_told_one_by_one() -> None:
    steps = StepScheduler("1ba", 0.5)
    assert len(str(steps.resolve("16ba").describe()).splitlines()) == 17
    assert str(steps.resolve("17ba").describe()).splitlines()[1].split()[:2] == ["17", "steps"]


def test_csv(tmp_path: Any) -> None:
    curve = CosineAnnealingWithWarmupScheduler("3ba").resolve(Run("10ba", batches_per_epoch=5))
    text = curve.to_csv(every="2ba", base_lr=0.1)
    assert text is not None
    lines = [line.split(",") for line in text.splitlines()]
    assert lines[0] == ["ba", "ep", "dur", "alpha", "lr"]
    assert [line[0] for line in lines[1:]] == ["0", "2", "4", "6", "8", "10"]
    for batches, epochs, part, alpha, rate in lines[1:]:
        assert float(epochs) == pytest.approx(float(batches) / 5)
        assert float(part) == float(batches) / 10
        assert float(alpha) == curve(int(batches))
        assert float(rate) == float(alpha) * 0.1
    assert curve.to_csv(tmp_path / "curve.csv", 2, 0.1) is None
    assert (tmp_path / "curve.csv").read_text() == text + "\n"
    with open(tmp_path / "other.csv", "w") as file:
        curve.to_csv(file, 2, 0.1)
    assert (tmp_path / "other.csv").read_text() == text + "\n"


def test_csv_of_a_long_run_is_short() -> None:
    text = LinearScheduler().resolve("1Ttok").to_csv()
    assert text is not None
    assert len(text.splitlines()) == 1002
    with pytest.raises(ScheduleError, match="every must be above zero"):
        LinearScheduler().resolve("100ba").to_csv(every=0)
