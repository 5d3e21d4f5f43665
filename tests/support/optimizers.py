"""Optimizers with a few parameters, and what is read off them."""

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from epochal import (
    Clock,
    ConstantScheduler,
    ConstantWithWarmupScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    ExponentialScheduler,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    MultiStepWithWarmupScheduler,
    PolynomialScheduler,
    PolynomialWithWarmupScheduler,
    Run,
    Schedule,
    StepScheduler,
)
from epochal._functions import State
from torch import Tensor
from torch.nn import Parameter
from torch.optim import AdamW, Optimizer

STEPS = 24
RUN = Run("3ep", batches_per_epoch=8, samples_per_batch=4, tokens_per_batch=100)

SCHEDULES: list[Schedule] = [
    StepScheduler("5ba", 0.7),
    MultiStepScheduler(["1ep", "0.7dur", "2000tok"], 0.3),
    ConstantScheduler(0.25, "0.5dur"),
    LinearScheduler(1.3, 0.1),
    ExponentialScheduler(0.5, "1ep"),
    CosineAnnealingScheduler("20ba", 0.01),
    CosineAnnealingWarmRestartsScheduler("4ba", 1.5),
    PolynomialScheduler(1.7, "64sp"),
    MultiStepWithWarmupScheduler("5ba", ["1ep", "2ep"]),
    ConstantWithWarmupScheduler("0.1dur", 0.7, "2ep"),
    LinearWithWarmupScheduler("300tok", 1.0, 0.1, "2000tok"),
    CosineAnnealingWithWarmupScheduler("1ep"),
    PolynomialWithWarmupScheduler("5ba", 0.9),
]
assert len({type(schedule) for schedule in SCHEDULES}) == 13

each_schedule = pytest.mark.parametrize(
    "schedule", SCHEDULES, ids=[type(schedule).__name__ for schedule in SCHEDULES]
)


def parameter(size: int = 3) -> Parameter:
    return Parameter(torch.linspace(-1.0, 1.0, size))


def sgd(*lrs: Any) -> torch.optim.SGD:
    groups = [{"params": [parameter()], "lr": lr} for lr in lrs]
    return torch.optim.SGD(groups, lr=0.5, momentum=0.9)


def named(**lrs: Any) -> torch.optim.SGD:
    groups = [{"params": [parameter()], "lr": lr, "name": name} for name, lr in lrs.items()]
    return torch.optim.SGD(groups, lr=0.5, momentum=0.9, weight_decay=0.1)


def adamw(*lrs: Any) -> AdamW:
    return AdamW([{"params": [parameter()], "lr": lr} for lr in lrs], lr=0.5)


def train_step(optimizer: Optimizer, batch: int) -> None:
    """A real step, whose gradient depends on the batch and the parameters."""
    optimizer.zero_grad()
    loss = torch.zeros(())
    for group in optimizer.param_groups:
        for weights in group["params"]:
            loss = loss + (weights * (1 + batch % 5)).sin().sum()
    loss.backward()
    optimizer.step()


def tick(clock: Clock, k: int) -> None:
    """Batch k: every one has another size, and every fifth ends an epoch."""
    clock.tick(samples=1 + k % 4, tokens=1 + 37 * k * k % 211, seconds=0.1 + k % 3)
    if k % 5 == 4:
        clock.next_epoch()


def field(optimizer: Optimizer, name: str) -> list[Any]:
    return [group[name] for group in optimizer.param_groups]


def lrs(optimizer: Optimizer) -> list[Any]:
    return field(optimizer, "lr")


def weights(optimizer: Optimizer) -> list[Tensor]:
    return [p.detach().clone() for group in optimizer.param_groups for p in group["params"]]


def settings(optimizer: Optimizer) -> list[dict[str, Any]]:
    """All that a scheduler might change in the groups."""
    return [
        {key: copy.copy(value) for key, value in group.items() if key != "params"}
        for group in optimizer.param_groups
    ]


def through_a_file(state: Any) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file)


def failing_at_3(error: Exception) -> Callable[[State], float]:
    done: list[bool] = []

    def function(state: State) -> float:
        if state.timestamp.batch == 3 and not done:
            done.append(True)
            raise error
        return 1 / (1 + state.timestamp.batch.value)

    return function
