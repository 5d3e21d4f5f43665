"""Composer's own Trainer: it steps schedules every batch, and bound ones every epoch by default."""

from typing import Any

import composer
import pytest
import torch
from epochal import (
    CosineAnnealingWithWarmupScheduler,
    LinearScheduler,
    MultiStepWithWarmupScheduler,
    PolynomialScheduler,
    Run,
    Schedule,
    WSDScheduler,
)
from frameworks import page, toys
from frameworks.steps import Steps, rates

LR, BATCHES = 0.1, 12
SCHEDULES: list[Schedule] = [
    LinearScheduler(alpha_f=0.1),
    CosineAnnealingWithWarmupScheduler("0.1dur"),
    MultiStepWithWarmupScheduler("4ba", ["0.5dur", "2ep"], scale_warmup=True),
    WSDScheduler("3ba", t_decay="0.3dur", decay_shape="1-sqrt"),
    PolynomialScheduler(2.0, "1ep") * LinearScheduler() + 0.1,
]


class Model(composer.ComposerModel):
    def __init__(self) -> None:
        super().__init__()
        self.layer = toys.model()

    def forward(self, batch: Any) -> torch.Tensor:
        return self.layer(batch[0])  # type: ignore[no-any-return]

    def loss(self, outputs: torch.Tensor, batch: Any) -> torch.Tensor:
        return toys.loss(outputs, batch[1])


def trained(heading: str, schedule: Schedule, ratio: float, duration: str) -> list[float]:
    """The learning rates that the optimizer has stepped with."""
    model = Model()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    steps = Steps(optimizer)
    page.run(
        heading,
        schedule=schedule,
        ratio=ratio,
        duration=duration,
        model=model,
        optimizer=optimizer,
        loader=toys.loader(),
        settings={"device": "cpu", "progress_bar": False},
    )
    return steps.first


@pytest.mark.parametrize("ratio", [1.0, 0.5])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
class TestSchedules:
    def expected(self, schedule: Schedule, ratio: float) -> list[float]:
        run = Run("4ep", batches_per_epoch=BATCHES, scale_schedule_ratio=ratio)
        return rates(schedule, run, LR, run.batches)

    def test_unbound(self, schedule: Schedule, ratio: float) -> None:
        """Each batch has the rate of the one before it: so it is with Composer's own schedules."""
        exact = self.expected(schedule, ratio)
        late = [exact[0], *exact[:-1]]
        assert trained("Composer, a schedule", schedule, ratio, "4ep") == late

    def test_bound(self, schedule: Schedule, ratio: float) -> None:
        done = trained("Composer, a bound one", schedule, ratio, "4ep")
        assert done == self.expected(schedule, ratio)
