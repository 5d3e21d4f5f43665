"""Schedules of every class, and trees of them by every operation."""

from typing import Any

import epochal
from epochal import Schedule
from hypothesis import strategies as st
from strategies import configs

# At least one of each class, with arguments that are not the defaults.
LEAVES: list[Schedule] = [
    epochal.StepScheduler("30ep", gamma=0.5),
    epochal.MultiStepScheduler(["10ep", "0.75dur"], gamma=0.25),
    epochal.ConstantScheduler(0.5, t_max="10ba"),
    epochal.LinearScheduler(0.25, 0.125, t_max="0.3dur"),
    epochal.ExponentialScheduler(0.9, decay_period="10ba"),
    epochal.CosineAnnealingScheduler("15Ttok", alpha_f=0.1),
    epochal.CosineAnnealingWarmRestartsScheduler("10ba", t_mult=1.5, alpha_f=1e-7),
    epochal.PolynomialScheduler(2.5, t_max="100ba", alpha_f=0.3),
    epochal.InverseSquareRootScheduler("100ba", alpha_f=0.01),
    epochal.PiecewiseScheduler([("0ba", 1e-3), ("0.5dur", 1.0), ("90ep", 0.1)], ["rex", "sqrt"]),
    epochal.PiecewiseScheduler([("3ba", 1 / 3)], "cosine"),
    epochal.MultiStepWithWarmupScheduler("4ba", ["10ba"], gamma=0.5, warmup_start=0.1),
    epochal.ConstantWithWarmupScheduler("4ba", 0.5, t_max="10ba", warmup_shape="rex"),
    epochal.LinearWithWarmupScheduler("4ba", 0.5, 0.1, t_max="10ba", scale_warmup=True),
    epochal.CosineAnnealingWithWarmupScheduler("100ba", alpha_f=0.1, warmup_start=0.5),
    epochal.PolynomialWithWarmupScheduler("100ba", power=3, t_max="0.5dur"),
    epochal.WSDScheduler("2000ba", "0.2dur", "0.9dur", 0.1, "1-sqrt", warmup_shape="cosine"),
    epochal.OneCycleScheduler("0.2dur", "0.9dur", 0.1, 1e-9, "linear"),
    epochal.InverseSquareRootWithWarmupScheduler("100ba", "50ba", "30ba", "0.9dur", 0.1, 0.01),
    epochal.InverseSquareRootWithWarmupScheduler("100ba", scale_warmup=True),
    epochal.CyclicScheduler("10ba", "20ba", 0.25, 0.5),
]

_REQUIRED: dict[str, list[Any]] = {
    "StepScheduler": ["1ba"],
    "MultiStepScheduler": [["1ba"]],
    "ExponentialScheduler": [0.5],
    "CosineAnnealingWarmRestartsScheduler": ["1ba"],
    "PolynomialScheduler": [1.0],
    "InverseSquareRootScheduler": ["1ba"],
    "PiecewiseScheduler": [[("1ba", 0.0)]],
    "MultiStepWithWarmupScheduler": ["1ba", ["1ba"]],
    "ConstantWithWarmupScheduler": ["1ba"],
    "LinearWithWarmupScheduler": ["1ba"],
    "CosineAnnealingWithWarmupScheduler": ["1ba"],
    "PolynomialWithWarmupScheduler": ["1ba"],
    "WSDScheduler": ["1ba"],
    "InverseSquareRootWithWarmupScheduler": ["1ba"],
    "CyclicScheduler": ["1ba"],
}


def example_of(cls: type[Schedule]) -> Schedule:
    """One with the fewest arguments."""
    make: Any = cls
    schedule = make(*_REQUIRED.get(cls.__name__, []))
    assert isinstance(schedule, Schedule)
    return schedule


_TIMES = st.sampled_from(["1ba", "0.5dur", "3ep", "15Ttok", "36h"])
_NUMBERS = st.sampled_from([0.0, 0.1, 0.5, 1.0, 1 / 3]) | st.floats(0, 1e6)
_SHAPES = st.sampled_from(["linear", "cosine", "1-sqrt", "rex", "step"])


def _operated(of: st.SearchStrategy[Schedule]) -> st.SearchStrategy[Schedule]:
    flag = st.booleans()
    bounds = st.tuples(_NUMBERS, _NUMBERS).map(sorted) | st.tuples(_NUMBERS)
    return st.one_of(
        st.builds(lambda a, b: a * b, of, of),
        st.builds(lambda a, b: a * b, of, _NUMBERS),
        st.builds(lambda a, b: a + b, of, _NUMBERS),
        st.builds(lambda a, *more: a.after_warmup(*more), of, _TIMES, _NUMBERS, _SHAPES, flag),
        st.builds(lambda a, t, b, carry: a.until(t, b, carry), of, _TIMES, of, flag),
        st.builds(lambda a, *more: a.cooldown(*more), of, _TIMES, _TIMES, _NUMBERS, _SHAPES),
        st.builds(lambda a, low_high: a.clip(*low_high), of, bounds),
        st.builds(lambda a, every: a.repeat(every), of, _TIMES),
        st.builds(lambda a, by, scale: a.advance(by, scale), of, _TIMES, flag),
        st.builds(lambda a, by, scale: a.delay(by, scale), of, _TIMES, flag),
    )


def trees() -> st.SearchStrategy[Schedule]:
    """Leaves of every class under any operations."""
    leaves = st.sampled_from(LEAVES) | configs().map(lambda config: config.real())
    return st.recursive(leaves, _operated, max_leaves=5)
