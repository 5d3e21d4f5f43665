"""What an optimizer really does: its learning rates at each of its steps, and what is warned of."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from epochal import Run, Schedule
from torch.optim import Optimizer

# Whose warnings say that a schedule is not followed.
OURS = ("epochal", "torch.optim")


class Steps:
    """The learning rates of each group at each real step of an optimizer, whoever makes it."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.rates: list[list[float]] = []
        optimizer.register_step_pre_hook(self._note)

    def _note(self, optimizer: Optimizer, args: object, kwargs: object) -> None:
        self.rates.append([float(group["lr"]) for group in optimizer.param_groups])

    @property
    def first(self) -> list[float]:
        """The rates of the first group."""
        return [rates[0] for rates in self.rates]


def rates(schedule: Schedule, run: Run | str, base: float, steps: int) -> list[float]:
    """What the rates must be, to the bit: base × α(k)."""
    curve = schedule.resolve(Run(run) if isinstance(run, str) else run)
    return [base * curve.at_batch(k) for k in range(steps)]


@contextmanager
def watched() -> Iterator[list[str]]:
    """The warnings of epochal and of torch's schedulers; those of others go their way."""
    messages: list[str] = []
    real = warnings.warn

    def warn(message: Any, *args: Any, **others: Any) -> None:
        if str(sys._getframe(1).f_globals["__name__"]).startswith(OURS):
            messages.append(str(message))
        else:
            real(message, *args, **others)

    warnings.warn = warn
    try:
        yield messages
    finally:
        warnings.warn = real
