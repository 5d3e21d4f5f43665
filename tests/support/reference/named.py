"""Schedules by the names that people look for: trees of the others."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reference import schedules as tails
from reference.arguments import check
from reference.phase import Part, Phase
from reference.schedules import (
    ConstantScheduler,
    CosineAnnealingScheduler,
    InverseSquareRootScheduler,
    LinearScheduler,
    MultiStepScheduler,
    PiecewiseScheduler,
    PolynomialScheduler,
    UnscaledInverseSquareRoot,
)
from reference.time import parse
from reference.tree import FunctionSchedule, Schedule, Written, cooled, no_zero


def MultiStepWithWarmupScheduler(
    t_warmup: Any,
    milestones: Any,
    gamma: Any = 0.1,
    scale_warmup: Any = False,
    *,
    warmup_start: Any = 0.0,
    warmup_shape: Any = "linear",
) -> Schedule:
    after = MultiStepScheduler(milestones, gamma)
    return after.after_warmup(t_warmup, warmup_start, warmup_shape, scale_warmup)


def ConstantWithWarmupScheduler(
    t_warmup: Any,
    alpha: Any = 1.0,
    t_max: Any = "1dur",
    scale_warmup: Any = False,
    *,
    warmup_start: Any = 0.0,
    warmup_shape: Any = "linear",
) -> Schedule:
    after = ConstantScheduler(alpha, t_max)
    return after.after_warmup(t_warmup, warmup_start, warmup_shape, scale_warmup)


def LinearWithWarmupScheduler(
    t_warmup: Any,
    alpha_i: Any = 1.0,
    alpha_f: Any = 0.0,
    t_max: Any = "1dur",
    scale_warmup: Any = False,
    *,
    warmup_start: Any = 0.0,
    warmup_shape: Any = "linear",
) -> Schedule:
    after = LinearScheduler(alpha_i, alpha_f, t_max)
    return after.after_warmup(t_warmup, warmup_start, warmup_shape, scale_warmup)


def CosineAnnealingWithWarmupScheduler(
    t_warmup: Any,
    t_max: Any = "1dur",
    alpha_f: Any = 0.0,
    scale_warmup: Any = False,
    *,
    warmup_start: Any = 0.0,
    warmup_shape: Any = "linear",
) -> Schedule:
    after = CosineAnnealingScheduler(t_max, alpha_f)
    return after.after_warmup(t_warmup, warmup_start, warmup_shape, scale_warmup)


def PolynomialWithWarmupScheduler(
    t_warmup: Any,
    power: Any = 2.0,
    t_max: Any = "1dur",
    alpha_f: Any = 0.0,
    scale_warmup: Any = False,
    *,
    warmup_start: Any = 0.0,
    warmup_shape: Any = "linear",
) -> Schedule:
    after = PolynomialScheduler(power, t_max, alpha_f)
    return after.after_warmup(t_warmup, warmup_start, warmup_shape, scale_warmup)


# 1 for ever, on no clock.
ONE = MultiStepScheduler(())


@dataclass(frozen=True)
class Ending(Schedule):
    """A cooldown that begins a length before `t_max`; if late, once its phase has begun."""

    a: Schedule
    length: Written
    t_max: Written
    alpha_f: float
    shape: str
    late: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        no_zero("alpha_f", self.alpha_f, self.shape)

    def value(self, phase: Phase) -> Decimal:
        clock, length = phase.clock(self.t_max), phase.length(self.length)
        end = phase.moment(self.t_max)
        begin = (*end, Part(-1, length))
        before = self.a.value(phase)
        phase.in_order(clock, phase.start, end)
        if self.late:
            if phase.on(clock, phase.start) > phase.on(clock, begin):
                begin = phase.start
                end = (*begin, Part(1, length))
        else:
            phase.in_order(clock, phase.start, begin)
        return cooled(self.a, before, phase, begin, end, clock, self.alpha_f, self.shape)

    def main(self, phase: Phase) -> str | None:
        return self.a.main(phase) or phase.clock(self.t_max)


def WSDScheduler(
    t_warmup: Any,
    t_decay: Any = "0.1dur",
    t_max: Any = "1dur",
    alpha_f: Any = 0.0,
    decay_shape: Any = "linear",
    scale_warmup: Any = False,
    *,
    warmup_start: Any = 0.0,
    warmup_shape: Any = "linear",
) -> Schedule:
    check({"t_decay": t_decay})
    after = Ending(ONE, t_decay, t_max, alpha_f, decay_shape, late=False)
    return after.after_warmup(t_warmup, warmup_start, warmup_shape, scale_warmup)


def OneCycleScheduler(
    t_up: Any = "0.3dur",
    t_max: Any = "1dur",
    alpha_i: Any = 0.04,
    alpha_f: Any = 4e-6,
    shape: Any = "cosine",
) -> Schedule:
    check({"t_up": t_up, "t_max": t_max, "alpha_i": alpha_i, "alpha_f": alpha_f})
    # The clock of t_max is that of all points.
    start = f"0{parse(t_max).unit}"
    return PiecewiseScheduler([(start, alpha_i), (t_up, 1.0), (t_max, alpha_f)], shape)


def InverseSquareRootWithWarmupScheduler(
    t_warmup: Any,
    t_scale: Any = None,
    t_cooldown: Any = None,
    t_max: Any = "1dur",
    alpha_f_decay: Any = 0.0,
    alpha_f_cooldown: Any = 0.0,
    scale_warmup: Any = False,
    *,
    warmup_start: Any = 0.0,
    warmup_shape: Any = "linear",
) -> Schedule:
    check({"t_warmup": t_warmup, "alpha_f_decay": alpha_f_decay, "scale_warmup": scale_warmup})
    check({"alpha_f_cooldown": alpha_f_cooldown})
    if t_scale is not None:
        decay = InverseSquareRootScheduler(t_scale, alpha_f_decay)
    elif scale_warmup:
        decay = InverseSquareRootScheduler(t_warmup, alpha_f_decay)
    else:
        decay = UnscaledInverseSquareRoot(t_warmup, alpha_f_decay)
    if t_cooldown is not None:
        check({"t_cooldown": t_cooldown})
    if t_cooldown is None or parse(t_cooldown).value == 0:
        after = decay.until(t_max, ONE, carry=True)
    else:
        after = Ending(decay, t_cooldown, t_max, alpha_f_cooldown, "linear", late=True)
    return after.after_warmup(t_warmup, warmup_start, warmup_shape, scale_warmup)


# The names that an expression may use.
NAMES: dict[str, Any] = {
    name: made for name, made in {**vars(tails), **globals()}.items() if name.endswith("Scheduler")
} | {"FunctionSchedule": FunctionSchedule}
