"""Loads of the optimizer's state, before and after that of the scheduler."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from epochal import (
    ConstantScheduler,
    CosineAnnealingWithWarmupScheduler,
    LinearScheduler,
    Schedule,
    ScheduleError,
    StepScheduler,
)
from epochal.torch import EpochalLR, bind
from optimizers import (
    adamw,
    lrs,
    sgd,
    through_a_file,
    train_step,
)
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ExponentialLR, LRScheduler, SequentialLR


def trained(
    schedule: Any, run: str = "50ba", steps: int = 20, **settings: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The states of an optimizer and its scheduler after some steps."""
    optimizer = adamw(0.5)
    scheduler = bind(schedule, optimizer, run, **settings)
    for k in range(steps):
        train_step(optimizer, k)
        scheduler.step()
    return through_a_file(optimizer.state_dict()), through_a_file(scheduler.state_dict())


@pytest.mark.parametrize("order", ["optimizer, scheduler", "scheduler, optimizer"])
@pytest.mark.parametrize("lr", [0.5, torch.tensor(0.5)], ids=["float", "tensor"])
def test_rates_are_those_of_a_changed_run_in_any_order(order: str, lr: Any) -> None:
    states = dict(zip(["optimizer", "scheduler"], trained(LinearScheduler()), strict=True))
    parts: dict[str, Any] = {"optimizer": adamw(lr)}
    parts["scheduler"] = bind(LinearScheduler(), parts["optimizer"], "40ba")
    for name in order.split(", "):
        told = name == "scheduler"
        expected = pytest.warns(UserWarning, match=r"now it is Run\('40ba'\)")
        with expected if told else contextlib.nullcontext():
            parts[name].load_state_dict(states[name])
    optimizer, scheduler = parts["optimizer"], parts["scheduler"]
    assert lrs(optimizer) == scheduler.get_last_lr() == [0.25]
    # And so they are where only the optimizer goes back.
    train_step(optimizer, 0)
    scheduler.step()
    optimizer.load_state_dict(states["optimizer"])
    assert lrs(optimizer) == scheduler.get_last_lr() == [0.5 * (1 - 21 / 40)]


def test_bases_that_are_loaded_last_are_told() -> None:
    optimizer_state, scheduler_state = trained(LinearScheduler())
    optimizer = adamw(0.5)
    scheduler = bind(LinearScheduler(), optimizer, "50ba", base_lr=1.0)
    with pytest.warns(UserWarning, match=r"lr at batch 20 was \[0.3\], now it is \[0.6\]"):
        scheduler.load_state_dict(scheduler_state)
    with pytest.warns(UserWarning, match=r"initial_lr of group 0 was 1.0, .* loaded 0.5") as record:
        optimizer.load_state_dict(optimizer_state)
    assert record[0].filename == __file__
    assert lrs(optimizer) == [0.3]


def test_states_that_do_not_belong_together() -> None:
    optimizer_state, _ = trained(LinearScheduler(), steps=10)
    _, scheduler_state = trained(LinearScheduler(), steps=20)
    optimizer = adamw(0.5)
    scheduler = bind(LinearScheduler(), optimizer, "50ba")
    scheduler.load_state_dict(scheduler_state)
    optimizer.load_state_dict(optimizer_state)
    train_step(optimizer, 0)
    with pytest.warns(UserWarning, match=r"loaded, \[0.4\], but .* was saved with \[0.3\]"):
        scheduler.step()


@pytest.mark.parametrize(
    "schedule",
    # The last one has the rate of its step 0 for long.
    [LinearScheduler(), CosineAnnealingWithWarmupScheduler("5ba"), StepScheduler("40ba")],
)
def test_a_forgotten_state_of_the_scheduler(schedule: Schedule) -> None:
    optimizer_state, _ = trained(schedule)
    optimizer = adamw(0.5)
    scheduler = bind(schedule, optimizer, "50ba")
    optimizer.load_state_dict(optimizer_state)
    train_step(optimizer, 20)
    message = "the scheduler's was not, so that the schedule begins anew: load the scheduler's"
    with pytest.warns(UserWarning, match=message) as record:
        scheduler.step()
    assert record[0].filename == __file__
    train_step(optimizer, 21)
    scheduler.step()  # is told once


def test_a_forgotten_state_that_changes_no_rate_is_not_told() -> None:
    optimizer_state, _ = trained(ConstantScheduler())
    optimizer = adamw(0.5)
    scheduler = bind(ConstantScheduler(), optimizer, "50ba")
    optimizer.load_state_dict(optimizer_state)
    train_step(optimizer, 20)
    scheduler.step()
    assert scheduler.get_last_lr() == [0.5]


def test_a_base_that_is_lost_to_a_load_is_told() -> None:
    optimizer_state, _ = trained(LinearScheduler())
    optimizer = adamw(0.5)
    scheduler = bind(LinearScheduler(), optimizer, "50ba", base_lr=1.0)
    optimizer.load_state_dict(optimizer_state)
    train_step(optimizer, 20)
    with pytest.warns(UserWarning, match=r"with base_lr= its rates; initial_lr .* was 1.0, but"):
        scheduler.step()


def new_stage(optimizer: Optimizer, state: Any) -> EpochalLR:
    optimizer.load_state_dict(state)
    return bind(LinearScheduler(), optimizer, "50ba", base_lr=0.125)


def wrapped_later(optimizer: Optimizer, state: Any) -> EpochalLR:
    """As `prepare` of Accelerate does."""
    scheduler = new_stage(optimizer, state)
    optimizer.load_state_dict(optimizer.state_dict())
    return scheduler


def wrapped_at_once(optimizer: Optimizer, state: Any) -> EpochalLR:
    scheduler = bind(LinearScheduler(), optimizer, "50ba")
    optimizer.load_state_dict(optimizer.state_dict())
    return scheduler


def jumped(optimizer: Optimizer, state: Any) -> EpochalLR:
    scheduler = bind(LinearScheduler(), optimizer, "50ba")
    optimizer.load_state_dict(state)
    scheduler.step(20)
    return scheduler


@pytest.mark.parametrize("begin", [new_stage, wrapped_later, wrapped_at_once, jumped])
def test_right_loads_are_not_warned_of(begin: Callable[[Optimizer, Any], EpochalLR]) -> None:
    optimizer = adamw(0.5)
    scheduler = begin(optimizer, trained(LinearScheduler())[0])
    for k in range(3):
        assert lrs(optimizer) == scheduler.get_lr()
        train_step(optimizer, k)
        scheduler.step()


@pytest.mark.parametrize("last", ["optimizer", "scheduler"])
@pytest.mark.parametrize("steps", [3, 10, 20])
def test_a_sequence_writes_the_rates_of_its_turn(steps: int, last: str) -> None:
    """Of bound ones, and of one of PyTorch's, which goes by the current rates."""

    def make(theirs: bool) -> tuple[Optimizer, SequentialLR]:
        optimizer = adamw(0.5)
        first = bind(LinearScheduler(0.2, 1.0), optimizer, "8ba")
        second: LRScheduler = bind(LinearScheduler(), optimizer, "30ba")
        if theirs:
            second = ExponentialLR(optimizer, 0.9)
        return optimizer, SequentialLR(optimizer, [first, second], [8])

    for theirs in (False, True) if last == "optimizer" else (False,):
        optimizer, scheduler = make(theirs)
        for k in range(steps):
            train_step(optimizer, k)
            scheduler.step()
        other, resumed = make(theirs)
        loads: list[tuple[Any, Any]] = [
            (resumed, scheduler.state_dict()),
            (other, optimizer.state_dict()),
        ]
        for part, state in loads if last == "optimizer" else reversed(loads):
            part.load_state_dict(through_a_file(state))
        for k in range(steps, 25):
            assert lrs(other) == lrs(optimizer)
            for o, s in ((optimizer, scheduler), (other, resumed)):
                train_step(o, k)
                s.step()


def test_assigned_bases_are_written_at_once() -> None:
    optimizer = sgd(0.5, 0.25)
    scheduler = bind(LinearScheduler(), optimizer, "8ba")
    scheduler.step(4)
    scheduler.base_lrs = [2.0, 1]
    assert lrs(optimizer) == scheduler.get_last_lr() == [1.0, 0.5]
    for bases in ([1.0, float("nan")], [1.0, "2"]):
        with pytest.raises(ScheduleError, match="each of base_lrs must be a finite number, not"):
            scheduler.base_lrs = bases  # type: ignore[assignment]
    with pytest.raises(ValueError, match="base_lrs must be a list, one for each of 2 groups, not"):
        scheduler.base_lrs = [1.0]
    assert lrs(optimizer) == [1.0, 0.5]
    assert scheduler.base_lrs == [2.0, 1.0]
