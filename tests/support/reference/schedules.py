"""The tails: what stands at the leaves of a tree."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from reference.errors import Refusal, shown
from reference.formulas import between, blend, exactly, half_cosine, power
from reference.phase import Part, Phase, reached
from reference.time import bounds
from reference.tree import Schedule, Written, clipped


@dataclass(frozen=True)
class StepScheduler(Schedule):
    step_size: Written
    gamma: float = 0.1

    def value(self, phase: Phase) -> Decimal:
        return power(self.gamma, phase.passed([phase.length(self.step_size)], self.main(phase)))

    def main(self, phase: Phase) -> str:
        return phase.clock(self.step_size)


@dataclass(frozen=True)
class MultiStepScheduler(Schedule):
    milestones: Sequence[Written]
    gamma: float = 0.1

    def value(self, phase: Phase) -> Decimal:
        if not phase.levels:
            return Decimal(1)
        done = 0
        for milestone in self.milestones:
            clock = phase.clock(milestone)
            done += reached(phase.reads(clock), phase.on(clock, phase.moment(milestone)))
        return power(self.gamma, done)


@dataclass(frozen=True)
class ConstantScheduler(Schedule):
    alpha: float = 1.0
    t_max: Written = "1dur"

    def value(self, phase: Phase) -> Decimal:
        if not phase.levels:
            return Decimal(self.alpha)
        end, clock = phase.moment(self.t_max), phase.clock(self.t_max)
        phase.in_order(clock, phase.start, end)
        return Decimal(1 if reached(phase.reads(clock), phase.on(clock, end)) else self.alpha)


class Decay(Schedule):
    """From the start of its phase to its t_max."""

    t_max: Written

    def main(self, phase: Phase) -> str:
        return phase.clock(self.t_max)

    def left(self, phase: Phase) -> Fraction:
        """u: 1 at the start, 0 from the end on; 1 for ever if there is no way between them."""
        clock, end = self.main(phase), phase.moment(self.t_max)
        phase.in_order(clock, phase.start, end)
        t, s, T = phase.reads(clock), phase.on(clock, phase.start), phase.on(clock, end)
        return Fraction(1) if s >= T else clipped((T - t) / (T - s))


@dataclass(frozen=True)
class LinearScheduler(Decay):
    alpha_i: float = 1.0
    alpha_f: float = 0.0
    t_max: Written = "1dur"

    def value(self, phase: Phase) -> Decimal:
        return blend(self.alpha_i, self.alpha_f, exactly(self.left(phase)))


@dataclass(frozen=True)
class ExponentialScheduler(Schedule):
    gamma: float
    decay_period: Written = "1ep"

    def value(self, phase: Phase) -> Decimal:
        clock, period = self.main(phase), phase.length(self.decay_period)
        return power(self.gamma, phase.since(clock) / phase.on(clock, (Part(1, period),)))

    def main(self, phase: Phase) -> str:
        return phase.clock(self.decay_period)


@dataclass(frozen=True)
class CosineAnnealingScheduler(Decay):
    t_max: Written = "1dur"
    alpha_f: float = 0.0

    def value(self, phase: Phase) -> Decimal:
        return blend(1.0, self.alpha_f, half_cosine(exactly(self.left(phase))))


@dataclass(frozen=True)
class CosineAnnealingWarmRestartsScheduler(Schedule):
    """The count rule decides to which cycle t belongs, not how long the cycle is."""

    t_0: Written
    t_mult: float = 1.0
    alpha_f: float = 0.0

    def value(self, phase: Phase) -> Decimal:
        clock, first = self.main(phase), phase.length(self.t_0)
        t, s = phase.reads(clock), phase.noted(clock, phase.start)
        done, cycle = Fraction(0), Fraction(1)
        if self.t_mult == 1:
            done = Fraction(phase.passed([first], clock))
        else:
            # What t_mult may be at the least; by as much it may be larger.
            low, low_cycle, low_mult = Fraction(1), Fraction(1), bounds(self.t_mult)[0]

            def end() -> Fraction:
                last = Part(done + cycle, first, done + cycle - low)
                return phase.on(clock, (*phase.start, last))

            while end() <= t:
                done, cycle = done + cycle, cycle * Fraction(self.t_mult)
                low_cycle *= low_mult
                low += low_cycle
        one = phase.on(clock, (Part(1, first),))
        u = clipped((s + (done + cycle) * one - t) / (cycle * one))
        return blend(1.0, self.alpha_f, half_cosine(exactly(u)))

    def main(self, phase: Phase) -> str:
        return phase.clock(self.t_0)


@dataclass(frozen=True)
class PolynomialScheduler(Decay):
    power: float
    t_max: Written = "1dur"
    alpha_f: float = 0.0

    def value(self, phase: Phase) -> Decimal:
        return blend(1.0, self.alpha_f, exactly(self.left(phase)) ** exactly(self.power))


@dataclass(frozen=True)
class InverseSquareRootScheduler(Schedule):
    t_scale: Written
    alpha_f: float = 0.0

    # A warmup's length in this place is scaled with the run only if the warmup is.
    scaled = True

    def value(self, phase: Phase) -> Decimal:
        clock = self.main(phase)
        tau = phase.on(clock, (Part(1, phase.length(self.t_scale, self.scaled)),))
        part = exactly(tau / (tau + phase.since(clock))).sqrt()
        return blend(1.0, self.alpha_f, part)

    def main(self, phase: Phase) -> str:
        return phase.clock(self.t_scale)


class UnscaledInverseSquareRoot(InverseSquareRootScheduler):
    scaled = False


@dataclass(frozen=True)
class PiecewiseScheduler(Schedule):
    points: Sequence[tuple[Written, float]]
    shape: str | Sequence[str] = "linear"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.shapes()) != len(self.points) - 1:
            raise Refusal("ScheduleError", "shape")
        for (a, left), (b, right), shape in self.pieces():
            if a.unit == b.unit and a.value > b.value:
                raise Refusal("ScheduleError", f"'{a}'", f"'{b}'")
            if shape == "geometric" and 0 in (left, right):
                raise Refusal("ScheduleError", "'geometric'")

    def shapes(self) -> Sequence[str]:
        return [self.shape] * (len(self.points) - 1) if isinstance(self.shape, str) else self.shape

    def pieces(self) -> list[tuple[tuple[Written, float], tuple[Written, float], str]]:
        return list(zip(self.points[:-1], self.points[1:], self.shapes(), strict=True))

    def value(self, phase: Phase) -> Decimal:
        clock = self.main(phase)
        t, last = phase.reads(clock), self.points[-1]
        found: float | Decimal = self.points[0][1]
        for (a, left), (b, right), shape in self.pieces():
            begin, end = phase.moment(a), phase.moment(b)
            phase.in_order(clock, begin, end)
            first, second = phase.on(clock, begin), phase.on(clock, end)
            if first <= t < second:
                done = (t - first) / (second - first)
                found = between(Decimal(left), Decimal(right), done, shape)
        return Decimal(last[1] if t >= phase.on(clock, phase.moment(last[0])) else found)

    def main(self, phase: Phase) -> str:
        return phase.clock(self.points[0][0])


@dataclass(frozen=True)
class CyclicScheduler(Schedule):
    t_up: Written
    t_down: Written | None = None
    alpha_i: float = 0.1
    gamma: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.t_up.value == 0:
            raise Refusal("ScheduleError", "t_up", f"'{self.t_up}'")
        if self.t_down is not None and self.t_down.unit != self.t_up.unit:
            raise Refusal("UnitError", f"'{self.t_up}'", f"'{self.t_down}'")
        if self.alpha_i > 1:
            raise Refusal("ScheduleError", "alpha_i", shown(self.alpha_i))

    def value(self, phase: Phase) -> Decimal:
        clock, up = self.main(phase), phase.length(self.t_up)
        down = up if self.t_down is None else phase.length(self.t_down)
        n = phase.passed([up, down], clock)
        begin = (*phase.start, Part(n, up), Part(n, down))
        peak = (*begin, Part(1, up))
        places = [phase.noted(clock, place) for place in (begin, peak, (*peak, Part(1, down)))]
        t, (bottom, top, end) = phase.reads(clock), places
        part = (t - bottom) / (top - bottom) if t < top else (end - t) / (end - top)
        height = power(self.gamma, n) * exactly(clipped(part))
        return blend(1.0, self.alpha_i, height)

    def main(self, phase: Phase) -> str:
        return phase.clock(self.t_up)
