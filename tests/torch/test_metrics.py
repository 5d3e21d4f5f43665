"""What a scheduler tells a logger."""

import json
import math
from typing import Any

import pytest
import torch
from epochal import Clock, LinearScheduler, Run, StepScheduler
from epochal.torch import bind
from optimizers import RUN, adamw, lrs, named, parameter, sgd, train_step
from torch.optim import SGD
from torch.optim.lr_scheduler import SequentialLR

FALL, HALVE = LinearScheduler(), StepScheduler("4ba", 0.5)


def test_every_field_of_every_group() -> None:
    optimizer = named(body=0.5, head=0.25)
    scheduler = bind(
        {"head": HALVE, None: FALL},
        optimizer,
        RUN,
        fields={"weight_decay": {"body": FALL}, "threshold": HALVE},
        base={"threshold": 3.0},
    )
    for k in range(10):
        assert scheduler.metrics() == {
            "lr/body": optimizer.param_groups[0]["lr"],
            "lr/head": optimizer.param_groups[1]["lr"],
            "weight_decay/body": optimizer.param_groups[0]["weight_decay"],
            "threshold/body": optimizer.param_groups[0]["threshold"],
            "threshold/head": optimizer.param_groups[1]["threshold"],
            "factor": 1.0,
            "clock/epoch": k // 8,
            "clock/batch": k,
            "clock/sample": 4 * k,
            "clock/token": 100 * k,
        }
        train_step(optimizer, k)
        scheduler.step()


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ([None], ["0"]),
        ([None, None], ["0", "1"]),
        (["head", None], ["head", "1"]),
        # Names that do not tell groups apart.
        (["body", "head", "body"], ["0", "head", "2"]),
        (["1", None], ["0", "1"]),
        ([5, "a/b"], ["0", "a/b"]),
    ],
)
def test_groups_are_called_by_name_or_index(names: list[Any], labels: list[str]) -> None:
    groups = [{"params": [parameter()], "lr": 1.0 + i} for i in range(len(names))]
    for group, name in zip(groups, names, strict=True):
        group.update({} if name is None else {"name": name})
    metrics = bind(FALL, SGD(groups, lr=0.5), "8ba").metrics()
    rates = {name: value for name, value in metrics.items() if name.startswith("lr/")}
    assert rates == {f"lr/{label}": 1.0 + i for i, label in enumerate(labels)}


def test_only_what_the_run_tells() -> None:
    optimizer = sgd(0.5)
    scheduler = bind(FALL, optimizer, Run("8ba"))
    scheduler.step(3)
    assert list(scheduler.metrics()) == ["lr/0", "factor", "clock/batch"]
    assert scheduler.metrics()["clock/batch"] == 3


def test_a_clock_tells_all_its_counters() -> None:
    optimizer = sgd(0.5)
    clock = Clock(Run("1000tok"))
    scheduler = bind(FALL, optimizer, clock)
    train_step(optimizer, 0)
    clock.tick(samples=3, tokens=250, seconds=0.125)
    clock.next_epoch()
    scheduler.step()
    assert scheduler.metrics() == {
        "lr/0": 0.375,
        "factor": 1.0,
        "clock/iteration": 0,
        "clock/epoch": 1,
        "clock/batch": 1,
        "clock/sample": 3,
        "clock/token": 250,
        "clock/second": 0.125,
    }


def test_plain_numbers_for_tensors_too() -> None:
    rate = torch.tensor(0.1)
    scheduler = bind(FALL, adamw(rate), "3ba", fields={"betas[0]": FALL})
    scheduler.step(1)
    metrics = scheduler.metrics()
    assert json.loads(json.dumps(metrics)) == metrics
    # As the tensor holds it.
    assert metrics["lr/0"] == rate.item() != 0.1 * (2 / 3)
    assert metrics["betas[0]/0"] == 0.9 * (2 / 3)


def test_a_cut_by_hand_shows() -> None:
    scheduler = bind(FALL, sgd(0.5), "8ba", fields={"momentum": FALL})
    scheduler.factor = 0.5
    metrics = scheduler.metrics()
    assert (metrics["lr/0"], metrics["momentum/0"], metrics["factor"]) == (0.25, 0.9, 0.5)


def test_it_changes_nothing() -> None:
    optimizer = sgd(0.5, 0.25)
    scheduler = bind(FALL, optimizer, RUN)
    for k in range(5):
        train_step(optimizer, k)
        scheduler.step()
    before = scheduler.state_dict(), lrs(optimizer)
    scheduler.metrics()
    assert (scheduler.state_dict(), lrs(optimizer)) == before


def test_groups_that_come_and_a_load() -> None:
    optimizer = named(body=0.5)
    scheduler = bind(FALL, optimizer, "8ba")
    train_step(optimizer, 0)
    optimizer.add_param_group({"params": [parameter()], "lr": 1.0, "name": "head"})
    assert "lr/head" not in scheduler.metrics()  # it was not written yet
    scheduler.step()
    assert scheduler.metrics()["lr/head"] == 7 / 8
    scheduler.load_state_dict({"last_epoch": 6})
    assert scheduler.metrics() == {
        "lr/body": 0.125,
        "lr/head": 0.25,
        "factor": 1.0,
        "clock/batch": 6,
    }


def test_before_its_turn() -> None:
    optimizer = sgd(0.5)
    first, second = bind(FALL, optimizer, "4ba"), bind(HALVE, optimizer, "8ba")
    stages = SequentialLR(optimizer, [first, second], milestones=[2])
    for k in range(3):
        assert all(math.isfinite(value) for value in second.metrics().values())
        train_step(optimizer, k)
        stages.step()
    assert second.metrics() == {"lr/0": lrs(optimizer)[0], "factor": 1.0, "clock/batch": 1}
