"""State and copies of schedules that are bound with a clock."""

import copy
import itertools
import json
import pickle
import warnings
from typing import Any

import pytest
import torch
from epochal import (
    Clock,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    LinearScheduler,
    Run,
    ScheduleError,
    StateError,
    StepScheduler,
    Timestamp,
    UnitError,
)
from epochal.torch import EpochalLR, bind
from optimizers import RUN, SCHEDULES, STEPS, lrs, sgd, through_a_file, tick, train_step, weights
from optimizers import settings as group_settings
from sizes import some
from torch import Tensor
from torch.optim import Optimizer


def train(optimizer: Optimizer, clock: Clock, scheduler: EpochalLR, k: int) -> None:
    train_step(optimizer, k)
    tick(clock, k)
    scheduler.step()


ORDERS = list(itertools.permutations(["optimizer", "scheduler", "clock"]))
CLOCKED: list[Any] = [
    *SCHEDULES,
    LinearScheduler(t_max="2000tok"),
    CosineAnnealingScheduler("40sec"),
    CosineAnnealingWarmRestartsScheduler("20sp"),
    CosineAnnealingWithWarmupScheduler("300tok", t_max="2000tok") * StepScheduler("9sp", 0.9),
    {0: LinearScheduler(t_max="2000tok"), None: LinearScheduler()},
]


def uninterrupted(
    schedule: Any, *bases: Any
) -> tuple[list[list[float]], dict[int, dict[str, Any]], list[Tensor]]:
    """The rates of all batches, the states before some of them, the final weights."""
    optimizer, clock = sgd(*bases), Clock(RUN)
    scheduler = bind(schedule, optimizer, clock)
    rates, saved = [], {}
    for k in range(STEPS):
        rates.append([float(lr) for lr in lrs(optimizer)])
        if k in (0, 1, 7, 15):
            saved[k] = through_a_file(
                {
                    "optimizer": optimizer.state_dict(),
                    "scheduler": scheduler.state_dict(),
                    "clock": clock.state_dict(),
                    "weights": weights(optimizer),
                }
            )
        train(optimizer, clock, scheduler, k)
    return rates, saved, weights(optimizer)


@pytest.mark.parametrize("bind_at", [0, 1, 2])
@pytest.mark.parametrize("order", ORDERS, ids=", ".join)
def test_any_order_of_loads_continues_bit_for_bit(order: tuple[str, ...], bind_at: int) -> None:
    for schedule in CLOCKED[bind_at::3]:
        rates, checkpoints, final = uninterrupted(schedule, 0.1, 0.03)
        for start, saved in some(checkpoints.items(), 4):
            # A program that has started anew, and has used its clock.
            optimizer, clock = sgd(0.1, 0.03), Clock(RUN)
            tick(clock, 2)
            parts: dict[str, Any] = {"optimizer": optimizer, "clock": clock}
            for number, name in enumerate(order):
                if "scheduler" not in parts and (number == bind_at or name == "scheduler"):
                    parts["scheduler"] = bind(schedule, optimizer, clock)
                parts[name].load_state_dict(saved[name])
            scheduler = parts["scheduler"]
            for group, weight in zip(optimizer.param_groups, saved["weights"], strict=True):
                group["params"][0].data.copy_(weight)
            for k in range(start, STEPS):
                assert scheduler.last_epoch == k
                assert lrs(optimizer) == rates[k]
                assert {type(lr) for lr in lrs(optimizer)} == {float}
                train(optimizer, clock, scheduler, k)
            assert all(map(torch.equal, final, weights(optimizer)))


def test_rates_are_right_at_once_after_the_load_of_the_scheduler() -> None:
    for schedule in CLOCKED:
        rates, checkpoints, _ = uninterrupted(schedule, 0.1, torch.tensor(0.03))
        for k, saved in checkpoints.items():
            optimizer, clock = sgd(0.1, torch.tensor(0.03)), Clock(RUN)
            tick(clock, 2)
            scheduler = bind(schedule, optimizer, clock)
            scheduler.load_state_dict(saved["scheduler"])
            assert [float(lr) for lr in lrs(optimizer)] == rates[k]
            assert [float(lr) for lr in scheduler.get_last_lr()] == rates[k]
            assert scheduler.last_epoch == k
            # The clock is not the scheduler's.
            assert clock.timestamp.batch == 1


def test_the_state_is_plain() -> None:
    optimizer, clock = sgd(0.5, torch.tensor(0.25)), Clock(RUN)
    scheduler = bind(LinearScheduler(t_max="2Ktok"), optimizer, clock)
    train(optimizer, clock, scheduler, 1)
    state = scheduler.state_dict()
    assert state["timestamp"] == clock.state_dict()
    assert json.loads(json.dumps(state)) == through_a_file(state) == state


GOOD = Clock(RUN).state_dict()


@pytest.mark.parametrize(
    "timestamp",
    [
        None,
        5,
        [],
        "0ba",
        {},
        Timestamp(),
        {**GOOD, "more": 1},
        {name: value for name, value in GOOD.items() if name != "token"},
        {**GOOD, "token": -1},
        {**GOOD, "token": True},
        {**GOOD, "token": 1.0},
        {**GOOD, "token": 2**63},
        {**GOOD, "total_wct": float("nan")},
        {**GOOD, "total_wct": "1"},
    ],
)
def test_bad_timestamps(timestamp: Any) -> None:
    optimizer, clock = sgd(0.5), Clock(RUN)
    scheduler = bind(LinearScheduler(), optimizer, clock)
    train(optimizer, clock, scheduler, 0)
    before, state, time = group_settings(optimizer), scheduler.state_dict(), clock.timestamp
    with pytest.raises(StateError, match="timestamp is not valid: "):
        scheduler.load_state_dict({**state, "last_epoch": 5, "timestamp": timestamp})
    assert group_settings(optimizer) == before
    assert scheduler.state_dict() == state
    assert clock.timestamp is time


def test_a_state_without_a_timestamp_leaves_the_time_to_the_clock() -> None:
    optimizer, clock = sgd(0.5), Clock(RUN)
    scheduler = bind(LinearScheduler(), optimizer, clock)
    for k in range(6):
        tick(clock, k)
    scheduler.load_state_dict({"last_epoch": 6})
    # An epoch of 5 batches, where the run declares 8, and then 1 of the next.
    assert lrs(optimizer) == [0.5 * ((24 - 8 - 1) / 24)]
    train(optimizer, clock, scheduler, 6)
    assert lrs(optimizer) == [0.5 * ((24 - 8 - 2) / 24)]


def test_a_state_with_a_clock_is_warned_of_where_there_is_none() -> None:
    optimizer, clock = sgd(0.5), Clock(RUN)
    scheduler = bind(LinearScheduler(t_max="1000tok"), optimizer, clock)
    for k in range(5):
        train(optimizer, clock, scheduler, k)
    (was,) = lrs(optimizer)
    other = sgd(0.5)
    later = bind(LinearScheduler(t_max="1000tok"), other, RUN)
    with pytest.warns(UserWarning, match="of a clock.* number of steps") as record:
        later.load_state_dict(scheduler.state_dict())
    (warning,) = record
    assert f"was [{was}], now it is [0.25]" in str(warning.message)
    assert lrs(other) == [0.25]


# Copies


def copies(*whole: Any) -> list[Any]:
    return [copy.deepcopy(whole), pickle.loads(pickle.dumps(whole))]


def test_copies_bring_their_own_clock() -> None:
    schedule = LinearScheduler(t_max="2000tok")
    rates, _, final = uninterrupted(schedule, 0.1)
    optimizer, clock = sgd(0.1), Clock(RUN)
    scheduler = bind(schedule, optimizer, clock)
    for k in range(7):
        train(optimizer, clock, scheduler, k)
    for (other,) in copies(scheduler):
        assert isinstance(other.clock, Clock)
        assert other.clock is not clock
        for k in range(7, STEPS):
            assert lrs(other.optimizer) == rates[k]
            train(other.optimizer, other.clock, other, k)
        assert all(map(torch.equal, final, weights(other.optimizer)))
        assert other.clock.state_dict()["batch"] == STEPS
    assert clock.timestamp.batch == 7
    for other, with_it in copies(scheduler, clock):
        assert other.clock is with_it


# Clocks that never move


@pytest.mark.parametrize("order", ["clock, scheduler", "scheduler, clock", "bind after"])
def test_a_clock_that_stands_still_after_a_load(order: str) -> None:
    """What the saved program counted says nothing of this one."""
    run, schedule = Run("4Ktok"), LinearScheduler()
    first, clock = sgd(0.5), Clock(run)
    scheduler = bind(schedule, first, clock)
    train_step(first, 0)
    clock.tick(tokens=1000)
    scheduler.step()
    saved = {"clock": clock.state_dict(), "scheduler": scheduler.state_dict()}

    for optimizer, now, later in (
        (sgd(0.5), Clock(run), None),
        # A program that goes back to a state of its own.
        (first, clock, scheduler),
    ):
        if order == "bind after":
            now.load_state_dict(saved["clock"])
        loaded = later or bind(schedule, optimizer, now)
        if order == "clock, scheduler":
            now.load_state_dict(saved["clock"])
        loaded.load_state_dict(saved["scheduler"])
        if order == "scheduler, clock":
            now.load_state_dict(saved["clock"])
        train_step(optimizer, 1)
        with warnings.catch_warnings():
            # The clock has not been ticked since.
            warnings.filterwarnings("ignore", "the optimizer has made a step, but the clock")
            loaded.step()
        now.tick(samples=5)
        with pytest.raises(UnitError, match="'tok' has not moved in 1 batch"):
            loaded.step()
        now.tick(tokens=1000)
        loaded.step()
        assert lrs(optimizer) == [0.25]


def test_the_load_of_a_clock_writes_its_rates() -> None:
    run, schedule = Run("50ba"), LinearScheduler()
    first, clock = sgd(0.5), Clock(run)
    scheduler = bind(schedule, first, clock)
    for k in range(20):
        train_step(first, k)
        clock.tick()
        scheduler.step()
    saved = {"optimizer": first.state_dict(), "clock": clock.state_dict()}
    for order in (["clock"], ["clock", "optimizer"], ["optimizer", "clock"]):
        parts: dict[str, Any] = {"optimizer": sgd(0.5), "clock": Clock(Run("40ba"))}
        resumed = bind(schedule, parts["optimizer"], parts["clock"])
        for name in order:
            parts[name].load_state_dict(saved[name])
        assert lrs(parts["optimizer"]) == resumed.get_last_lr() == [0.25]
        assert resumed.last_epoch == 20
        train_step(parts["optimizer"], 20)
        parts["clock"].tick()
        resumed.step()
        assert lrs(parts["optimizer"]) == [0.5 * (1 - 21 / 40)]


def test_a_forgotten_state_of_the_clock() -> None:
    first, clock = sgd(0.5), Clock(Run("50ba"))
    scheduler = bind(LinearScheduler(), first, clock)
    train(first, clock, scheduler, 0)
    optimizer, other = sgd(0.5), Clock(Run("50ba"))
    resumed = bind(LinearScheduler(), optimizer, other)
    optimizer.load_state_dict(first.state_dict())
    train_step(optimizer, 1)
    other.tick()
    with pytest.warns(UserWarning, match="the clock's was not, .* load the clock's state too"):
        resumed.step()


def test_a_clock_that_was_not_restored() -> None:
    run, schedule = Run("10ba"), LinearScheduler()
    first, clock = sgd(0.5), Clock(run)
    scheduler = bind(schedule, first, clock)
    for k in range(5):
        train_step(first, k)
        clock.tick()
        scheduler.step()
    optimizer, other = sgd(0.5), Clock(run)
    resumed = bind(schedule, optimizer, other)
    resumed.load_state_dict(scheduler.state_dict())
    assert lrs(optimizer) == [0.25]
    train_step(optimizer, 5)
    other.tick()
    message = "the clock is at 1ba, but .* was saved at 5ba: load the clock's state too"
    with pytest.raises(ScheduleError, match=message):
        resumed.step()
    assert lrs(optimizer) == [0.25]
    other.load_state_dict(clock.state_dict())
    other.tick()
    resumed.step()
    assert lrs(optimizer) == [0.5 * 0.4]
