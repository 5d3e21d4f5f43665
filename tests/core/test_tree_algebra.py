"""What operations promise of one another, to the bit: over random trees, in whole batches."""

from typing import Any

import numpy as np
import pytest
from epochal import (
    ConstantScheduler,
    ConstantWithWarmupScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    CyclicScheduler,
    ExponentialScheduler,
    InverseSquareRootScheduler,
    InverseSquareRootWithWarmupScheduler,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    MultiStepWithWarmupScheduler,
    OneCycleScheduler,
    PiecewiseScheduler,
    PolynomialScheduler,
    PolynomialWithWarmupScheduler,
    Run,
    Schedule,
    ScheduleError,
    StepScheduler,
    WSDScheduler,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import run as reference_run
from reference.errors import Refusal
from reference.time import Time
from trees import trees

LENGTH = 120


def run(length: int = LENGTH) -> Run:
    return Run(f"{length}ba", batches_per_epoch=1, samples_per_batch=1, tokens_per_batch=1)


@st.composite
def schedules(draw: st.DrawFn, length: int = LENGTH) -> Schedule:
    """Trees of depth 2 at most, that resolve in a run of this length."""
    plain_run = reference_run.Run(Time(length, "ba"), 1, 1, 1)
    tree = draw(trees(plain_run, depth=2))
    try:
        tree.notes(plain_run)
    except Refusal:
        assume(False)
    return tree.real()


moments = st.integers(0, LENGTH)
numbers = st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0]) | st.floats(0, 3)


def values(schedule: Schedule, batches: Any = range(2 * LENGTH), length: int = LENGTH) -> list[str]:
    """As text, so that bits are compared."""
    curve = resolved(schedule, length)
    return [curve.at_batch(int(batch)).hex() for batch in batches]


def resolved(schedule: Schedule, length: int = LENGTH) -> Any:
    """Two trees that resolve may be refused together: one's end may be before the other's."""
    try:
        return schedule.resolve(run(length))
    except ScheduleError:
        return assume(False)


def floats(schedule: Schedule) -> list[float]:
    return [float.fromhex(value) for value in values(schedule)]


# Of values


@given(schedules(), schedules(), numbers, numbers)
def test_values_are_those_of_the_operands(a: Schedule, b: Schedule, x: float, y: float) -> None:
    ours, theirs = np.array(floats(a)), np.array(floats(b))
    low, high = sorted((x, y))
    for schedule, expected in (
        (a * x, ours * x),
        (x * a, x * ours),
        (a + x, ours + x),
        (x + a, x + ours),
        (a * x + y, ours * x + y),
        (a.clip(low, high), np.clip(ours, low, high)),
        (a.clip(low), np.maximum(ours, low)),
    ):
        assert floats(schedule) == expected.tolist()
    # Factors are multiplied in the order of all, so two products round in another order.
    np.testing.assert_allclose(floats(a * b), ours * theirs, rtol=2.0**-48, atol=1e-300)


@given(schedules(), schedules(), numbers)
def test_equal_by_any_order_of_a_number(a: Schedule, b: Schedule, x: float) -> None:
    assert a * x == x * a
    assert a + x == x + a
    assert hash(a * x) == hash(x * a)
    assert (a * x != a + x) is True
    assert a * x != a


# Of time


@given(schedules(), st.integers(0, 20))
def test_advance_and_delay(a: Schedule, n: int) -> None:
    later = [max(k - n, 0) for k in range(2 * LENGTH)]
    assert values(a.advance(f"{n}ba")) == values(a, range(n, n + 2 * LENGTH))
    assert values(a.delay(f"{n}ba")) == values(a, later)
    assert values(a.advance(f"{n}ba").delay(f"{n}ba")) == values(a, [k + n for k in later])
    assert values(a.delay(f"{n}ba").advance(f"{n}ba")) == values(a)
    assert values(a.advance(f"{n}tok").advance("1ep")) == values(a.advance(f"{n + 1}sp"))


@given(st.data(), st.integers(1, 40))
def test_a_cycle_is_a_run_of_its_own(data: st.DataObject, n: int) -> None:
    a = data.draw(schedules(n))
    inside = [k % n for k in range(2 * LENGTH)]
    assert values(a.repeat(f"{n}ba")) == values(a, inside, n)
    assert values(a.repeat(f"{n}tok")) == values(a, inside, n)
    twice = values(a.repeat(f"{n}ba"), [k % (3 * n) for k in range(2 * LENGTH)], 3 * n)
    assert values(a.repeat(f"{n}ba").repeat(f"{3 * n}ba")) == twice


# Of phases


@given(schedules(), schedules(), moments)
def test_until_is_one_and_then_the_other(a: Schedule, b: Schedule, t: int) -> None:
    before, after = range(t), range(t, 2 * LENGTH)
    joined, carried = a.until(f"{t}ba", b), a.until(f"{t}ba", b, carry=True)
    assert values(joined, before) == values(carried, before) == values(a, before)
    # What follows does not know what was before.
    other = ConstantScheduler(0.3, "1000ba").until(f"{t}ba", b)
    assert values(joined, after) == values(other, after)
    alpha = resolved(a).at_batch(t)
    assert values(carried, after) == [
        (float.fromhex(value) * alpha).hex() for value in values(joined, after)
    ]


TIMELESS = (
    StepScheduler("3ba", 0.7),
    ExponentialScheduler(0.9, "2ba"),
    InverseSquareRootScheduler("5ba", 0.1),
    CosineAnnealingWarmRestartsScheduler("7ba", 2.0),
    CyclicScheduler("3ba", "4ba", gamma=0.8),
    LinearScheduler().repeat("9ba"),
    PiecewiseScheduler([("0ba", 0.1), ("5ba", 1.0)], "cosine").repeat("9ba"),
    StepScheduler("3ba").after_warmup("4ba", 0.5) * ExponentialScheduler(0.99, "1ba"),
)


@pytest.mark.parametrize("schedule", TIMELESS, ids=repr)
def test_lengths_count_from_the_start_of_their_phase(schedule: Schedule) -> None:
    for t in (0, 1, 10, 57):
        after = range(t, 2 * LENGTH)
        alone = values(schedule, range(2 * LENGTH - t))
        assert values(ConstantScheduler().until(f"{t}ba", schedule), after) == alone
        assert values(schedule.after_warmup(f"{t}ba"), after) == alone
        # A phase within a phase.
        nested = ConstantScheduler().until(f"{t}tok", schedule.after_warmup("5ba"))
        assert values(nested, range(t + 5, 2 * LENGTH)) == alone[: 2 * LENGTH - t - 5]


def test_moments_count_from_the_start_of_the_run() -> None:
    milestones = MultiStepScheduler(["10ba", "0.5dur"], 0.5)
    points = PiecewiseScheduler([("10ba", 0.25), ("90ba", 1.0)])
    for schedule in (milestones, points, ConstantScheduler(0.3, "70ba")):
        for t in (0, 5, 20, 65):
            after = range(t, 2 * LENGTH)
            assert values(StepScheduler("1ba").until(f"{t}ba", schedule), after) == values(
                schedule, after
            )
    # A decay begins where its phase does, and ends at its moment.
    curve = ConstantScheduler().until("20ba", LinearScheduler(t_max="60ba")).resolve(run())
    assert [curve(t) for t in (19, 20, 30, 40, 59, 60, 61)] == [1, 1, 0.75, 0.5, 0.025, 0, 0]


@given(schedules(), st.integers(0, 20), numbers)
def test_a_warmup_rises_to_where_its_phase_begins(a: Schedule, n: int, start: float) -> None:
    warm = a.after_warmup(f"{n}ba", start)
    after = range(n, 2 * LENGTH)
    assert values(warm, after) == values(ConstantScheduler().until(f"{n}ba", a), after)
    if n and "MultiStep" not in repr(a) and "Constant" not in repr(a):
        curve = resolved(warm)
        assert curve(0) == start * curve(n)


@given(schedules(), moments, st.integers(1, 50), numbers)
def test_a_cooldown_goes_from_where_it_was(a: Schedule, t: int, n: int, alpha_f: float) -> None:
    cooled = a.cooldown(f"{t}ba", f"{t + n}ba", alpha_f)
    assert values(cooled, range(t + 1)) == values(a, range(t + 1))
    assert values(cooled, range(t + n, 2 * LENGTH + t + n)) == [alpha_f.hex()] * 2 * LENGTH
    left, between = resolved(a).at_batch(t), floats(cooled)[t : t + n]
    low, high = sorted((left, alpha_f))
    assert all(low <= value <= high for value in between)


# Names


WARM: dict[str, Any] = {"t_warmup": "5ba", "scale_warmup": True}
START: dict[str, Any] = {"warmup_start": 0.1, "warmup_shape": "cosine"}


@pytest.mark.parametrize(
    ("tail", "make", "arguments"),
    [
        (MultiStepScheduler, MultiStepWithWarmupScheduler, {"milestones": ["9ba"], "gamma": 0.5}),
        (ConstantScheduler, ConstantWithWarmupScheduler, {"alpha": 0.5, "t_max": "90ba"}),
        (LinearScheduler, LinearWithWarmupScheduler, {"alpha_i": 0.5, "alpha_f": 0.1}),
        (CosineAnnealingScheduler, CosineAnnealingWithWarmupScheduler, {"alpha_f": 0.1}),
        (PolynomialScheduler, PolynomialWithWarmupScheduler, {"power": 3.0, "t_max": "90ba"}),
    ],
)
def test_the_names_of_warmups_are_trees(tail: Any, make: Any, arguments: dict[str, Any]) -> None:
    named, tree = make(**WARM, **START, **arguments), tail(**arguments).after_warmup(
        "5ba", 0.1, "cosine", scale=True
    )  # fmt: skip
    assert named == tree
    assert hash(named) == hash(tree)
    assert values(named) == values(tree)
    assert repr(named) != repr(tree)
    assert make("5ba", **arguments) == tail(**arguments).after_warmup("5ba")


def test_what_the_other_names_stand_for() -> None:
    half = ConstantScheduler(1.0, "1000ba").cooldown("60ba", "90ba", 0.1, "rex")
    assert values(half.after_warmup("5ba")) == values(
        WSDScheduler("5ba", t_decay="30ba", t_max="90ba", alpha_f=0.1, decay_shape="rex")
    )
    points = [("0ba", 0.04), ("36ba", 1.0), ("120ba", 4e-6)]
    assert values(OneCycleScheduler()) == values(PiecewiseScheduler(points, "cosine"))
    root = InverseSquareRootScheduler("5ba")
    held = root.until("1dur", ConstantScheduler(1.0, "1000ba"), carry=True)
    assert values(InverseSquareRootWithWarmupScheduler("5ba")) == values(held.after_warmup("5ba"))
    cooled = root.cooldown("90ba", "120ba", 0.0).after_warmup("5ba")
    assert values(InverseSquareRootWithWarmupScheduler("5ba", t_cooldown="30ba")) == values(cooled)
    triangle = PiecewiseScheduler([("0ba", 0.0), ("3ba", 1.0), ("7ba", 0.0)]).repeat("7ba")
    cycle = triangle * StepScheduler("7ba", 0.5) * 0.75 + 0.25
    assert values(CyclicScheduler("3ba", "4ba", alpha_i=0.25, gamma=0.5)) == values(cycle)
