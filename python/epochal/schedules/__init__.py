"""Schedules with Composer's names and arguments, and others that people look for.

Each gives a multiplier α(t); the learning rate is the optimizer's base rate times α. In all
formulas t is the training time on the clock of the schedule's main time, s is the start of its
phase (0, the end of the warmup before it, or the moment of `until`), T is `t_max`, and

    u = (T - t) / (T - s), clipped to [0, 1]

is the remaining part of a decay. If T = s the decay is empty and u stays 1. Moments (`t_max`,
milestones, points) count from the start of the run; lengths (`step_size`, `decay_period`, `t_0`,
`t_scale`, `t_warmup`) from s.

A time is a `Time` or a string with a unit: `ep`, `ba`, `sp`, `tok`, `iter`, `sec`, or `dur`, a
fraction of the scaled run. A scale schedule ratio multiplies every time that is not a `dur`, but a
warmup only with `scale_warmup=True`. Numbers are finite and not negative. Arguments are checked
at construction: a value out of range raises `ScheduleError`, a wrong type `TypeError`, and text
that is not a time `TimeParseError`. Checks that depend on the run are made by `resolve`.

A *shape* is the path between two values: x runs from 0 at the lower value to 1 at the higher one,
and α = low + (high - low) * f(x).

    "linear"       x                      "rex"          x / (1/2 + x/2)
    "cosine"       sin²(½πx)              "exponential"  2^x - 1
    "sqrt"         √x                     "geometric"    α = low * (high / low)^x
    "1-sqrt"       1 - √(1 - x)           "step"         the earlier value until the later one
    "square"       x²

A fall is therefore the mirror image of a rise.

The formulas are those of https://docs.mosaicml.com/projects/composer, module
composer.optim.scheduler; docs/migration.md lists the differences.
"""

from epochal.schedules import _composed, _tails, _warmups
from epochal.schedules._composed import *
from epochal.schedules._tails import *
from epochal.schedules._warmups import *
from epochal.schedules._words import answer_peers

__all__: list[str] = []
__all__ += _tails.__all__
__all__ += _warmups.__all__
__all__ += _composed.__all__

for _name in __all__:
    answer_peers(globals()[_name])
