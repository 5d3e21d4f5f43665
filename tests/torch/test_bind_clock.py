"""Schedules that are bound with a clock: they follow what was really trained."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
import torch
from configs import configs
from epochal import (
    Clock,
    Curve,
    EpochalError,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    Run,
    ScheduleError,
    StepScheduler,
    TimeUnit,
    UnitError,
)
from epochal._functions import State
from epochal.torch import EpochalLR, bind
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from optimizers import (
    RUN,
    SCHEDULES,
    STEPS,
    each_schedule,
    failing_at_3,
    lrs,
    parameter,
    sgd,
    train_step,
)
from optimizers import settings as group_settings
from strategies import Draw
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ConstantLR, SequentialLR

MICROSECOND = timedelta(microseconds=1)
ARGUMENTS = {"sp": "samples", "tok": "tokens", "sec": "seconds"}


def tick(clock: Clock, k: int) -> None:
    """Batch k: every one has another size, and every fifth ends an epoch."""
    clock.tick(samples=1 + k % 4, tokens=1 + 37 * k * k % 211, seconds=0.1 + k % 3)
    if k % 5 == 4:
        clock.next_epoch()


def train(optimizer: Optimizer, clock: Clock, scheduler: EpochalLR, k: int) -> None:
    train_step(optimizer, k)
    tick(clock, k)
    scheduler.step()


# The rates


@each_schedule
def test_the_rate_is_that_of_the_clock(schedule: Any) -> None:
    optimizer, clock = sgd(0.5, 0.1), Clock(RUN)
    scheduler = bind(schedule, optimizer, clock)
    curve = schedule.resolve(RUN)
    assert scheduler.clock is clock
    seen = set()
    for k in range(3 * STEPS):
        alpha = curve(clock)
        seen.add(alpha)
        assert lrs(optimizer) == scheduler.get_last_lr() == [0.5 * alpha, 0.1 * alpha]
        assert {type(lr) for lr in lrs(optimizer)} == {float}
        assert scheduler.last_epoch == k == clock.timestamp.batch
        train(optimizer, clock, scheduler, k)
    assert len(seen) > 1


def curves(draw: Draw, unit: str, length: int) -> Curve:
    """Any schedule that reads this clock only, in a run of this length."""
    schedule = draw(configs(units=(unit, "dur"), longest=length)).real()
    try:
        curve: Curve = schedule.resolve(Run(f"{length}{unit}"))
    except EpochalError:
        reject()
    assume(curve.units == (TimeUnit(unit),))
    return curve


def rates_by_total(curve: Curve, unit: str, sizes: list[int]) -> dict[int, float]:
    """The rates after each batch, by all that was trained; seconds are told in microseconds."""
    optimizer, clock = sgd(0.3), Clock(curve.run)
    scheduler = bind(curve.schedule, optimizer, clock)
    total, rates = 0, {0: lrs(optimizer)[0]}
    optimizer.step()
    for size in sizes:
        told: Any = size * MICROSECOND if unit == "sec" else size
        clock.tick(**{ARGUMENTS[unit]: told})
        scheduler.step()
        total += size
        rates[total] = lrs(optimizer)[0]
    return rates


@pytest.mark.parametrize("unit", ARGUMENTS)
@given(data=st.data())
def test_however_it_is_cut_into_batches(unit: str, data: st.DataObject) -> None:
    """The rate follows from what was trained; the sizes of the batches do not matter."""
    length = data.draw(st.integers(10, 3000))
    curve = curves(data.draw, unit, length)
    whole = 10**6 if unit == "sec" else 1
    ends = st.lists(st.integers(1, 2 * length * whole), min_size=1, max_size=8)
    shared = data.draw(ends)

    def cut() -> dict[int, float]:
        points = sorted({0, *shared, *data.draw(ends)})
        return rates_by_total(curve, unit, [b - a for a, b in itertools.pairwise(points)])

    one, other = cut(), cut()
    assert {end: one[end] for end in shared} == {end: other[end] for end in shared}
    for total, rate in one.items():
        assert rate == 0.3 * curve(total / whole if whole > 1 else total)


def test_declared_and_counted_rates_agree() -> None:
    """A clock that is told what the run declares, in parts that no batch of the run has."""
    for schedule in SCHEDULES:
        counted, declared = sgd(0.5), sgd(0.5)
        clock = Clock(RUN)
        with_clock = bind(schedule, counted, clock)
        without = bind(schedule, declared, RUN)
        for k in range(STEPS):
            assert lrs(counted) == lrs(declared)
            train_step(declared, k)
            train_step(counted, k)
            clock.tick(*((4, 99), (5, 101), (3, 100))[k % 3])
            clock.tick(*((4, 101), (3, 99), (5, 100))[k % 3])
            # Two batches by the clock's count, one by the other's.
            epochs, batches = divmod(k + 1, 8)
            counts = {"batch": k + 1, "sample": 4 * k + 4, "token": 100 * k + 100}
            counts |= {"epoch": epochs, "batch_in_epoch": batches}
            clock.load_state_dict({**clock.state_dict(), **counts})
            with_clock.step()
            without.step()


def test_a_step_while_the_clock_stands_changes_nothing() -> None:
    optimizer, clock = sgd(0.5, torch.tensor(0.25)), Clock(RUN)
    scheduler = bind(LinearScheduler(t_max="1000tok"), optimizer, clock)
    train(optimizer, clock, scheduler, 3)
    before, state = group_settings(optimizer), scheduler.state_dict()
    # Accelerate steps once for each process: there was no step of the optimizer in between.
    scheduler.step()
    assert group_settings(optimizer) == before
    assert {**scheduler.state_dict(), "_step_count": state["_step_count"]} == state
    # And one step makes up for as many ticks as there were.
    for k in range(4):
        tick(clock, k)
    scheduler.step()
    assert lrs(optimizer)[0] == 0.5 * ((1000 - clock.timestamp.token.value) / 1000)


def test_get_lr_is_pure() -> None:
    optimizer, clock = sgd(0.5, torch.tensor(0.25)), Clock(RUN)
    scheduler = bind(LinearScheduler(), optimizer, clock)
    train(optimizer, clock, scheduler, 0)
    tick(clock, 1)
    before, state = group_settings(optimizer), scheduler.state_dict()
    for _ in range(3):
        # Between tick and step: those of the time now, which the step is going to write.
        assert scheduler.get_lr() == [0.5 * (22 / 24), torch.tensor(0.25) * (22 / 24)]
    assert scheduler.lr_lambdas[1](99) == 22 / 24
    assert group_settings(optimizer) == before
    assert scheduler.state_dict() == state


def test_tensors_are_filled_in_place() -> None:
    optimizer, clock = sgd(torch.tensor(0.5), 0.1), Clock(RUN)
    scheduler = bind(LinearScheduler(t_max="2000tok"), optimizer, clock)
    tensor = lrs(optimizer)[0]
    for k in range(STEPS):
        train(optimizer, clock, scheduler, k)
        alpha = scheduler.curve(clock)
        assert lrs(optimizer)[0] is tensor
        assert torch.equal(tensor, torch.tensor(0.5) * alpha)
        assert lrs(optimizer)[1] == 0.1 * alpha
    assert alpha < 0.2


def test_groups_may_come_and_go() -> None:
    optimizer, clock = sgd(0.5), Clock(RUN)
    scheduler = bind(LinearScheduler(), optimizer, clock)
    train(optimizer, clock, scheduler, 0)
    optimizer.add_param_group({"params": [parameter()], "lr": 0.1})
    train(optimizer, clock, scheduler, 1)
    assert lrs(optimizer) == [0.5 * (22 / 24), 0.1 * (22 / 24)]
    del optimizer.param_groups[0]
    train(optimizer, clock, scheduler, 2)
    assert lrs(optimizer) == [0.1 * (21 / 24)]


def test_functions_see_the_clock_once_a_step() -> None:
    seen: list[Any] = []

    def function(state: State) -> float:
        seen.append(state.timestamp)
        assert state.max_duration == RUN.duration
        return 1 / (1 + state.timestamp.token.value)

    optimizer, clock = sgd(0.5, 0.1, 0.2), Clock(RUN)
    scheduler = bind(function * LinearScheduler(), optimizer, clock)
    times = [clock.timestamp]
    for k in range(7):
        train(optimizer, clock, scheduler, k)
        times.append(clock.timestamp)
        alpha = 1 / (1 + clock.timestamp.token.value) * LinearScheduler().resolve(RUN)(clock)
        assert lrs(optimizer) == [base * alpha for base in (0.5, 0.1, 0.2)]
    assert seen == times
    assert times[-1].epoch == 1


def test_bind_in_mid_run() -> None:
    clock = Clock(RUN)
    for k in range(7):
        tick(clock, k)
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(t_max="2000tok"), optimizer, clock)
    assert lrs(optimizer) == [0.5 * ((2000 - clock.timestamp.token.value) / 2000)]
    assert lrs(optimizer) != [0.5]
    assert scheduler.last_epoch == 7
    train(optimizer, clock, scheduler, 7)
    assert lrs(optimizer) == [0.5 * ((2000 - clock.timestamp.token.value) / 2000)]


def test_several_optimizers_on_one_clock() -> None:
    optimizers, clock = [sgd(0.5), sgd(0.1)], Clock(RUN)
    schedules: list[Any] = [LinearScheduler(), StepScheduler("150tok", 0.5)]
    schedulers = [
        bind(schedule, optimizer, clock)
        for schedule, optimizer in zip(schedules, optimizers, strict=True)
    ]
    for k in range(9):
        tick(clock, k)
        for optimizer, scheduler in zip(optimizers, schedulers, strict=True):
            train_step(optimizer, k)
            scheduler.step()
    # An epoch of 5 batches, where the run declares 8, and 4 batches of the next.
    assert lrs(optimizers[0]) == [0.5 * ((24 - 8 - 4) / 24)]
    assert lrs(optimizers[1]) == [0.1 * 0.5 ** (clock.timestamp.token.value // 150)]


# Refused


def test_step_takes_no_epoch() -> None:
    optimizer, clock = sgd(0.5), Clock(RUN)
    scheduler = bind(LinearScheduler(), optimizer, clock)
    train(optimizer, clock, scheduler, 0)
    before, state = group_settings(optimizer), scheduler.state_dict()
    epochs: list[Any] = [0, 5, True, 1.5, "x", [], torch.tensor(3)]
    for epoch in epochs:
        with pytest.raises(ScheduleError, match="the clock tells the time: step.. takes no epoch"):
            scheduler.step(epoch)
        with pytest.raises(ScheduleError, match="the clock tells the time"):
            scheduler.step(epoch=epoch)
    assert group_settings(optimizer) == before
    assert scheduler.state_dict() == state


def test_sequential_lr_starts_others_anew_which_a_clock_does_not() -> None:
    optimizer, clock = sgd(0.5), Clock(RUN)
    bound = bind(LinearScheduler(), optimizer, clock)
    scheduler = SequentialLR(optimizer, [ConstantLR(optimizer, 0.1, 2), bound], [2])
    optimizer.step()
    scheduler.step()
    with pytest.raises(ScheduleError, match="the clock tells the time"):
        scheduler.step()


@pytest.mark.parametrize("error", [TypeError("no"), ScheduleError("no"), OSError("no")])
def test_errors_in_a_step_are_no_type_errors(error: Exception) -> None:
    optimizer, clock = sgd(0.5), Clock(RUN)
    scheduler = bind(failing_at_3(error) * LinearScheduler(), optimizer, clock)
    for k in range(2):
        train(optimizer, clock, scheduler, k)
    train_step(optimizer, 2)
    tick(clock, 2)
    before, last = group_settings(optimizer), scheduler.last_epoch
    with pytest.raises(OSError if isinstance(error, OSError) else ScheduleError, match="no"):
        scheduler.step()
    assert group_settings(optimizer) == before
    assert scheduler.last_epoch == last
    scheduler.step()
    assert lrs(optimizer) == [0.5 * (1 / 4 * (21 / 24))]


# Clocks that never move


UNMOVED: list[tuple[Any, str]] = [
    (LinearScheduler(t_max="9sp"), "sp"),
    (LinearScheduler(t_max="9Ktok"), "tok"),
    (LinearScheduler(t_max="1h"), "sec"),
    (StepScheduler("100tok"), "tok"),
    (LinearWithWarmupScheduler("9tok", t_max="10tok"), "tok"),
    (MultiStepScheduler(["1ep", "5ba", "9sp"]), "sp"),
    (LinearScheduler() * StepScheduler("9tok"), "tok"),
    (lambda state: 1 / (1 + state.timestamp.token.value), "tok"),
    ({None: LinearScheduler(), 0: LinearScheduler(t_max="9Ktok")}, "tok"),
]


@pytest.mark.parametrize(("schedule", "unit"), UNMOVED)
def test_a_clock_that_never_moves(schedule: Any, unit: str) -> None:
    run = Run("20ba", batches_per_epoch=5)
    told: dict[str, Any] = {"samples": 1, "tokens": 1, "seconds": 1}
    del told[ARGUMENTS[unit]]
    optimizer, clock = sgd(0.5), Clock(run)
    scheduler = bind(schedule, optimizer, clock)
    train_step(optimizer, 0)
    # Nothing is known before the first batch, but that there was none.
    with pytest.warns(UserWarning, match="the clock has not moved since"):
        scheduler.step()
    before, last = group_settings(optimizer), scheduler.last_epoch
    for batches in ("1 batch:", "2 batches:"):
        clock.tick(**told)
        with pytest.raises(UnitError) as raised:
            scheduler.step()
        text = f"cannot step: the clock '{unit}' has not moved in {batches}"
        assert text in str(raised.value)
        assert f"clock.tick({ARGUMENTS[unit]}=...)" in str(raised.value)
        assert "Schedule" in str(raised.value)
        assert group_settings(optimizer) == before
        assert scheduler.last_epoch == last
    clock.tick(**told, **{ARGUMENTS[unit]: 3})
    scheduler.step()
    assert scheduler.last_epoch == 3
    # From now on a batch may have none.
    clock.tick(**told)
    scheduler.step()
