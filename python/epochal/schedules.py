"""The thirteen schedules of Composer, under its names and arguments.

Each gives a multiplier α(t); the learning rate is the optimizer's base rate times α. In all of
them t is the training time on the clock of the schedule's main time, T is `t_max`, w is the
length of the warmup (0 without one), and

    u = (T - t) / (T - w), clipped to [0, 1]

is what is left of a decay. If T = w the decay is empty and u stays 1.

Times are a `Time` or a string with a unit: `ep`, `ba`, `sp`, `tok`, `iter`, `sec`, or `dur`, a
fraction of the scaled run. A scale schedule ratio multiplies every time that is not `dur`;
a warmup only with `scale_warmup=True`. Numbers are finite. Arguments are checked at
construction: `ScheduleError` for a value out of range, `TypeError` for a wrong type,
`TimeParseError` for a time string that is none. What depends on the run is checked by `resolve`.

Formulas: https://docs.mosaicml.com/projects/composer, module composer.optim.scheduler; where they
differ, the README says so.
"""

from __future__ import annotations

from epochal import _core
from epochal._core import Schedule, Time

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from epochal._types import Number, TimeLike

__all__ = [
    "ConstantScheduler",
    "ConstantWithWarmupScheduler",
    "CosineAnnealingScheduler",
    "CosineAnnealingWarmRestartsScheduler",
    "CosineAnnealingWithWarmupScheduler",
    "ExponentialScheduler",
    "LinearScheduler",
    "LinearWithWarmupScheduler",
    "MultiStepScheduler",
    "MultiStepWithWarmupScheduler",
    "PolynomialScheduler",
    "PolynomialWithWarmupScheduler",
    "StepScheduler",
]


class StepScheduler(Schedule):
    """Multiplies by gamma every `step_size`.

        α(t) = gamma ^ floor(t / step_size)

    Args:
        step_size: time between two steps, above zero.
        gamma: factor of one step, 0 or above. Default 0.1.

    α(0) is 1; there is no end. `resolve` raises `ScheduleError` if α overflows within the run.

    >>> curve = StepScheduler("30ep", gamma=0.5).resolve(Run("90ep", batches_per_epoch=10))
    >>> curve(299), curve(300), curve(600), curve(900)
    (1.0, 0.5, 0.25, 0.125)
    """

    __slots__ = ()
    step_size: Time
    gamma: float

    def __new__(cls, step_size: TimeLike, gamma: Number = 0.1) -> Self:
        return super().__new__(cls, _core.step(step_size, gamma))


class MultiStepScheduler(Schedule):
    """Multiplies by gamma at each milestone.

        α(t) = gamma ^ (number of milestones m with t >= m)

    Args:
        milestones: times, 0 or above, in any order; each may be on a clock of its own.
        gamma: factor of one step, 0 or above. Default 0.1.

    α(0) is 1 unless a milestone is 0; after the last milestone α stays. No milestones: α is 1.

    >>> schedule = MultiStepScheduler(["10ep", "16ep"], gamma=0.5)
    >>> curve = schedule.resolve(Run("20ep", batches_per_epoch=1))
    >>> curve(9), curve(10), curve(16), curve(99)
    (1.0, 0.5, 0.25, 0.25)
    """

    __slots__ = ()
    milestones: tuple[Time, ...]
    gamma: float

    def __new__(cls, milestones: Iterable[TimeLike], gamma: Number = 0.1) -> Self:
        return super().__new__(cls, _core.multi_step(milestones, gamma))


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
        return super().__new__(cls, _core.constant(alpha, t_max))


class LinearScheduler(Schedule):
    """A straight line from `alpha_i` to `alpha_f`.

        α(t) = alpha_f + (alpha_i - alpha_f) * u

    Args:
        alpha_i: initial factor, 0 or above. Default 1.0.
        alpha_f: final factor, 0 or above. Default 0.0.
        t_max: T, when the line ends, above zero. Default "1dur".

    α(0) is alpha_i; from T on α is alpha_f.

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
        return super().__new__(cls, _core.linear(alpha_i, alpha_f, t_max))


class ExponentialScheduler(Schedule):
    """Multiplies by gamma every `decay_period`, continuously.

        α(t) = gamma ^ (t / decay_period)

    Args:
        gamma: factor of one period, 0 or above.
        decay_period: above zero. Default "1ep".

    α(0) is 1; there is no end. `resolve` raises `ScheduleError` if α overflows within the run.

    >>> curve = ExponentialScheduler(gamma=0.25, decay_period="10ba").resolve(Run("20ba"))
    >>> curve(0), curve(5), curve(10), curve(20)
    (1.0, 0.5, 0.25, 0.0625)
    """

    __slots__ = ()
    gamma: float
    decay_period: Time

    def __new__(cls, gamma: Number, decay_period: TimeLike = "1ep") -> Self:
        return super().__new__(cls, _core.exponential(gamma, decay_period))


class CosineAnnealingScheduler(Schedule):
    """Half a cosine from 1 to `alpha_f`.

        α(t) = alpha_f + (1 - alpha_f) * sin²(½πu)

    which is alpha_f + (1 - alpha_f) * (1 + cos(πt/T)) / 2, exact in the tail too.

    Args:
        t_max: T, when the decay ends, above zero. Default "1dur".
        alpha_f: final factor, 0 or above. Default 0.0.

    α(0) is 1; from T on α is alpha_f.

    >>> curve = CosineAnnealingScheduler().resolve(Run("12ba"))
    >>> [round(curve(t), 6) for t in (0, 4, 8, 12, 99)]
    [1.0, 0.75, 0.25, 0.0, 0.0]
    """

    __slots__ = ()
    t_max: Time
    alpha_f: float

    def __new__(cls, t_max: TimeLike = "1dur", alpha_f: Number = 0.0) -> Self:
        return super().__new__(cls, _core.cosine(t_max, alpha_f))


class CosineAnnealingWarmRestartsScheduler(Schedule):
    """Half cosines from 1 to `alpha_f`, one after the other.

        α(t) = alpha_f + (1 - alpha_f) * sin²(½πu)

    with u falling from 1 to 0 in each cycle. Cycle i lasts t_0 * t_mult^i, from i = 0; the
    boundary of two cycles belongs to the later one, where α is 1 again.

    Args:
        t_0: length of the first cycle, above zero.
        t_mult: growth from cycle to cycle, 1 or above. Default 1.0.
        alpha_f: factor at the end of each cycle, 0 or above. Default 0.0.

    α(0) is 1; there is no end.

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
        return super().__new__(cls, _core.cosine_restarts(t_0, t_mult, alpha_f))


class PolynomialScheduler(Schedule):
    """A power of what is left, from 1 to `alpha_f`.

        α(t) = alpha_f + (1 - alpha_f) * u^power

    Args:
        power: the exponent, above zero.
        t_max: T, when the decay ends, above zero. Default "1dur".
        alpha_f: final factor, 0 or above. Default 0.0.

    α(0) is 1; from T on α is alpha_f.

    >>> curve = PolynomialScheduler(power=2).resolve(Run("4ba"))
    >>> curve(0), curve(2), curve(4), curve(99)
    (1.0, 0.25, 0.0, 0.0)
    """

    __slots__ = ()
    power: float
    t_max: Time
    alpha_f: float

    def __new__(cls, power: Number, t_max: TimeLike = "1dur", alpha_f: Number = 0.0) -> Self:
        return super().__new__(cls, _core.polynomial(power, t_max, alpha_f))


class MultiStepWithWarmupScheduler(Schedule):
    """A linear warmup, then a factor gamma at each milestone.

        α(t) = t / w                                    while t < w
        α(t) = gamma ^ (number of milestones m with t >= m)   from w on

    Milestones count from the start of training, not from the end of the warmup.

    Args:
        t_warmup: w, 0 or above; it may be on a clock of its own.
        milestones: times, 0 or above, in any order; each may be on a clock of its own.
        gamma: factor of one step, 0 or above. Default 0.1.
        scale_warmup: whether a scale schedule ratio multiplies w too. Default False.

    α(0) is 0 (with a warmup); after the last milestone α stays.

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

    def __new__(
        cls,
        t_warmup: TimeLike,
        milestones: Iterable[TimeLike],
        gamma: Number = 0.1,
        scale_warmup: bool = False,
    ) -> Self:
        tail = _core.multi_step(milestones, gamma)
        return super().__new__(cls, _core.warmup(t_warmup, tail, scale_warmup))


class ConstantWithWarmupScheduler(Schedule):
    """A linear warmup, then a constant factor until `t_max`.

        α(t) = t / w * alpha  while t < w
        α(t) = alpha          while t < T
        α(t) = 1              from T on

    Args:
        t_warmup: w, 0 or above, not longer than T; it may be on a clock of its own.
        alpha: the factor, 0 or above. Default 1.0.
        t_max: T, above zero. Default "1dur".
        scale_warmup: whether a scale schedule ratio multiplies w too. Default False.

    α(0) is 0 (with a warmup). `resolve` raises `ScheduleError` if w > T.

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

    def __new__(
        cls,
        t_warmup: TimeLike,
        alpha: Number = 1.0,
        t_max: TimeLike = "1dur",
        scale_warmup: bool = False,
    ) -> Self:
        tail = _core.constant(alpha, t_max)
        return super().__new__(cls, _core.warmup(t_warmup, tail, scale_warmup))


class LinearWithWarmupScheduler(Schedule):
    """A linear warmup to `alpha_i`, then a straight line to `alpha_f`.

        α(t) = t / w * alpha_i                     while t < w
        α(t) = alpha_f + (alpha_i - alpha_f) * u   from w on

    Args:
        t_warmup: w, 0 or above, not longer than T; on another clock than T it is converted by
            the run's rates.
        alpha_i: factor after the warmup, 0 or above. Default 1.0.
        alpha_f: final factor, 0 or above. Default 0.0.
        t_max: T, when the line ends, above zero. Default "1dur".
        scale_warmup: whether a scale schedule ratio multiplies w too. Default False.

    α(0) is 0 (with a warmup); from T on α is alpha_f. `resolve` raises `ScheduleError` if w > T.

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

    def __new__(
        cls,
        t_warmup: TimeLike,
        alpha_i: Number = 1.0,
        alpha_f: Number = 0.0,
        t_max: TimeLike = "1dur",
        scale_warmup: bool = False,
    ) -> Self:
        tail = _core.linear(alpha_i, alpha_f, t_max)
        return super().__new__(cls, _core.warmup(t_warmup, tail, scale_warmup))


class CosineAnnealingWithWarmupScheduler(Schedule):
    """A linear warmup to 1, then half a cosine to `alpha_f`.

        α(t) = t / w                                 while t < w
        α(t) = alpha_f + (1 - alpha_f) * sin²(½πu)   from w on

    Args:
        t_warmup: w, 0 or above, not longer than T; on another clock than T it is converted by
            the run's rates.
        t_max: T, when the decay ends, above zero. Default "1dur".
        alpha_f: final factor, 0 or above. Default 0.0.
        scale_warmup: whether a scale schedule ratio multiplies w too. Default False.

    α(0) is 0 (with a warmup); from T on α is alpha_f. `resolve` raises `ScheduleError` if w > T.

    >>> curve = CosineAnnealingWithWarmupScheduler("4ba").resolve(Run("16ba"))
    >>> [round(curve(t), 6) for t in (0, 2, 4, 8, 12, 16, 99)]
    [0.0, 0.5, 1.0, 0.75, 0.25, 0.0, 0.0]
    """

    __slots__ = ()
    t_warmup: Time
    t_max: Time
    alpha_f: float
    scale_warmup: bool

    def __new__(
        cls,
        t_warmup: TimeLike,
        t_max: TimeLike = "1dur",
        alpha_f: Number = 0.0,
        scale_warmup: bool = False,
    ) -> Self:
        tail = _core.cosine(t_max, alpha_f)
        return super().__new__(cls, _core.warmup(t_warmup, tail, scale_warmup))


class PolynomialWithWarmupScheduler(Schedule):
    """A linear warmup to 1, then a power of what is left, down to `alpha_f`.

        α(t) = t / w                               while t < w
        α(t) = alpha_f + (1 - alpha_f) * u^power   from w on

    Args:
        t_warmup: w, 0 or above, not longer than T; on another clock than T it is converted by
            the run's rates.
        power: the exponent, above zero. Default 2.0.
        t_max: T, when the decay ends, above zero. Default "1dur".
        alpha_f: final factor, 0 or above. Default 0.0.
        scale_warmup: whether a scale schedule ratio multiplies w too. Default False.

    α(0) is 0 (with a warmup); from T on α is alpha_f. `resolve` raises `ScheduleError` if w > T.

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

    def __new__(
        cls,
        t_warmup: TimeLike,
        power: Number = 2.0,
        t_max: TimeLike = "1dur",
        alpha_f: Number = 0.0,
        scale_warmup: bool = False,
    ) -> Self:
        tail = _core.polynomial(power, t_max, alpha_f)
        return super().__new__(cls, _core.warmup(t_warmup, tail, scale_warmup))
