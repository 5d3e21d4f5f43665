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

import sys

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
from epochal._functions import FunctionSchedule
from epochal.schedules import (
    ConstantScheduler,
    ConstantWithWarmupScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
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
    StepScheduler,
    WSDScheduler,
)

__all__ = [
    "Clock",
    "ConstantScheduler",
    "ConstantWithWarmupScheduler",
    "CosineAnnealingScheduler",
    "CosineAnnealingWarmRestartsScheduler",
    "CosineAnnealingWithWarmupScheduler",
    "Curve",
    "CyclicScheduler",
    "EpochalError",
    "ExponentialScheduler",
    "FractionalCountError",
    "FunctionSchedule",
    "InverseSquareRootScheduler",
    "InverseSquareRootWithWarmupScheduler",
    "LinearScheduler",
    "LinearWithWarmupScheduler",
    "MultiStepScheduler",
    "MultiStepWithWarmupScheduler",
    "OneCycleScheduler",
    "PiecewiseScheduler",
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
    "WSDScheduler",
    "__version__",
    "compare",
    "config_schema",
    "diff",
    "evaluate",
    "from_config",
    "lint",
    "parse",
]


def _has_torch() -> bool:
    """Whether torch can be imported. Does not import it."""
    if "torch" in sys.modules:
        return sys.modules["torch"] is not None
    return any(finder.find_spec("torch", None) for finder in sys.meta_path)


# Imported when first used. What needs torch is shown where torch is installed; `torch` itself is
# not among the names of `from epochal import *`: it would hide the real one.
_WITH_TORCH = {
    "LossError": "epochal.trainer",
    "Trainer": "epochal.trainer",
    "torch": "epochal.torch",
}
_LAZY = {
    "Clock": "epochal._clock",
    "compare": "epochal.view",
    "config_schema": "epochal.config",
    "diff": "epochal.view",
    "from_config": "epochal.config",
    "lint": "epochal.view",
    "parse": "epochal.config",
    "view": "epochal.view",
    **_WITH_TORCH,
}

if _has_torch():
    __all__ += ["LossError", "Trainer"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from epochal import torch as torch
    from epochal import view as view
    from epochal._clock import Clock
    from epochal.config import config_schema, from_config, parse
    from epochal.trainer import LossError, Trainer
    from epochal.view import compare, diff, lint
else:

    def __getattr__(name):
        if name not in _LAZY:
            raise AttributeError(f"module 'epochal' has no attribute {name!r}")
        from importlib import import_module

        try:
            module = import_module(_LAZY[name])
        except ModuleNotFoundError as error:
            if str(error.name).partition(".")[0] != "torch":
                raise
            message = f"epochal.{name} needs PyTorch, which is not installed: pip install torch"
            raise ModuleNotFoundError(message, name="torch") from error
        return module if _LAZY[name] == f"epochal.{name}" else getattr(module, name)


def __dir__() -> list[str]:
    hidden = () if _has_torch() else _WITH_TORCH
    return sorted({*globals(), *_LAZY}.difference(hidden))
