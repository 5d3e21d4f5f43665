"""The state of a bound schedule: what it holds, what it takes, and what it warns of."""

import copy
import itertools
import json
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from epochal import (
    CosineAnnealingWithWarmupScheduler,
    LinearScheduler,
    Run,
    Schedule,
    ScheduleError,
    StateError,
    StepScheduler,
    diff,
)
from epochal._functions import FunctionSchedule, State
from epochal.torch import EpochalLR, bind
from optimizers import (
    RUN,
    STEPS,
    adamw,
    each_schedule,
    failing_at_3,
    lrs,
    parameter,
    settings,
    sgd,
    through_a_file,
    train_step,
    weights,
)
from sizes import some
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def plain(value: object) -> bool:
    if type(value) is dict:
        return all(type(key) is str and plain(item) for key, item in value.items())
    if type(value) is list:
        return all(map(plain, value))
    return type(value) in (int, float, str)


def test_the_state_is_plain() -> None:
    optimizer = sgd(0.5, torch.tensor(0.25))
    schedule = LinearScheduler() * FunctionSchedule(failing_at_3(OSError()))
    scheduler = bind({0: schedule, None: schedule}, optimizer, RUN, fields={"momentum": schedule})
    train_step(optimizer, 0)
    scheduler.step()
    state = scheduler.state_dict()
    assert plain(state)
    assert state["last_epoch"] == 1
    assert state["_last_lr"] == [float(lr) for lr in lrs(optimizer)]
    assert state["run"] == repr(RUN)
    assert "LinearScheduler(alpha_i=1.0" in state["schedule"]
    assert through_a_file(state) == json.loads(json.dumps(state)) == state
    assert not plain({"a": [np.float64(1.0)]})


def loads_in_any_order(
    make: Callable[..., Optimizer], schedule: Any, saved: dict[str, Any], order: str
) -> tuple[Optimizer, EpochalLR]:
    """A program that has started anew, and loads what was saved."""
    optimizer_state, scheduler_state = saved["optimizer"], saved["scheduler"]
    optimizer = make(0.1, 0.03) if order != "groups added" else make(0.1)
    if order == "bind, optimizer, scheduler":
        scheduler = bind(schedule, optimizer, RUN)
        optimizer.load_state_dict(optimizer_state)
        scheduler.load_state_dict(scheduler_state)
    elif order == "bind, scheduler, optimizer":
        scheduler = bind(schedule, optimizer, RUN)
        scheduler.load_state_dict(scheduler_state)
        optimizer.load_state_dict(optimizer_state)
    elif order == "optimizer, bind, scheduler":
        optimizer.load_state_dict(optimizer_state)
        scheduler = bind(schedule, optimizer, RUN)
        scheduler.load_state_dict(scheduler_state)
    else:
        scheduler = bind(schedule, optimizer, RUN)
        scheduler.load_state_dict(scheduler_state)
        optimizer.add_param_group({"params": [parameter()], "lr": 0.9})
        optimizer.load_state_dict(optimizer_state)
    return optimizer, scheduler


ORDERS = [
    "bind, optimizer, scheduler",
    "bind, scheduler, optimizer",
    "optimizer, bind, scheduler",
    "groups added",
]


@pytest.mark.parametrize("make", [sgd, adamw])
@each_schedule
def test_any_order_of_loads_continues_bit_for_bit(
    schedule: Schedule, make: Callable[..., Optimizer]
) -> None:
    optimizer = make(0.1, 0.03)
    scheduler = bind(schedule, optimizer, RUN)
    rates, checkpoints = [], {}
    for k in range(STEPS + 2):
        rates.append(lrs(optimizer))
        if k in (0, 1, 16, STEPS):
            saved = {
                "optimizer": optimizer.state_dict(),
                "scheduler": scheduler.state_dict(),
                "weights": weights(optimizer),
            }
            checkpoints[k] = through_a_file(saved)
        train_step(optimizer, k)
        scheduler.step()
    final = weights(optimizer)

    for order, (start, kept) in some(itertools.product(ORDERS, checkpoints.items()), 6):
        saved = copy.deepcopy(kept)  # an optimizer writes to the tensors that it has loaded
        optimizer, scheduler = loads_in_any_order(make, schedule, saved, order)
        for group, weight in zip(optimizer.param_groups, saved["weights"], strict=True):
            group["params"][0].data.copy_(weight)
        for k in range(start, STEPS + 2):
            assert scheduler.last_epoch == k, order
            assert lrs(optimizer) == rates[k], order
            assert {type(lr) for lr in lrs(optimizer)} == {float}
            train_step(optimizer, k)
            scheduler.step()
            assert scheduler.get_last_lr() == lrs(optimizer)
        assert all(map(torch.equal, final, weights(optimizer))), order


@pytest.mark.parametrize("order", ORDERS[:3])
def test_tensors_are_restored_in_any_order(order: str) -> None:
    schedule = CosineAnnealingWithWarmupScheduler("5ba")

    def make(*bases: float) -> Optimizer:
        return adamw(*map(torch.tensor, bases))

    optimizer = make(0.1, 0.03)
    scheduler = bind(schedule, optimizer, RUN)
    for k in range(9):
        train_step(optimizer, k)
        scheduler.step()
    saved = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
    other, continued = loads_in_any_order(make, schedule, through_a_file(saved), order)
    for k in range(9, STEPS):
        assert lrs(other) == lrs(optimizer)
        for tensor in lrs(other):
            assert isinstance(tensor, Tensor)
        objects = [id(tensor) for tensor in lrs(other)]
        for o, s in ((optimizer, scheduler), (other, continued)):
            train_step(o, k)
            s.step()
        assert objects == [id(tensor) for tensor in lrs(other)]


def test_rates_are_right_at_once_after_a_load() -> None:
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, Run("8ba"))
    train_step(optimizer, 0)
    scheduler.step()
    state = scheduler.state_dict()
    scheduler.step(epoch=6)
    optimizer.add_param_group({"params": [parameter()], "lr": 0.25})
    scheduler.load_state_dict(state)
    assert lrs(optimizer) == scheduler.get_last_lr() == [0.5 * 0.875, 0.25 * 0.875]
    assert optimizer.param_groups[1]["initial_lr"] == 0.25
    assert scheduler.state_dict() == {**state, "_last_lr": [0.5 * 0.875, 0.25 * 0.875]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("last_epoch", -2),
        ("last_epoch", 1.0),
        ("last_epoch", "1"),
        ("last_epoch", True),
        ("last_epoch", None),
        ("last_epoch", 2**63),
        ("last_epoch", 2**62),
        ("_step_count", -1),
        ("_step_count", 1.5),
        ("_step_count", None),
        ("_last_lr", 0.5),
        ("_last_lr", "0.5"),
        ("schedule", 5),
        ("schedule", None),
        ("run", ["5ba"]),
    ],
)
def test_bad_states(field: str, value: object) -> None:
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, RUN)
    train_step(optimizer, 0)
    scheduler.step()
    before, state = settings(optimizer), scheduler.state_dict()
    with pytest.raises(StateError, match=field):
        scheduler.load_state_dict({**state, "last_epoch": 5, "_step_count": 6, field: value})
    assert settings(optimizer) == before
    assert scheduler.state_dict() == state


def test_states_that_are_none() -> None:
    scheduler = bind(LinearScheduler(), sgd(0.5), RUN)
    with pytest.raises(StateError, match="last_epoch"):
        scheduler.load_state_dict({})
    for state in (None, 5, [("last_epoch", 5)]):
        with pytest.raises(TypeError, match="state_dict"):
            scheduler.load_state_dict(state)  # type: ignore[arg-type]
    assert scheduler.last_epoch == 0


def test_a_load_at_which_the_function_fails_changes_nothing() -> None:
    optimizer = sgd(0.5)
    scheduler = bind(failing_at_3(TypeError("no")), optimizer, RUN)
    before, state = settings(optimizer), scheduler.state_dict()
    with pytest.raises(ScheduleError, match="no"):
        scheduler.load_state_dict({"last_epoch": 3})
    assert settings(optimizer) == before
    assert scheduler.state_dict() == state


def test_the_state_of_a_lambda_lr_will_do() -> None:
    theirs = sgd(0.5)
    old = LambdaLR(theirs, lambda k: 1 - k / 24)
    for k in range(6):
        train_step(theirs, k)
        old.step()
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, RUN)
    scheduler.load_state_dict(old.state_dict())
    optimizer.load_state_dict(theirs.state_dict())
    assert lrs(optimizer) == [0.5 * 0.75]
    scheduler.step()
    assert scheduler.last_epoch == 7
    assert lrs(optimizer) == [0.5 * (17 / 24)]


def test_a_state_of_another_schedule_or_run_is_warned_of() -> None:
    first = sgd(0.5)
    saved = bind(LinearScheduler(), first, Run("8ba"))
    train_step(first, 0)
    saved.step(epoch=4)
    state = saved.state_dict()

    optimizer = sgd(0.5)
    scheduler = bind(StepScheduler("1ba", 0.5), optimizer, Run("8ba"))
    with pytest.warns(UserWarning, match="not what the loaded state was saved under") as record:
        scheduler.load_state_dict(state)
    (warning,) = record
    text = str(warning.message)
    assert warning.filename == __file__
    assert text == (
        "this is not what the loaded state was saved under: "
        "schedule was LinearScheduler(alpha_i=1.0, alpha_f=0.0, t_max='1dur'), "
        "now it is StepScheduler(step_size='1ba', gamma=0.5); "
        "α of lr differs most at 2 ba: 0.75 and 0.25; "
        "lr at batch 4 was [0.25], now it is [0.03125]"
    )
    assert lrs(optimizer) == [0.03125]

    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, Run("16ba"))
    with pytest.warns(UserWarning, match="not what the loaded state was saved under") as record:
        scheduler.load_state_dict(state)
    (warning,) = record
    assert str(warning.message) == (
        "this is not what the loaded state was saved under: "
        "run was Run('8ba'), now it is Run('16ba'); α of lr differs most at 8 ba: 0 and 0.5; "
        "lr at batch 4 was [0.25], now it is [0.375]"
    )
    assert lrs(optimizer) == [0.375]

    # A group has been added.
    optimizer = sgd(0.5, 0.2)
    bind(LinearScheduler(), optimizer, Run("8ba")).load_state_dict(state)
    assert lrs(optimizer) == [0.25, 0.1]


def test_how_the_curves_of_a_state_differ() -> None:
    def bound(schedule: Schedule, run: str = "8ba") -> EpochalLR:
        return bind(schedule, sgd(0.5), run)

    state = bound(LinearScheduler()).state_dict()
    scheduler = bound(StepScheduler("1ba", 0.5))
    expected = diff(LinearScheduler().resolve("8ba"), scheduler.curve)
    assert scheduler.apart(state)["lr"].rows == expected.rows
    # Neither has changed.
    assert bound(LinearScheduler()).apart(state) == {}
    # Another name for the same.
    shown = {**state, "schedule": "Linear()", "run": "Run('8ba', tokens_per_batch=5)"}
    (same,) = bound(LinearScheduler()).apart(shown).values()
    assert not same
    assert same.headline("lr") == "the two curves of lr are the same"
    # What cannot be read.
    for text in (
        "FunctionSchedule(f)",
        "Linear(",
        "f",
        "5",
        "{}",
        "Linear(beta=5)",
        "Linear('5ba')",
    ):
        assert scheduler.apart({**state, "schedule": text}) == {}
    for text in ("Run()", "None", "8ba"):
        assert scheduler.apart({**state, "run": text}) == {}
    assert scheduler.apart({"last_epoch": 3}) == {}
    # What cannot be compared.
    assert scheduler.apart({**state, "run": "Run('8tok')"}) == {}


def test_that_warning_as_an_error_stops_the_whole_load() -> None:
    state = bind(LinearScheduler(), sgd(0.5), Run("8ba")).state_dict()
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, Run("9ba"))
    before, own = settings(optimizer), scheduler.state_dict()
    with pytest.raises(UserWarning, match="Run"):
        scheduler.load_state_dict({**state, "last_epoch": 5})
    assert settings(optimizer) == before
    assert scheduler.state_dict() == own


# Copies


@each_schedule
def test_copies_continue_with_an_optimizer_of_their_own(schedule: Schedule) -> None:
    optimizer = adamw(0.1, 0.03)
    scheduler = bind(schedule, optimizer, RUN)
    for k in range(7):
        train_step(optimizer, k)
        scheduler.step()
    copies = [copy.deepcopy(scheduler), pickle.loads(pickle.dumps(scheduler))]
    before = settings(optimizer)
    for other in copies:
        assert type(other) is EpochalLR
        assert other.optimizer is not optimizer
        for k in range(7, STEPS):
            train_step(other.optimizer, k)
            other.step()
    assert settings(optimizer) == before
    for k in range(7, STEPS):
        train_step(optimizer, k)
        scheduler.step()
    for other in copies:
        assert other.state_dict() == scheduler.state_dict()
        assert lrs(other.optimizer) == lrs(optimizer)
        assert all(map(torch.equal, weights(other.optimizer), weights(optimizer)))


def square(state: State) -> float:
    return 1 / (1 + state.timestamp.batch.value**2)


def test_copies_of_a_function_schedule() -> None:
    optimizer = sgd(0.5, torch.tensor(0.25))
    scheduler = bind(square * LinearScheduler(), optimizer, RUN)
    train_step(optimizer, 0)
    scheduler.step()
    for other in (copy.deepcopy(scheduler), pickle.loads(pickle.dumps(scheduler))):
        with warnings.catch_warnings():
            # The copy has made no step of its own, and yet there is nothing to warn of.
            warnings.simplefilter("error")
            other.step(epoch=9)
        assert [float(lr) for lr in lrs(other.optimizer)] == pytest.approx(
            [0.5 / 82 * 15 / 24, 0.25 / 82 * 15 / 24], rel=1e-6
        )
    assert scheduler.last_epoch == 1


def test_a_fresh_copy_steps_without_a_warning() -> None:
    scheduler = copy.deepcopy(bind(LinearScheduler(), sgd(0.5), Run("8ba")))
    train_step(scheduler.optimizer, 0)
    scheduler.step()
    assert lrs(scheduler.optimizer) == [0.5 * 0.875]
