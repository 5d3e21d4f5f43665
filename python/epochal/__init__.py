"""Learning-rate schedules written in training time: "2000ba", "0.3dur", "15Ttok".

A schedule says what multiplies the learning rate and when; a `Run` says how long the training
is; their curve is a function of time:

>>> schedule = CosineAnnealingWithWarmupScheduler(t_warmup="100ba", t_max="1dur")
>>> curve = schedule.resolve(Run("10ep", batches_per_epoch=100))
>>> curve(50), curve(100), curve(1000)
(0.5, 1.0, 0.0)

`epochal.torch.bind(schedule, optimizer, run)` drives a PyTorch optimizer with it.
"""

from epochal._core import (
    Curve,
    EpochalError,
    FractionalCountError,
    Run,
    Schedule,
    ScheduleError,
    StateError,
    Time,
    TimeOverflowError,
    TimeParseError,
    Timestamp,
    TimeUnit,
    TimeZeroDivisionError,
    UnitError,
    __version__,
    evaluate,
)
from epochal.schedules import (
    ConstantScheduler,
    ConstantWithWarmupScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    ExponentialScheduler,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    MultiStepWithWarmupScheduler,
    PolynomialScheduler,
    PolynomialWithWarmupScheduler,
    StepScheduler,
)

__all__ = [
    "ConstantScheduler",
    "ConstantWithWarmupScheduler",
    "CosineAnnealingScheduler",
    "CosineAnnealingWarmRestartsScheduler",
    "CosineAnnealingWithWarmupScheduler",
    "Curve",
    "EpochalError",
    "ExponentialScheduler",
    "FractionalCountError",
    "LinearScheduler",
    "LinearWithWarmupScheduler",
    "MultiStepScheduler",
    "MultiStepWithWarmupScheduler",
    "PolynomialScheduler",
    "PolynomialWithWarmupScheduler",
    "Run",
    "Schedule",
    "ScheduleError",
    "StateError",
    "StepScheduler",
    "Time",
    "TimeOverflowError",
    "TimeParseError",
    "TimeUnit",
    "TimeZeroDivisionError",
    "Timestamp",
    "UnitError",
    "__version__",
    "evaluate",
]


def __getattr__(name: str) -> object:
    # The adapter to PyTorch imports torch, so it is loaded when first used.
    if name == "torch":
        from importlib import import_module

        return import_module("epochal.torch")
    raise AttributeError(f"module 'epochal' has no attribute {name!r}")
