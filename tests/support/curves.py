"""Curves of every kind, and how their arrays are compared."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from catalogue import FULL, OPERATIONS, full
from epochal import (
    ConstantScheduler,
    ConstantWithWarmupScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    Curve,
    CyclicScheduler,
    ExponentialScheduler,
    InverseSquareRootScheduler,
    InverseSquareRootWithWarmupScheduler,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    MultiStepWithWarmupScheduler,
    OneCycleScheduler,
    PiecewiseScheduler,
    PolynomialScheduler,
    PolynomialWithWarmupScheduler,
    Run,
    Schedule,
    StepScheduler,
    WSDScheduler,
)
from sizes import some

AnyArray: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]

_SCHEDULES: tuple[Schedule, ...] = (
    StepScheduler("7ba", 0.5),
    StepScheduler("1ba", 0.9),
    MultiStepScheduler(["10ba", "0.3dur", "300ba", "10ba", "2ep"], 0.3),
    MultiStepScheduler(["0ba"], 0.3),
    ConstantScheduler(0.25, "0.5dur"),
    LinearScheduler(1.759, 0.03),
    LinearScheduler(0.0, 1.5, "333ba"),
    ExponentialScheduler(0.97, "3ba"),
    ExponentialScheduler(0.5, "1ep"),
    CosineAnnealingScheduler(),
    CosineAnnealingScheduler("3ba", alpha_f=0.1),
    CosineAnnealingWarmRestartsScheduler("10ba"),
    CosineAnnealingWarmRestartsScheduler("10ba", 1.1),
    CosineAnnealingWarmRestartsScheduler("1ba", 3.0, 0.2),
    PolynomialScheduler(2.0),
    PolynomialScheduler(0.37, alpha_f=0.1),
    PolynomialScheduler(5.5, "77ba"),
    MultiStepWithWarmupScheduler("20ba", ["10ba", "30ba"], 0.5),
    ConstantWithWarmupScheduler("20ba", 0.7, "500ba"),
    LinearWithWarmupScheduler("20ba", 1.3, 0.1, scale_warmup=True),
    CosineAnnealingWithWarmupScheduler("0.1dur"),
    CosineAnnealingWithWarmupScheduler("1dur"),
    PolynomialWithWarmupScheduler("20ba", 0.37),
    CosineAnnealingWithWarmupScheduler("20ba") * StepScheduler("100ba", 0.5),
    InverseSquareRootScheduler("20ba", 0.05),
    PiecewiseScheduler([("10ba", 0.1), ("100ba", 1.0), ("100ba", 0.7), ("900ba", 0.0)]),
    PiecewiseScheduler(
        [(f"{97 * i}ba", 0.1 + i * i % 7) for i in range(10)],
        ["linear", "cosine", "sqrt", "1-sqrt", "square", "rex", "exponential", "geometric", "step"],
    ),
    PiecewiseScheduler([(f"{3 * i}ba", 1 / (1 + i * i % 11)) for i in range(300)], "1-sqrt"),
    WSDScheduler(
        "20ba", "200ba", decay_shape="1-sqrt", warmup_start=0.1, warmup_shape="exponential"
    ),
    OneCycleScheduler(),
    InverseSquareRootWithWarmupScheduler("20ba", t_cooldown="0.1dur"),
    CyclicScheduler("7ba", "13ba", gamma=0.9),
    (
        CosineAnnealingScheduler("700ba").until(
            "200ba", ExponentialScheduler(0.99, "3ba"), carry=True
        )
        * 0.5
        + 0.1
    ).clip(0.2, 0.55),
    LinearScheduler().repeat("37ba").after_warmup("20ba", 0.5, "rex"),
    StepScheduler("7ba", 0.9).delay("5ba").cooldown("400ba", "900ba", 0.01, "geometric"),
    MultiStepScheduler(["10ba", "0.3dur"], 0.3).advance("1ba")
    * PolynomialScheduler(1.5).repeat("90ba"),
)
# These, the examples of the classes that are none of them, and those of all operations.
_CLASSES = {type(schedule).__name__ for schedule in _SCHEDULES}
_OTHERS = (full(name) for name in FULL if name not in _CLASSES)
SCHEDULES = (*_SCHEDULES, *_OTHERS, *OPERATIONS.values())
RUNS = (
    Run("1000ba", batches_per_epoch=40),
    Run("1000ba", batches_per_epoch=40, scale_schedule_ratio=0.3),
)
CURVES = [
    pytest.param(schedule.resolve(run), id=f"{i}-{type(schedule).__name__}-x{ratio}")
    for i, schedule in enumerate(SCHEDULES)
    for run in RUNS
    for ratio in [run.scale_schedule_ratio]
]
# A few curves of different shape, where the test is about the array and not about the formula.
SHAPES = [
    pytest.param(schedule.resolve(RUNS[1]), id=type(schedule).__name__)
    for schedule in (SCHEDULES[2], SCHEDULES[12], SCHEDULES[20])
]
COSINE = CosineAnnealingWithWarmupScheduler("20ba").resolve(RUNS[0])
TWO_CLOCKS = MultiStepScheduler(["10ba", "500tok"], 0.5).resolve(Run("100ba"))

every_curve = pytest.mark.parametrize("curve", some(CURVES, 3))
every_shape = pytest.mark.parametrize("curve", SHAPES)

SENTINEL = -7.0
TIMES = np.linspace(0, 1100, 120)


def bits(values: Any) -> npt.NDArray[np.uint64]:
    return np.array(values, dtype=np.float64, order="C").view(np.uint64)


def one_by_one(curve: Curve, times: AnyArray) -> Floats:
    """The array's values by scalar calls."""
    values = [curve(float(t)) for t in times.ravel()]
    return np.array(values, dtype=np.float64).reshape(times.shape)


def assert_same_bits(got: Any, want: Any) -> None:
    assert isinstance(got, np.ndarray)
    assert got.dtype == np.dtype(np.float64)
    assert got.shape == np.shape(want)
    np.testing.assert_array_equal(bits(got), bits(want))
