"""State, copies and tensors of schedulers that write several fields."""

import copy
import gc
import json
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import epochal.torch._fields as fields_of_groups
import pytest
import torch
from epochal import (
    ConstantScheduler,
    CosineAnnealingWithWarmupScheduler,
    LinearScheduler,
    ScheduleError,
    StateError,
    StepScheduler,
)
from epochal.torch import EpochalLR, bind
from optimizers import (
    RUN,
    STEPS,
    field,
    lrs,
    named,
    parameter,
    settings,
    sgd,
    through_a_file,
    train_step,
)
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer

RISE, FALL, HALVE = LinearScheduler(0.0, 1.0), LinearScheduler(), StepScheduler("4ba", 0.5)


# State


def everything(optimizer: Optimizer) -> EpochalLR:
    fields: dict[str, Any] = {
        "momentum": {"body": RISE},
        "weight_decay": StepScheduler("100tok", 0.9),
        "threshold": FALL,
    }
    schedules = {"head": HALVE, None: CosineAnnealingWithWarmupScheduler("5ba")}
    return bind(schedules, optimizer, RUN, fields=fields, base={"threshold": 3.0})


NAMES = ["lr", "momentum", "weight_decay", "threshold"]


@pytest.mark.parametrize("order", ["optimizer, scheduler", "scheduler, optimizer"])
def test_any_order_of_loads(order: str) -> None:
    make: Callable[[], SGD] = lambda: named(body=0.5, head=0.25)  # noqa: E731
    optimizer = make()
    scheduler = everything(optimizer)
    values, saved = [], {}
    for k in range(STEPS):
        values.append([field(optimizer, name) for name in NAMES])
        if k in (0, 5, 17):
            states = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
            saved[k] = through_a_file(states)
        train_step(optimizer, k)
        scheduler.step()
    for start, states in saved.items():
        other = make()
        parts: dict[str, Any] = {"optimizer": other, "scheduler": everything(other)}
        for name in order.split(", "):
            parts[name].load_state_dict(states[name])
        for k in range(start, STEPS):
            assert [field(other, name) for name in NAMES] == values[k]
            train_step(other, k)
            parts["scheduler"].step()


def test_the_state_describes_all_fields() -> None:
    optimizer = named(body=0.5, head=0.25)
    scheduler = everything(optimizer)
    train_step(optimizer, 0)
    scheduler.step()
    state = scheduler.state_dict()
    assert through_a_file(state) == json.loads(json.dumps(state)) == state
    assert state["schedule"].startswith("{'head': StepScheduler(")
    assert "None: CosineAnnealingWithWarmupScheduler(" in state["schedule"]
    assert list(state["fields"]) == NAMES[1:]
    assert state["fields"]["threshold"] == {"schedule": repr(FALL), "values": [3.0 * (23 / 24)] * 2}
    assert state["fields"]["momentum"]["values"] == [0.9 * RISE.resolve(RUN)(1)]
    text = repr(scheduler)
    for part in (repr(HALVE), repr(RUN), "schedule of momentum: {'body': ", "threshold: [2.875, "):
        assert part in text


def test_a_load_says_which_field_changes() -> None:
    def bound(optimizer: Optimizer, **fields: Any) -> EpochalLR:
        return bind(FALL, optimizer, "8ba", fields=fields)

    first = named(a=1.0)
    scheduler = bound(first, momentum=RISE, weight_decay=FALL)
    train_step(first, 0)
    scheduler.step()
    state = scheduler.state_dict()
    for fields, text in [
        ({"momentum": FALL, "weight_decay": FALL}, "schedule of momentum was.*momentum at batch 1"),
        ({"weight_decay": FALL}, "schedule of momentum was .*, now it is none"),
        (
            {"momentum": RISE, "weight_decay": FALL, "dampening": FALL},
            "schedule of dampening was none, now it is Linear",
        ),
    ]:
        with pytest.warns(UserWarning, match=text) as record:
            bound(named(a=1.0), **fields).load_state_dict(state)
        assert len(record) == 1


def test_how_the_curves_of_groups_and_fields_differ() -> None:
    def bound(head: Any, momentum: Any) -> EpochalLR:
        schedules = {"body": FALL, "head": head, None: FALL}
        optimizer = named(body=1.0, head=0.5, rest=0.5)
        return bind(schedules, optimizer, "8ba", fields={"momentum": momentum})

    state = bound(RISE, FALL).state_dict()
    assert bound(RISE, FALL).apart(state) == {}
    apart = bound(FALL, {"body": FALL, None: LinearScheduler(alpha_f=0.25)}).apart(state)
    assert [difference.headline(field) for field, difference in apart.items()] == [
        "α of lr/head differs most at 0 ba: 0 and 1",
        "α of momentum/head differs most at 8 ba: 0 and 0.25",
    ]
    # Groups that had no schedule are not compared.
    state = bound(RISE, {"body": RISE}).state_dict()
    (difference,) = bound(RISE, FALL).apart(state).values()
    assert difference.distance == 1.0


@pytest.mark.parametrize(
    "fields",
    [
        5,
        [],
        {"momentum": 5},
        {"momentum": {}},
        {"momentum": {"schedule": 5, "values": []}},
        {"momentum": {"schedule": "x", "values": 5}},
        {"momentum": {"schedule": "x", "values": ["y"]}},
        {"momentum": {"schedule": "x", "values": [float("nan")]}},
    ],
)
def test_bad_states(fields: Any) -> None:
    optimizer = named(a=1.0)
    scheduler = bind(FALL, optimizer, "8ba", fields={"momentum": RISE})
    before, state = settings(optimizer), scheduler.state_dict()
    with pytest.raises(StateError, match="fields"):
        scheduler.load_state_dict({**state, "last_epoch": 5, "fields": fields})
    assert settings(optimizer) == before
    assert scheduler.state_dict() == state


def test_copies() -> None:
    optimizer = named(body=0.5, head=torch.tensor(0.25))
    scheduler = everything(optimizer)
    for k in range(3):
        train_step(optimizer, k)
        scheduler.step()
    copies = [copy.deepcopy(scheduler), pickle.loads(pickle.dumps(scheduler))]
    for k in range(3, STEPS):
        train_step(optimizer, k)
        scheduler.step()
    for other in copies:
        for k in range(3, STEPS):
            train_step(other.optimizer, k)
            other.step()
        for name in NAMES:
            assert field(other.optimizer, name) == field(optimizer, name)


# Tensors


def test_one_tensor_for_all_groups() -> None:
    """As an optimizer makes it of its default."""
    rate = torch.tensor(0.5)
    optimizer = SGD([{"params": [parameter()]} for _ in range(3)], lr=rate)
    scheduler = bind(FALL, optimizer, "8ba")
    for k in range(4):
        assert all(lr is rate for lr in lrs(optimizer))
        assert rate.item() == 0.5 * ((8 - k) / 8)
        optimizer.step()
        scheduler.step()
    optimizer = SGD([{"params": [parameter()]} for _ in range(3)], lr=torch.tensor(0.5))
    message = "groups 0 and 2 share one tensor as 'lr', .* give each a tensor of its own"
    with pytest.raises(ScheduleError, match=message):
        bind({None: FALL, 2: RISE}, optimizer, "8ba")
    with pytest.raises(ScheduleError, match="groups 0 and 1 share"):
        bind(FALL, optimizer, "8ba", base_lr=[1.0, 2.0, 1.0])


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_on_a_device_are_filled_at_once(
    count: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one operation, whatever their number; here that of the CPU."""
    monkeypatch.setattr(fields_of_groups, "_is_on_device", lambda tensor: True)
    operations: list[int] = []
    copy_all = torch._foreach_copy_

    def watched(tensors: Any, values: Any) -> None:
        operations.append(len(tensors))
        copy_all(tensors, values)

    monkeypatch.setattr(torch, "_foreach_copy_", watched)
    rates = [torch.tensor(0.1 * (i + 1), dtype=dtype) for i in range(count)]
    rates[-1] = rates[-1].reshape(1)
    # The first one is that of two groups, which must not count it twice.
    optimizer = sgd(*rates, rates[0], 0.25)
    bases = [*(0.1 * (i + 1) for i in range(count)), 0.1, 0.25]
    scheduler = bind(FALL, optimizer, "7ba", base_lr=bases)
    for k in range(5):
        # Of few ones each is filled by itself.
        assert operations == ([count] if count >= 3 else [])
        operations.clear()
        expected = [torch.tensor(base * ((7 - k) / 7), dtype=dtype) for base in bases]
        assert lrs(optimizer)[:-1] == expected[:-1]
        assert lrs(optimizer)[-1] == 0.25 * ((7 - k) / 7)
        optimizer.step()
        scheduler.step()


def test_tensors_and_rates_of_every_kind() -> None:
    """A step finds out for itself when a group's number becomes a tensor, and back."""
    optimizer = sgd(0.5, 0.25)
    scheduler = bind(FALL, optimizer, "8ba", fields={"momentum": RISE})
    group = optimizer.param_groups[0]
    changes: list[dict[str, Any]] = [
        {"lr": torch.tensor(lrs(optimizer)[0]), "momentum": torch.tensor(0.0)},
        {"initial_lr": torch.tensor(1.0)},
        {"lr": 0.75},
        {"initial_lr": 2},
    ]
    for k, change in enumerate(changes, 1):
        group.update(change)
        optimizer.step()
        scheduler.step()
        base = float(group["initial_lr"])
        assert lrs(optimizer) == [base * ((8 - k) / 8), 0.25 * ((8 - k) / 8)]
        assert isinstance(group["lr"], Tensor) == (k < 3)
        assert isinstance(group["momentum"], Tensor)
    assert [type(group["lr"]), type(group["initial_lr"])] == [float, float]


def test_adam_with_betas_and_all() -> None:
    optimizer = Adam([parameter()], lr=torch.tensor(0.1), betas=(0.9, 0.99), weight_decay=0.1)
    fields: dict[str, Any] = {"betas[0]": ConstantScheduler(0.5), "eps": FALL}
    scheduler = bind(HALVE, optimizer, RUN, fields=fields)
    for k in range(STEPS):
        assert optimizer.param_groups[0]["betas"] == (0.45, 0.99)
        assert optimizer.param_groups[0]["eps"] == 1e-8 * ((STEPS - k) / STEPS)
        train_step(optimizer, k)
        scheduler.step()


# Memory


def test_a_scheduler_is_collected_with_all_that_refers_to_it() -> None:
    """The native writer holds the groups, which may refer to the scheduler again."""

    class Holder:
        scheduler: EpochalLR

    holder = Holder()
    optimizer = named(a=1.0)
    holder.scheduler = bind(FALL, optimizer, "8ba")
    optimizer.param_groups[0]["holder"] = holder
    gone = weakref.ref(holder)
    del holder, optimizer
    gc.collect()
    assert gone() is None
