"""A training in which something may be wrong."""

from epochal import Clock, CosineAnnealingScheduler, Run
from epochal.torch import bind
from optimizers import sgd, train_step
from torch.optim import Optimizer

RUN = Run("9ep", batches_per_epoch=100)


class Trained:
    """An optimizer with a schedule, and a clock of its own if that is wanted."""

    def __init__(self, with_clock: bool = False, optimizer: Optimizer | None = None) -> None:
        self.optimizer = optimizer or sgd(1.0, 0.5)
        self.clock = Clock(RUN) if with_clock else None
        self.scheduler = bind(CosineAnnealingScheduler(), self.optimizer, self.clock or RUN)
        self.batch = 0

    def step(self) -> None:
        """The optimizer's step, and the clock's tick; epochs end."""
        train_step(self.optimizer, self.batch)
        self.batch += 1
        if self.clock is not None:
            self.clock.tick()
            if self.batch % 100 == 0:
                self.clock.next_epoch()
