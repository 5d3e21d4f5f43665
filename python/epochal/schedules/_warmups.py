"""Composer's schedules with a warmup: thin constructors of `after_warmup`."""

from __future__ import annotations

from epochal import _core
from epochal._core import Schedule, Time
from epochal.schedules._tails import (
    ConstantScheduler,
    CosineAnnealingScheduler,
    LinearScheduler,
    MultiStepScheduler,
    PolynomialScheduler,
)

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Self

    from epochal._types import Number, Shape, TimeLike

__all__ = [
    "ConstantWithWarmupScheduler",
    "CosineAnnealingWithWarmupScheduler",
    "LinearWithWarmupScheduler",
    "MultiStepWithWarmupScheduler",
    "PolynomialWithWarmupScheduler",
]


class MultiStepWithWarmupScheduler(Schedule):
    """A warmup, then a factor gamma at each milestone.

        α(t) = along the shape from warmup_start * top to top    while t < w
        α(t) = gamma ^ (number of milestones m with t >= m)      from w on

    Milestones count from the start of training, not from the end of the warmup.

    Args:
        t_warmup: w, 0 or above. It may be on a clock of its own.
        milestones: times, 0 or above, in any order; each may be on a clock of its own.
        gamma: the factor of one step, 0 or above. Default 0.1.
        scale_warmup: whether a scale schedule ratio multiplies w too. Default False.
        warmup_start: the initial factor, as a part of the top, 0 or above. Default 0.0.
        warmup_shape: the shape of the warmup. Default "linear".

    α(0) is warmup_start times the top, and α is constant after the last milestone.

    >>> schedule = MultiStepWithWarmupScheduler("4ba", ["10ba", "16ba"], gamma=0.5)
    >>> curve = schedule.resolve(Run("20ba"))
    >>> curve(0), curve(2), curve(4), curve(10), curve(99)
    (0.0, 0.5, 1.0, 0.5, 0.25)
    """

    __slots__ = ()
    t_warmup: Time
    milestones: tuple[Time, ...]
    gamma: float
    scale_warmup: bool
    warmup_start: float
    warmup_shape: Shape

    def __new__(
        cls,
        t_warmup: TimeLike,
        milestones: Iterable[TimeLike],
        gamma: Number = 0.1,
        scale_warmup: bool = False,
        *,
        warmup_start: Number = 0.0,
        warmup_shape: Shape = "linear",
    ) -> Self:
        tail = MultiStepScheduler(milestones, gamma)
        tree = warm(tail, t_warmup, scale_warmup, warmup_start, warmup_shape)
        return super().__new__(cls, tree)


class ConstantWithWarmupScheduler(Schedule):
    """A warmup, then a constant factor until `t_max`.

        α(t) = along the shape from warmup_start * top to top    while t < w
        α(t) = alpha                                             while t < T
        α(t) = 1                                                 from T on

    Args:
        t_warmup: w, 0 or above, not longer than T. It may be on a clock of its own.
        alpha: the factor, 0 or above. Default 1.0.
        t_max: T, above zero. Default "1dur".
        scale_warmup: whether a scale schedule ratio multiplies w too. Default False.
        warmup_start: the initial factor, as a part of the top, 0 or above. Default 0.0.
        warmup_shape: the shape of the warmup. Default "linear".

    α(0) is warmup_start times the top. `resolve` raises `ScheduleError` if w > T.

    >>> schedule = ConstantWithWarmupScheduler("4ba", alpha=0.5, t_max="10ba")
    >>> curve = schedule.resolve(Run("20ba"))
    >>> curve(0), curve(2), curve(4), curve(10), curve(99)
    (0.0, 0.25, 0.5, 1.0, 1.0)
    """

    __slots__ = ()
    t_warmup: Time
    alpha: float
    t_max: Time
    scale_warmup: bool
    warmup_start: float
    warmup_shape: Shape

    def __new__(
        cls,
        t_warmup: TimeLike,
        alpha: Number = 1.0,
        t_max: TimeLike = "1dur",
        scale_warmup: bool = False,
        *,
        warmup_start: Number = 0.0,
        warmup_shape: Shape = "linear",
    ) -> Self:
        tail = ConstantScheduler(alpha, t_max)
        tree = warm(tail, t_warmup, scale_warmup, warmup_start, warmup_shape)
        return super().__new__(cls, tree)


class LinearWithWarmupScheduler(Schedule):
    """A warmup to `alpha_i`, then a straight line to `alpha_f`.

        α(t) = along the shape from warmup_start * top to top    while t < w
        α(t) = alpha_f + (alpha_i - alpha_f) * u                 from w on

    Args:
        t_warmup: w, 0 or above, not longer than T. If it is on another clock than T, the rates of
            the run convert it.
        alpha_i: the factor after the warmup, 0 or above. Default 1.0.
        alpha_f: the final factor, 0 or above. Default 0.0.
        t_max: T, the end of the line, above zero. Default "1dur".
        scale_warmup: whether a scale schedule ratio multiplies w too. Default False.
        warmup_start: the initial factor, as a part of the top, 0 or above. Default 0.0.
        warmup_shape: the shape of the warmup. Default "linear".

    α(0) is warmup_start times the top; from T on α is alpha_f. `resolve` raises `ScheduleError`
    if w > T.

    >>> curve = LinearWithWarmupScheduler("4ba").resolve(Run("12ba"))
    >>> curve(0), curve(2), curve(4), curve(8), curve(12), curve(99)
    (0.0, 0.5, 1.0, 0.5, 0.0, 0.0)
    """

    __slots__ = ()
    t_warmup: Time
    alpha_i: float
    alpha_f: float
    t_max: Time
    scale_warmup: bool
    warmup_start: float
    warmup_shape: Shape

    def __new__(
        cls,
        t_warmup: TimeLike,
        alpha_i: Number = 1.0,
        alpha_f: Number = 0.0,
        t_max: TimeLike = "1dur",
        scale_warmup: bool = False,
        *,
        warmup_start: Number = 0.0,
        warmup_shape: Shape = "linear",
    ) -> Self:
        tail = LinearScheduler(alpha_i, alpha_f, t_max)
        tree = warm(tail, t_warmup, scale_warmup, warmup_start, warmup_shape)
        return super().__new__(cls, tree)


class CosineAnnealingWithWarmupScheduler(Schedule):
    """A warmup to 1, then half a cosine to `alpha_f`.

        α(t) = along the shape from warmup_start * top to top    while t < w
        α(t) = alpha_f + (1 - alpha_f) * sin²(½πu)               from w on

    Args:
        t_warmup: w, 0 or above, not longer than T. If it is on another clock than T, the rates of
            the run convert it.
        t_max: T, the end of the decay, above zero. Default "1dur".
        alpha_f: the final factor, 0 or above. Default 0.0.
        scale_warmup: whether a scale schedule ratio multiplies w too. Default False.
        warmup_start: the initial factor, as a part of the top, 0 or above. Default 0.0.
        warmup_shape: the shape of the warmup. Default "linear".

    α(0) is warmup_start times the top; from T on α is alpha_f. `resolve` raises `ScheduleError`
    if w > T.

    >>> curve = CosineAnnealingWithWarmupScheduler("4ba").resolve(Run("16ba"))
    >>> [round(curve(t), 6) for t in (0, 2, 4, 8, 12, 16, 99)]
    [0.0, 0.5, 1.0, 0.75, 0.25, 0.0, 0.0]
    """

    __slots__ = ()
    t_warmup: Time
    t_max: Time
    alpha_f: float
    scale_warmup: bool
    warmup_start: float
    warmup_shape: Shape

    def __new__(
        cls,
        t_warmup: TimeLike,
        t_max: TimeLike = "1dur",
        alpha_f: Number = 0.0,
        scale_warmup: bool = False,
        *,
        warmup_start: Number = 0.0,
        warmup_shape: Shape = "linear",
    ) -> Self:
        tail = CosineAnnealingScheduler(t_max, alpha_f)
        tree = warm(tail, t_warmup, scale_warmup, warmup_start, warmup_shape)
        return super().__new__(cls, tree)


class PolynomialWithWarmupScheduler(Schedule):
    """A warmup to 1, then a power of the remaining part, down to `alpha_f`.

        α(t) = along the shape from warmup_start * top to top    while t < w
        α(t) = alpha_f + (1 - alpha_f) * u^power                 from w on

    Args:
        t_warmup: w, 0 or above, not longer than T. If it is on another clock than T, the rates of
            the run convert it.
        power: the exponent, above zero. Default 2.0.
        t_max: T, the end of the decay, above zero. Default "1dur".
        alpha_f: the final factor, 0 or above. Default 0.0.
        scale_warmup: whether a scale schedule ratio multiplies w too. Default False.
        warmup_start: the initial factor, as a part of the top, 0 or above. Default 0.0.
        warmup_shape: the shape of the warmup. Default "linear".

    α(0) is warmup_start times the top; from T on α is alpha_f. `resolve` raises `ScheduleError`
    if w > T.

    >>> curve = PolynomialWithWarmupScheduler("4ba").resolve(Run("12ba"))
    >>> curve(0), curve(2), curve(4), curve(8), curve(12), curve(99)
    (0.0, 0.5, 1.0, 0.25, 0.0, 0.0)
    """

    __slots__ = ()
    t_warmup: Time
    power: float
    t_max: Time
    alpha_f: float
    scale_warmup: bool
    warmup_start: float
    warmup_shape: Shape

    def __new__(
        cls,
        t_warmup: TimeLike,
        power: Number = 2.0,
        t_max: TimeLike = "1dur",
        alpha_f: Number = 0.0,
        scale_warmup: bool = False,
        *,
        warmup_start: Number = 0.0,
        warmup_shape: Shape = "linear",
    ) -> Self:
        tail = PolynomialScheduler(power, t_max, alpha_f)
        tree = warm(tail, t_warmup, scale_warmup, warmup_start, warmup_shape)
        return super().__new__(cls, tree)


def warm(
    schedule: Any,
    t_warmup: TimeLike,
    scale_warmup: bool,
    warmup_start: Number,
    warmup_shape: Shape,
    name: str | None = None,
    arguments: dict[str, Any] | None = None,
) -> Schedule:
    """A schedule after a warmup, under a name and arguments of its own: by default, the name and
    the arguments of the schedule, with "WithWarmup" after the name."""
    names = ["of", "t_warmup", "warmup_start", "warmup_shape", "scale_warmup"]
    given = [schedule, t_warmup, warmup_start, warmup_shape, scale_warmup]
    tree = _core.build("after_warmup", given, names)
    all_arguments = {
        "t_warmup": tree.t_warmup,
        **(_core.arguments(schedule) if arguments is None else arguments),
        "scale_warmup": tree.scale,
        "warmup_start": tree.start,
        "warmup_shape": tree.shape,
    }
    if name is None:
        name = type(schedule).__name__.removesuffix("Scheduler") + "WithWarmup"
    return _core.named(tree, name, all_arguments, {"warmup_start": 0.0, "warmup_shape": "linear"})
