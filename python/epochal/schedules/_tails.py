"""Schedules that are one formula each."""

from __future__ import annotations

from epochal import _core
from epochal._core import Schedule, Time

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from epochal._types import Number, Shape, TimeLike


class StepScheduler(Schedule):
    """A decay by a factor gamma every `step_size`.

        α(t) = gamma ^ floor((t - s) / step_size)

    Args:
        step_size: the time between two steps, above zero.
        gamma: the factor of one step, 0 or above. Default 0.1.

    α(s) is 1, and the decay has no end. `resolve` raises `ScheduleError` if α overflows within the
    run.

    >>> curve = StepScheduler("30ep", gamma=0.5).resolve(Run("90ep", batches_per_epoch=10))
    >>> curve(299), curve(300), curve(600), curve(900)
    (1.0, 0.5, 0.25, 0.125)
    """

    __slots__ = ()
    step_size: Time
    gamma: float

    def __new__(cls, step_size: TimeLike, gamma: Number = 0.1) -> Self:
        return super().__new__(cls, _core.build("Step", [step_size, gamma]))


__all__ = [
    "ConstantScheduler",
    "CosineAnnealingScheduler",
    "CosineAnnealingWarmRestartsScheduler",
    "ExponentialScheduler",
    "InverseSquareRootScheduler",
    "LinearScheduler",
    "MultiStepScheduler",
    "PiecewiseScheduler",
    "PolynomialScheduler",
    "StepScheduler",
]


class MultiStepScheduler(Schedule):
    """A decay by a factor gamma at each milestone.

        α(t) = gamma ^ (number of milestones m with t >= m)

    Args:
        milestones: times, 0 or above, in any order; each may be on a clock of its own.
        gamma: the factor of one step, 0 or above. Default 0.1.

    α(0) is 1 unless a milestone is 0, and α is constant after the last milestone. Without
    milestones α is 1.

    >>> schedule = MultiStepScheduler(["10ep", "16ep"], gamma=0.5)
    >>> curve = schedule.resolve(Run("20ep", batches_per_epoch=1))
    >>> curve(9), curve(10), curve(16), curve(99)
    (1.0, 0.5, 0.25, 0.25)
    """

    __slots__ = ()
    milestones: tuple[Time, ...]
    gamma: float

    def __new__(cls, milestones: Iterable[TimeLike], gamma: Number = 0.1) -> Self:
        return super().__new__(cls, _core.build("MultiStep", [milestones, gamma]))


class ConstantScheduler(Schedule):
    """A constant factor until `t_max`.

        α(t) = alpha  while t < T
        α(t) = 1      from T on

    Args:
        alpha: the factor, 0 or above. Default 1.0.
        t_max: T, above zero. Default "1dur", the whole run.

    >>> curve = ConstantScheduler(alpha=0.5, t_max="10ba").resolve(Run("20ba"))
    >>> curve(0), curve(9), curve(10), curve(99)
    (0.5, 0.5, 1.0, 1.0)
    """

    __slots__ = ()
    alpha: float
    t_max: Time

    def __new__(cls, alpha: Number = 1.0, t_max: TimeLike = "1dur") -> Self:
        return super().__new__(cls, _core.build("Constant", [alpha, t_max]))


class LinearScheduler(Schedule):
    """A straight line from `alpha_i` to `alpha_f`.

        α(t) = alpha_f + (alpha_i - alpha_f) * u

    Args:
        alpha_i: the initial factor, 0 or above. Default 1.0.
        alpha_f: the final factor, 0 or above. Default 0.0.
        t_max: T, the end of the line, above zero. Default "1dur".

    α(s) is alpha_i, and α is alpha_f from T on.

    >>> curve = LinearScheduler(alpha_i=1.0, alpha_f=0.5).resolve(Run("10ba"))
    >>> curve(0), curve(5), curve(10), curve(99)
    (1.0, 0.75, 0.5, 0.5)
    """

    __slots__ = ()
    alpha_i: float
    alpha_f: float
    t_max: Time

    def __new__(
        cls, alpha_i: Number = 1.0, alpha_f: Number = 0.0, t_max: TimeLike = "1dur"
    ) -> Self:
        return super().__new__(cls, _core.build("Linear", [alpha_i, alpha_f, t_max]))


class ExponentialScheduler(Schedule):
    """A continuous decay by a factor gamma every `decay_period`.

        α(t) = gamma ^ ((t - s) / decay_period)

    Args:
        gamma: the factor of one period, 0 or above.
        decay_period: the period, above zero. Default "1ep".

    α(s) is 1, and the decay has no end. `resolve` raises `ScheduleError` if α overflows within the
    run.

    >>> curve = ExponentialScheduler(gamma=0.25, decay_period="10ba").resolve(Run("20ba"))
    >>> curve(0), curve(5), curve(10), curve(20)
    (1.0, 0.5, 0.25, 0.0625)
    """

    __slots__ = ()
    gamma: float
    decay_period: Time

    def __new__(cls, gamma: Number, decay_period: TimeLike = "1ep") -> Self:
        return super().__new__(cls, _core.build("Exponential", [gamma, decay_period]))


class CosineAnnealingScheduler(Schedule):
    """Half a cosine from 1 to `alpha_f`.

        α(t) = alpha_f + (1 - alpha_f) * sin²(½πu)

    which for s = 0 is alpha_f + (1 - alpha_f) * (1 + cos(πt/T)) / 2, in a form that stays exact
    near the end.

    Args:
        t_max: T, the end of the decay, above zero. Default "1dur".
        alpha_f: the final factor, 0 or above. Default 0.0.

    α(s) is 1, and α is alpha_f from T on.

    >>> curve = CosineAnnealingScheduler().resolve(Run("12ba"))
    >>> [round(curve(t), 6) for t in (0, 4, 8, 12, 99)]
    [1.0, 0.75, 0.25, 0.0, 0.0]
    """

    __slots__ = ()
    t_max: Time
    alpha_f: float

    def __new__(cls, t_max: TimeLike = "1dur", alpha_f: Number = 0.0) -> Self:
        return super().__new__(cls, _core.build("CosineAnnealing", [t_max, alpha_f]))


class CosineAnnealingWarmRestartsScheduler(Schedule):
    """Half a cosine from 1 to `alpha_f`, again and again.

        α(t) = alpha_f + (1 - alpha_f) * sin²(½πu)

    where u falls from 1 to 0 in each cycle. Cycle i, counted from 0, lasts t_0 * t_mult^i. A
    boundary belongs to the later of its two cycles, so α is 1 there.

    Args:
        t_0: the length of the first cycle, above zero.
        t_mult: the length of each cycle relative to the one before, 1 or above. Default 1.0.
        alpha_f: the factor at the end of each cycle, 0 or above. Default 0.0.

    α(s) is 1, and the cycles have no end.

    >>> schedule = CosineAnnealingWarmRestartsScheduler("10ba", t_mult=2)
    >>> curve = schedule.resolve(Run("70ba"))
    >>> [round(curve(t), 6) for t in (0, 5, 10, 20, 30, 70)]
    [1.0, 0.5, 1.0, 0.5, 1.0, 1.0]
    """

    __slots__ = ()
    t_0: Time
    t_mult: float
    alpha_f: float

    def __new__(cls, t_0: TimeLike, t_mult: Number = 1.0, alpha_f: Number = 0.0) -> Self:
        return super().__new__(
            cls, _core.build("CosineAnnealingWarmRestarts", [t_0, t_mult, alpha_f])
        )


class PolynomialScheduler(Schedule):
    """A power of the remaining part, from 1 to `alpha_f`.

        α(t) = alpha_f + (1 - alpha_f) * u^power

    Args:
        power: the exponent, above zero.
        t_max: T, the end of the decay, above zero. Default "1dur".
        alpha_f: the final factor, 0 or above. Default 0.0.

    α(s) is 1, and α is alpha_f from T on.

    >>> curve = PolynomialScheduler(power=2).resolve(Run("4ba"))
    >>> curve(0), curve(2), curve(4), curve(99)
    (1.0, 0.25, 0.0, 0.0)
    """

    __slots__ = ()
    power: float
    t_max: Time
    alpha_f: float

    def __new__(cls, power: Number, t_max: TimeLike = "1dur", alpha_f: Number = 0.0) -> Self:
        return super().__new__(cls, _core.build("Polynomial", [power, t_max, alpha_f]))


class InverseSquareRootScheduler(Schedule):
    """An inverse square root, from 1 toward `alpha_f`.

        α(t) = alpha_f + (1 - alpha_f) * √(τ / (τ + t - s))

    Args:
        t_scale: τ, above zero. For alpha_f=0, α is √½ at s + τ and ½ at s + 3τ.
        alpha_f: the limit of α, 0 or above. Default 0.0.

    α(s) is 1, and the decay has no end. After a warmup of the same length it is the schedule of
    "Attention Is All You Need", relative to its peak.

    >>> curve = InverseSquareRootScheduler("100ba").resolve("1000ba")
    >>> curve(0), curve(300), curve(1500)
    (1.0, 0.5, 0.25)
    """

    __slots__ = ()
    t_scale: Time
    alpha_f: float

    def __new__(cls, t_scale: TimeLike, alpha_f: Number = 0.0) -> Self:
        return super().__new__(cls, _core.build("InverseSquareRoot", [t_scale, alpha_f, True]))


class PiecewiseScheduler(Schedule):
    """A curve through given points.

        α(t) = the first value                                   before the first point
        α(t) = low + (high - low) * f(x)                         between two points
        α(t) = the last value                                    from the last point on

    x runs from 0 at the lower of the two values to 1 at the higher one.

    Args:
        points: pairs of a time and a value, both 0 or above, in the order of their times. If two
            points have the same time, the value jumps from the first to the second.
        shape: one shape for all pieces, or a list with a shape for each piece. Default "linear".

    There may be any number m of points, such as those of a recorded run; evaluation takes
    O(log m). Raises `ScheduleError` for points that are not in order, for an unknown shape, and
    for a "geometric" piece with an end at 0.

    >>> schedule = PiecewiseScheduler([("0ba", 0.0), ("10ba", 1.0), ("0.5dur", 0.5)])
    >>> curve = schedule.resolve("100ba")
    >>> curve(5), curve(10), curve(30), curve(99)
    (0.5, 1.0, 0.75, 0.5)
    """

    __slots__ = ()
    points: tuple[tuple[Time, float], ...]
    shape: Shape | tuple[Shape, ...]

    def __new__(
        cls,
        points: Iterable[tuple[TimeLike, Number]],
        shape: Shape | Iterable[Shape] = "linear",
    ) -> Self:
        return super().__new__(cls, _core.build("Piecewise", [points, shape]))
