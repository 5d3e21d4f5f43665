"""Drives the learning rates of a PyTorch optimizer with a schedule.

`bind(schedule, optimizer, run)` gives a scheduler like PyTorch's own: in the loop,
`optimizer.step()` is followed by `scheduler.step()`. With a `Clock`, `clock.tick()` goes between.
`scale_scheduler(scheduler, ratio)` applies the scale schedule ratio to PyTorch's own schedulers.
"""

from epochal.torch._lr import EpochalLR, bind
from epochal.torch._ssr import scale_scheduler

__all__ = ["EpochalLR", "bind", "scale_scheduler"]
