"""Schedules under Composer's names and arguments, and those that people look for.

Each gives a multiplier α(t); the learning rate is the optimizer's base rate times α. In all of
them t is the training time on the clock of the schedule's main time, s is where its phase begins
(0; the end of a warmup before it; the moment of `until`), T is `t_max`, and

    u = (T - t) / (T - s), clipped to [0, 1]

is the part of a decay that remains. If T = s the decay is empty and u stays 1. Moments (`t_max`,
milestones, points) count from the start of the run; lengths (`step_size`, `decay_period`, `t_0`,
`t_scale`, `t_warmup`) from s.

Times are a `Time` or a string with a unit: `ep`, `ba`, `sp`, `tok`, `iter`, `sec`, or `dur`, a
fraction of the scaled run. A scale schedule ratio multiplies every time that is not `dur`, but a
warmup only with `scale_warmup=True`. Numbers are finite and not negative. Arguments are checked
at construction: a value out of range raises `ScheduleError`, a wrong type `TypeError`, and text
that is not a time `TimeParseError`. `resolve` checks what depends on the run.

A *shape* is the way between two values: x runs from 0 at the lower value to 1 at the higher one,
and α = low + (high - low) * f(x).

    "linear"       x                      "rex"          x / (1/2 + x/2)
    "cosine"       sin²(½πx)              "exponential"  2^x - 1
    "sqrt"         √x                     "geometric"    α = low * (high / low)^x
    "1-sqrt"       1 - √(1 - x)           "step"         the earlier value until the later one
    "square"       x²

So a fall is the mirror image of a rise.

Formulas: https://docs.mosaicml.com/projects/composer, module composer.optim.scheduler; the README
says where they differ.
"""

from epochal.schedules import _composed, _tails
from epochal.schedules._composed import *
from epochal.schedules._tails import *
from epochal.schedules._words import answer_peers

__all__ = ["answer_peers"]
__all__ += _composed.__all__
__all__ += _tails.__all__

for _name in __all__:
    answer_peers(globals()[_name])
