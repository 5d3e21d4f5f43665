"""Hydra: schedules are built from configurations, where a list is a ListConfig."""

from typing import Any

import hydra
import pytest
from epochal import (
    CosineAnnealingScheduler,
    LinearScheduler,
    MultiStepScheduler,
    PiecewiseScheduler,
    Run,
    Trainer,
)
from frameworks import page, toys
from frameworks.steps import Steps, rates
from omegaconf import ListConfig, OmegaConf

LR, STEPS = 0.1, 12

CONFIG = """
duration: 12ba
optimizer:
  _target_: torch.optim.SGD
  lr: 0.1
schedule:
  _target_: epochal.MultiStepWithWarmupScheduler
  t_warmup: 3ba
  milestones: [0.5dur, 9ba]
  gamma: 0.3
"""


def test_rates() -> None:
    model = toys.model()
    names = page.run("Hydra, a configuration", config=OmegaConf.create(CONFIG), model=model)
    steps = Steps(names["optimizer"])
    for _ in range(STEPS):
        names["optimizer"].step()
        names["scheduler"].step()
    assert len({*steps.first}) > 4
    assert steps.first == rates(names["schedule"], f"{STEPS}ba", LR, STEPS)


@pytest.mark.parametrize("convert", ["none", "partial", "all"])
def test_lists_of_times(convert: str) -> None:
    config = OmegaConf.create(
        {"_target_": "epochal.MultiStepScheduler", "milestones": ["2ba", "5ba"]}
    )
    made = hydra.utils.instantiate(config, _convert_=convert)
    assert made == MultiStepScheduler(["2ba", "5ba"])


def test_lists_of_points_and_shapes() -> None:
    config = """
    _target_: epochal.PiecewiseScheduler
    points: [[0ba, 0.1], [5ba, 1.0], [9ba, 0.0]]
    shape: [linear, cosine]
    """
    made = hydra.utils.instantiate(OmegaConf.create(config))
    points = [("0ba", 0.1), ("5ba", 1.0), ("9ba", 0.0)]
    assert made == PiecewiseScheduler(points, shape=["linear", "cosine"])


def test_list_of_schedules() -> None:
    """The Trainer multiplies them, as Composer documents; the list may be Hydra's."""
    schedules: Any = hydra.utils.instantiate(
        OmegaConf.create(
            [
                {"_target_": "epochal.LinearScheduler"},
                {"_target_": "epochal.CosineAnnealingScheduler"},
            ]
        )
    )
    assert isinstance(schedules, ListConfig)
    model = toys.model()
    optimizer = hydra.utils.instantiate(
        OmegaConf.create(CONFIG).optimizer, params=model.parameters()
    )
    steps = Steps(optimizer)
    Trainer(
        model=model,
        train_dataloader=toys.loader(),
        optimizers=optimizer,
        max_duration=f"{STEPS}ba",
        schedulers=schedules,
        loss_fn=toys.loss,
        progress_bar=False,
    ).fit()
    product = LinearScheduler() * CosineAnnealingScheduler()
    assert steps.first == rates(product, Run(f"{STEPS}ba"), LR, STEPS)
