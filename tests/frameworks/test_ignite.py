"""Ignite: a scheduler is stepped by what is attached to its events, or written by its wrapper."""

from typing import Any

import pytest
import torch
from epochal import Run
from frameworks import page, toys
from frameworks.steps import Steps, rates
from ignite.engine import create_supervised_trainer

LR, EPOCHS, BATCHES = 0.1, 2, 12
STEPS = EPOCHS * BATCHES


def trained(heading: str) -> tuple[dict[str, Any], Steps]:
    model = toys.model()
    groups: list[dict[str, Any]] = [
        {"params": [model.weight], "lr": LR},
        {"params": [model.bias], "lr": LR / 10},
    ]
    optimizer = torch.optim.AdamW(groups)
    steps = Steps(optimizer)
    names = page.run(
        heading,
        optimizer=optimizer,
        trainer=create_supervised_trainer(model, optimizer, toys.loss),
        loader=toys.loader(),
        epochs=EPOCHS,
    )
    return names, steps


@pytest.mark.parametrize("heading", ["Ignite, an event", "Ignite, its LRScheduler"])
def test_rates(heading: str) -> None:
    names, steps = trained(heading)
    expected = [rates(names["schedule"], f"{STEPS}ba", lr, STEPS) for lr in (LR, LR / 10)]
    assert steps.rates == [list(pair) for pair in zip(*expected, strict=True)]


def test_tokens() -> None:
    names, steps = trained("Ignite, tokens")
    run = Run("2Ktok", tokens_per_batch=16)
    assert steps.first == rates(names["schedule"], run, LR, STEPS)
    now = names["clock"].timestamp
    assert (now.epoch, now.batch, now.token) == (EPOCHS, STEPS, 16 * STEPS)
