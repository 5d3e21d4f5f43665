"""What a clock that follows an optimizer takes for a step of it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint.state_dict
from epochal import Clock, EpochalError, LinearScheduler, Run
from epochal.torch import bind
from torch.optim import SGD, AdamW, Optimizer


def optimizer(kind: type[Optimizer], lr: float) -> Any:
    weights = torch.nn.Parameter(torch.ones(2))
    return kind([weights], lr=lr)  # type: ignore[call-arg]  # as all optimizers take it


def following(stepping: Optimizer) -> Clock:
    clock = Clock(Run("10ba"))
    clock.follow(stepping)
    return clock


class Own(SGD):
    """Its hooks and those of its superclass are called."""

    def step(self, closure: Any = None) -> Any:
        return super().step(closure)


@pytest.mark.parametrize("kind", [SGD, AdamW, Own])
def test_a_warmup_from_0_with_a_closure(kind: type[Optimizer]) -> None:
    """Lightning steps so: forward and backward are made within the step."""
    optimizer(SGD, 0.1)  # only now are the hooks of SGD itself called
    stepping = optimizer(kind, 0.0)
    clock = following(stepping)

    def closure() -> torch.Tensor:
        stepping.zero_grad()
        loss: torch.Tensor = stepping.param_groups[0]["params"][0].square().sum()
        loss.backward()
        return loss

    for done in range(1, 4):
        stepping.step(closure=closure)
        assert clock.timestamp.batch == done


@pytest.mark.parametrize("kind", [SGD, AdamW, Own])
def test_a_warmup_from_0_without_gradients(kind: type[Optimizer]) -> None:
    """So it is on a rank whose part of the parameters has none, while others tick."""
    optimizer(SGD, 0.1)
    stepping = optimizer(kind, 0.0)
    clock = following(stepping)
    stepping.step()
    assert clock.timestamp.batch == 1


@pytest.mark.parametrize("kind", [SGD, AdamW, Own])
def test_the_step_that_sets_up_a_state(kind: type[Optimizer]) -> None:
    optimizer(SGD, 0.1)
    model = torch.nn.Linear(2, 1)
    stepping: Any = kind(model.parameters(), lr=0.1)  # type: ignore[call-arg]
    clock = following(stepping)
    torch.distributed.checkpoint.state_dict.get_state_dict(model, stepping)
    assert clock.timestamp.batch == 0
    model(torch.ones(1, 2)).sum().backward()
    stepping.step()
    assert clock.timestamp.batch == 1


def group_by_group(stepping: Any) -> None:
    """As stages 1 and 2 of ZeRO step."""
    groups = stepping.param_groups
    for group in groups:
        stepping.param_groups = [group]
        stepping.step()
    stepping.param_groups = groups


def with_the_others_empty(stepping: Any) -> None:
    """As stage 3 does."""
    everything = [group["params"] for group in stepping.param_groups]
    for part in range(len(everything)):
        for i, group in enumerate(stepping.param_groups):
            group["params"] = everything[i] if i == part else []
        stepping.step()
    for group, parameters in zip(stepping.param_groups, everything, strict=True):
        group["params"] = parameters


@pytest.mark.parametrize("step_all", [group_by_group, with_the_others_empty])
@pytest.mark.parametrize("count", [2, 3])
def test_steps_of_parts(step_all: Callable[[Any], None], count: int) -> None:
    """They are refused by a clock that follows, and watched by no guard: how many make a step?"""

    def make() -> Any:
        return SGD([{"params": [torch.nn.Parameter(torch.ones(2))]} for _ in range(count)], lr=0.1)

    stepping = make()
    following(stepping)

    def step_twice() -> None:
        step_all(stepping)
        step_all(stepping)

    with pytest.raises(EpochalError, match="one part of the parameters after the other"):
        step_twice()
    stepping = make()
    scheduler = bind(LinearScheduler(), stepping, "20ba")
    for _ in range(20):
        step_all(stepping)
        scheduler.step()
    assert scheduler.last_epoch == 20


def test_groups_that_come_and_go() -> None:
    stepping = optimizer(SGD, 0.1)
    clock = following(stepping)
    stepping.step()
    stepping.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))]})
    stepping.step()
    del stepping.param_groups[0]
    for _ in range(3):
        stepping.step()
    assert clock.timestamp.batch == 5


class Told(Optimizer):
    """Is told to skip a step, as fused optimizers are."""

    found_inf: Any = None

    def __init__(self) -> None:
        super().__init__([torch.nn.Parameter(torch.ones(2))], {"lr": 0.1})

    def step(self, closure: Any = None) -> Any:
        return None


def test_a_guard_does_not_ask_the_device() -> None:
    """Whether a fused optimizer skips its step only the device knows."""

    class Unasked:
        def __bool__(self) -> bool:
            raise AssertionError

    stepping = Told()
    scheduler = bind(LinearScheduler(), stepping, "9ba")
    stepping.found_inf = Unasked()
    for _ in range(5):
        stepping.step()
        scheduler.step()


@pytest.mark.parametrize("skipped", [{0}, {2}, {0, 1, 5}])
def test_a_clock_that_does_not_move_with_a_step_that_is_skipped(skipped: set[int]) -> None:
    """It follows the optimizer, so there is nothing to warn of."""
    stepping = Told()
    clock = following(stepping)
    scheduler = bind(LinearScheduler(), stepping, clock)
    for batch in range(8):
        stepping.found_inf = torch.tensor(float(batch in skipped))
        stepping.step()
        scheduler.step()
    assert clock.timestamp.batch == 8 - len(skipped)
