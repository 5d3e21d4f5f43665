"""torchtitan: its container makes a LambdaLR for each optimizer, from one function of the step."""

import sys
from typing import Any

import torch
from epochal import Schedule, WSDScheduler
from frameworks import page, toys
from frameworks.steps import Steps, rates, watched
from torchtitan.components.optimizer import OptimizersContainer, ParamGroupConfig
from torchtitan.components.optimizer.lr_scheduler import LRSchedulersContainer

LR, STEPS, STOP = 0.1, 12, 5


def made() -> tuple[Any, Any, Schedule, list[Steps]]:
    """Optimizers of two kinds, as its trainer makes them, and their schedulers."""
    groups = [
        ParamGroupConfig(pattern="weight", optimizer_name="AdamW", optimizer_kwargs={"lr": LR}),
        ParamGroupConfig(pattern="bias", optimizer_name="Adam", optimizer_kwargs={"lr": LR / 10}),
    ]
    config = OptimizersContainer.Config(param_groups=groups, implementation="for-loop")
    optimizers = config.build(model_parts=[toys.model()])
    steps = [Steps(optimizer) for optimizer in optimizers]
    names = page.run("torchtitan, its container", optimizers=optimizers, steps=STEPS)
    return optimizers, names["lr_schedulers"], names["schedule"], steps


def train(optimizers: Any, schedulers: Any, steps: int) -> None:
    for _ in range(steps):
        for model in optimizers.model_parts:
            for parameter in model.parameters():
                parameter.grad = torch.ones_like(parameter)
        optimizers.step()
        schedulers.step()


def test_rates() -> None:
    optimizers, schedulers, schedule, steps = made()
    train(optimizers, schedulers, STEPS)
    for lr, seen in zip((LR, LR / 10), steps, strict=True):
        assert seen.first == rates(schedule, f"{STEPS}ba", lr, STEPS)


def test_its_own_schedule() -> None:
    """As the page says it, to an ulp of 1: torchtitan subtracts its progress from 1."""
    optimizers, _, _, _ = made()
    config = LRSchedulersContainer.Config(warmup_steps=8, decay_ratio=48 / 97)
    own = config.build(optimizers=optimizers, training_steps=97)
    schedule = WSDScheduler("8ba", t_decay="48ba", t_max="98ba").advance("1ba")
    (group,) = optimizers.optimizers[0].param_groups
    for rate in rates(schedule, "97ba", group["initial_lr"], 97):
        assert abs(group["lr"] - rate) <= group["initial_lr"] * sys.float_info.epsilon
        optimizers.step()
        own.step()


def test_resume() -> None:
    optimizers, schedulers, schedule, first = made()
    train(optimizers, schedulers, STOP)
    states = optimizers.state_dict(), schedulers.state_dict()
    optimizers, schedulers, schedule, then = made()
    optimizers.load_state_dict(states[0])
    with watched() as messages:
        schedulers.load_state_dict(states[1])
    # It reads the rates in a way that PyTorch advises against.
    assert all("get_last_lr()" in message for message in messages)
    for seen in then:
        seen.rates.clear()  # the step that it makes to load, with a rate of 0
    train(optimizers, schedulers, STEPS - STOP)
    for lr, before, after in zip((LR, LR / 10), first, then, strict=True):
        assert before.first + after.first == rates(schedule, f"{STEPS}ba", lr, STEPS)
