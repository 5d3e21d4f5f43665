"""What a clock that follows an optimizer takes for a step of it."""

from typing import Any

import pytest
import torch
import torch.distributed.checkpoint.state_dict
from epochal import Clock, Run
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
