"""Learning-rate schedules written in training time: "2000ba", "0.3dur", "15Ttok".

A schedule says what multiplies the learning rate and when; a `Run` says how long the training
is; their curve is a function of time:

>>> schedule = CosineAnnealingWithWarmupScheduler(t_warmup="100ba", t_max="1dur")
>>> curve = schedule.resolve(Run("10ep", batches_per_epoch=100))
>>> curve(50), curve(100), curve(1000)
(0.5, 1.0, 0.0)

`epochal.torch.bind(schedule, optimizer, run)` drives a PyTorch optimizer with it; `epochal.Trainer`
is a small training loop around that.
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
from epochal.clock import Clock
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
    "Clock",
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


# These need torch, so they are imported when first used.
_LAZY = {"LossError": "epochal.trainer", "Trainer": "epochal.trainer", "torch": "epochal.torch"}

TYPE_CHECKING = False
if TYPE_CHECKING:
    from epochal import torch as torch
    from epochal.trainer import LossError as LossError
    from epochal.trainer import Trainer as Trainer


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module 'epochal' has no attribute {name!r}")
    from importlib import import_module

    module = import_module(_LAZY[name])
    return module if name == "torch" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
