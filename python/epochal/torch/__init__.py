"""Drives the learning rates of a PyTorch optimizer with a schedule.

`bind(schedule, optimizer, run)` gives a scheduler like PyTorch's own: in the loop,
`optimizer.step()` is followed by `scheduler.step()`. With a `Clock`, `clock.tick()` goes between.
`Plateau` cuts the rates beside a schedule; `lr_lambda(schedule, run)` is for those who make a
`LambdaLR` of their own. `scale_scheduler(scheduler, ratio)` applies the scale schedule ratio to
PyTorch's own schedulers.
"""

from epochal.torch._bind import bind, lr_lambda
from epochal.torch._lr import EpochalLR
from epochal.torch._plateau import Plateau
from epochal.torch._ssr import scale_scheduler

__all__ = ["EpochalLR", "Plateau", "bind", "lr_lambda", "scale_scheduler"]
