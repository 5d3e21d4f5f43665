"""Where epochal's Trainer differs from Composer's on purpose: a test for each row about it.

Each comment says what Composer gives for the same arguments.
"""

import torch
from epochal import LinearScheduler, StepScheduler
from epochal.torch import scale_scheduler
from torch.nn import Parameter
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts, StepLR
from training import BATCHES, History, make_trainer, model


def test_no_lag() -> None:
    history = History()
    make_trainer(schedulers=LinearScheduler(), max_duration="4ba", callbacks=history).fit()
    # Composer: 0.5, 0.5, 0.375, 0.25.
    assert history.rates == [0.5, 0.375, 0.25, 0.125]


def test_several_schedules_multiply() -> None:
    history = History()
    schedules = [StepScheduler("2ba", gamma=0.5), LinearScheduler()]
    make_trainer(schedulers=schedules, max_duration="4ba", callbacks=history).fit()
    # Composer: the last one alone.
    assert history.rates == [0.5, 0.375, 0.125, 0.0625]


def test_each_kind_by_its_own_default() -> None:
    parts = model()
    first = torch.optim.SGD(parts[0].parameters(), lr=1.0)
    second = torch.optim.SGD(parts[3].parameters(), lr=1.0)
    history = History()
    make_trainer(
        model=parts,
        optimizers=[first, second],
        schedulers=[LinearScheduler(), StepLR(second, step_size=1, gamma=0.5)],
        max_duration="2ep",
        callbacks=history,
    ).fit()
    # Composer: one PyTorch scheduler, and both change at the end of an epoch only.
    batches = 2 * BATCHES
    assert [rates for _, _, rates in history.rows] == [
        [(batches - k) / batches, 1.0 if k < BATCHES else 0.5] for k in range(batches)
    ]


def test_warm_restarts_of_pytorch_are_scaled() -> None:
    optimizer = torch.optim.SGD([Parameter(torch.zeros(1))], lr=1.0)
    scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=4)
    scale_scheduler(scheduler, 2.0)
    restarts = []
    for batch in range(20):
        if scheduler.get_last_lr() == [1.0]:
            restarts.append(batch)
        optimizer.step()
        scheduler.step()
    # Composer changes T_0, which no step looks at: 0, 4, 8, 12, 16.
    assert restarts == [0, 8, 16]
