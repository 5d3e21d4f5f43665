"""Other schedules that people look for: thin constructors of trees."""

from __future__ import annotations

from epochal import _core
from epochal._core import Schedule, ScheduleError, Time
from epochal._shown import shown
from epochal.schedules._tails import (
    ConstantScheduler,
    LinearScheduler,
    PiecewiseScheduler,
    StepScheduler,
)
from epochal.schedules._warmups import warm

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from epochal._types import Number, Shape, TimeLike

__all__ = [
    "CyclicScheduler",
    "InverseSquareRootWithWarmupScheduler",
    "OneCycleScheduler",
    "WSDScheduler",
]


class WSDScheduler(Schedule):
    """Warmup, stable, decay: a warmup to 1, 1 for most of the run, and a decay at its end.

        α(t) = along the warmup's shape from warmup_start to 1   while t < w
        α(t) = 1                                                 while t < T - t_decay
        α(t) = along the decay's shape from 1 to alpha_f         while t < T
        α(t) = alpha_f                                           from T on

    Args:
        t_warmup: w, 0 or above. If it is on another clock than T, the rates of the run convert it.
        t_decay: the length of the decay, 0 or above. Default "0.1dur".
        t_max: T, the end of the decay, above zero. Default "1dur".
        alpha_f: the final factor, 0 or above. Default 0.0.
        decay_shape: the shape of the decay. Default "linear".
        scale_warmup: whether a scale schedule ratio multiplies w too. Default False.
        warmup_start: the initial factor, as a part of the top, 0 or above. Default 0.0.
        warmup_shape: the shape of the warmup. Default "linear".

    `resolve` raises `ScheduleError` if w and the decay together are longer than T. If the start of
    the decay is only decided during the run, use `schedule.cooldown(t)`.

    >>> curve = WSDScheduler("10ba", t_decay="0.2dur").resolve("100ba")
    >>> curve(5), curve(10), curve(80), curve(90), curve(100)
    (0.5, 1.0, 1.0, 0.5, 0.0)
    """

    __slots__ = ()
    t_warmup: Time
    t_decay: Time
    t_max: Time
    alpha_f: float
    decay_shape: Shape
    scale_warmup: bool
    warmup_start: float
    warmup_shape: Shape

    def __new__(
        cls,
        t_warmup: TimeLike,
        t_decay: TimeLike = "0.1dur",
        t_max: TimeLike = "1dur",
        alpha_f: Number = 0.0,
        decay_shape: Shape = "linear",
        scale_warmup: bool = False,
        *,
        warmup_start: Number = 0.0,
        warmup_shape: Shape = "linear",
    ) -> Self:
        names = ["of", "t_decay", "t_max", "alpha_f", "decay_shape", "late"]
        # On the clock of its end, so that it reads no other.
        given = [ConstantScheduler(1.0, t_max), t_decay, t_max, alpha_f, decay_shape, False]
        ending = _core.build("ending", given, names)
        arguments = {
            "t_decay": ending.t_decay,
            "t_max": ending.t_max,
            "alpha_f": ending.alpha_f,
            "decay_shape": ending.shape,
        }
        tree = warm(ending, t_warmup, scale_warmup, warmup_start, warmup_shape, "WSD", arguments)
        return super().__new__(cls, tree)


class OneCycleScheduler(Schedule):
    """One rise to 1 and one fall: the 1cycle policy.

        α(t) = along the shape from alpha_i to 1   while t < t_up
        α(t) = along the shape from 1 to alpha_f   while t < T
        α(t) = alpha_f                             from T on

    Args:
        t_up: the moment of the peak, 0 or above. Default "0.3dur".
        t_max: T, above zero, not before t_up. Default "1dur".
        alpha_i: the factor at the start, 0 or above. Default 0.04.
        alpha_f: the factor at the end, 0 or above. Default 4e-6.
        shape: the shape of the rise and of the fall. Default "cosine".

    The defaults are those of `torch.optim.lr_scheduler.OneCycleLR`, relative to its `max_lr`. Its
    peak and its end come one step earlier: with 100 steps it is t_up="29ba", t_max="99ba". The
    momentum of the policy takes a schedule of its own.

    >>> curve = OneCycleScheduler(alpha_i=0.2, alpha_f=0.0, shape="linear").resolve("100ba")
    >>> curve(0), curve(30), curve(65), curve(100)
    (0.2, 1.0, 0.5, 0.0)
    """

    __slots__ = ()
    t_up: Time
    t_max: Time
    alpha_i: float
    alpha_f: float
    shape: Shape

    def __new__(
        cls,
        t_up: TimeLike = "0.3dur",
        t_max: TimeLike = "1dur",
        alpha_i: Number = 0.04,
        alpha_f: Number = 4e-6,
        shape: Shape = "cosine",
    ) -> Self:
        # Each is checked under its own name; a point would be refused as one of `points`.
        line = LinearScheduler(alpha_i, alpha_f, t_max)
        rise = _core.build("after_warmup", [line, t_up, 0.0, "linear", False], ["of", "t_up"])
        end = line.t_max
        points = [(end * 0, line.alpha_i), (rise.t_warmup, 1.0), (end, line.alpha_f)]
        tree = PiecewiseScheduler(points, shape)
        arguments = {
            "t_up": tree.points[1][0],
            "t_max": tree.points[2][0],
            "alpha_i": tree.points[0][1],
            "alpha_f": tree.points[2][1],
            "shape": tree.shape,
        }
        return super().__new__(cls, _core.named(tree, "OneCycle", arguments, {}))


class InverseSquareRootWithWarmupScheduler(Schedule):
    """A warmup to 1, an inverse square root, and a linear cooldown: llm-foundry's schedule.

        α(t) = along the shape from warmup_start to 1                     while t < w
        α(t) = alpha_f_decay + (1 - alpha_f_decay) * √(τ / (τ + t - w))   while t < c
        α(t) = a straight line from there to alpha_f_cooldown             while t < c + t_cooldown
        α(t) = alpha_f_cooldown                                           afterwards

    where c = max(T - t_cooldown, w). Without a cooldown α is constant from T on.

    Args:
        t_warmup: w, 0 or above, not longer than T.
        t_scale: τ, above zero. Default None, which is w.
        t_cooldown: the length of the cooldown. Default None, which is no cooldown.
        t_max: T, above zero. Default "1dur".
        alpha_f_decay: the limit of the decay, 0 or above. Default 0.0.
        alpha_f_cooldown: the factor after the cooldown, 0 or above. Default 0.0.
        scale_warmup: whether a scale schedule ratio multiplies w too, and τ if that is w.
            Default False.
        warmup_start: the initial factor, as a part of the top, 0 or above. Default 0.0.
        warmup_shape: the shape of the warmup. Default "linear".

    >>> schedule = InverseSquareRootWithWarmupScheduler("100ba", t_cooldown="100ba")
    >>> curve = schedule.resolve("1000ba")
    >>> curve(50), curve(100), curve(400), curve(900), curve(1000)
    (0.5, 1.0, 0.5, 0.3333333333333333, 0.0)
    """

    __slots__ = ()
    t_warmup: Time
    t_scale: Time | None
    t_cooldown: Time | None
    t_max: Time
    alpha_f_decay: float
    alpha_f_cooldown: float
    scale_warmup: bool
    warmup_start: float
    warmup_shape: Shape

    def __new__(
        cls,
        t_warmup: TimeLike,
        t_scale: TimeLike | None = None,
        t_cooldown: TimeLike | None = None,
        t_max: TimeLike = "1dur",
        alpha_f_decay: Number = 0.0,
        alpha_f_cooldown: Number = 0.0,
        scale_warmup: bool = False,
        *,
        warmup_start: Number = 0.0,
        warmup_shape: Shape = "linear",
    ) -> Self:
        # Where τ is w, both are scaled or neither is.
        scale, scaled = (t_warmup, scale_warmup) if t_scale is None else (t_scale, True)
        root = _core.build(
            "InverseSquareRoot",
            [scale, alpha_f_decay, scaled],
            ["t_warmup" if t_scale is None else "t_scale", "alpha_f_decay", "scale_warmup"],
        )
        names = ["of", "t_cooldown", "t_max", "alpha_f_cooldown", "shape", "late"]
        cooldown = "0ba" if t_cooldown is None else t_cooldown
        given = [root, cooldown, t_max, alpha_f_cooldown, "linear", True]
        ending = _core.build("ending", given, names)
        arguments = {
            "t_scale": None if t_scale is None else root.t_scale,
            "t_cooldown": None if t_cooldown is None else ending.t_decay,
            "t_max": ending.t_max,
            "alpha_f_decay": root.alpha_f,
            "alpha_f_cooldown": ending.alpha_f,
        }
        if not ending.t_decay:
            ending = root.until(ending.t_max, ConstantScheduler(1.0, ending.t_max), carry=True)
        tree = warm(
            ending,
            t_warmup,
            scale_warmup,
            warmup_start,
            warmup_shape,
            "InverseSquareRootWithWarmup",
            arguments,
        )
        return super().__new__(cls, tree)


class CyclicScheduler(Schedule):
    """Cycles from `alpha_i` to 1 and back, along straight lines.

        α(t) = alpha_i + (1 - alpha_i) * gamma^i * x

    in cycle i, counted from 0, where x rises from 0 to 1 in `t_up` and falls to 0 in `t_down`.

    Args:
        t_up: the length of a rise, above zero.
        t_down: the length of a fall. Default None, which is t_up.
        alpha_i: the factor at which each cycle begins and ends, from 0 to 1. Default 0.1.
        gamma: the height of each cycle relative to the one before, 0 or above. Default 1.0.

    With gamma=1.0 it is "triangular" in `torch.optim.lr_scheduler.CyclicLR`, and with gamma=0.5
    "triangular2". Raises `UnitError` if the two lengths are in different units.

    >>> curve = CyclicScheduler("10ba", alpha_i=0.5, gamma=0.5).resolve("100ba")
    >>> curve(0), curve(5), curve(10), curve(20), curve(30)
    (0.5, 0.75, 1.0, 0.5, 0.75)
    """

    __slots__ = ()
    t_up: Time
    t_down: Time | None
    alpha_i: float
    gamma: float

    def __new__(
        cls,
        t_up: TimeLike,
        t_down: TimeLike | None = None,
        alpha_i: Number = 0.1,
        gamma: Number = 1.0,
    ) -> Self:
        # Each is checked under its own name.
        up = _core.build("Step", [t_up, gamma], ["t_up"]).step_size
        down = up if t_down is None else _core.build("Step", [t_down, gamma], ["t_down"]).step_size
        period = up + down
        steps = StepScheduler(period, gamma)
        # A fraction is one of the cycle inside a cycle.
        peak, end = (up / period, "1dur") if up.unit == "dur" else (up, period)
        triangle = PiecewiseScheduler([(up * 0, 0.0), (peak, 1.0), (end, 0.0)]).repeat(period)
        lift = _core.build("lift", [triangle, alpha_i], ["of", "alpha_i"]).by
        if lift > 1.0:
            raise ScheduleError(f"alpha_i must be at most 1, the peak, not {shown(alpha_i)}")
        arguments = {
            "t_up": up,
            "t_down": None if t_down is None else down,
            "alpha_i": lift,
            "gamma": steps.gamma,
        }
        tree = triangle * steps * (1.0 - lift) + lift
        return super().__new__(cls, _core.named(tree, "Cyclic", arguments, {}))
