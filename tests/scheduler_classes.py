"""The thirteen classes with an example of each."""

import inspect
from typing import Any

import pytest
from epochal import (
    Schedule,
    Time,
)
from strategies import (
    NAMES,
    Config,
    possible,
    runs,
)

every_schedule = pytest.mark.parametrize("name", NAMES)
complete_runs = runs(complete=True).filter(possible)
REQUIRED = inspect.Parameter.empty

# One of each, with every argument given.
FULL: dict[str, dict[str, Any]] = {
    "StepScheduler": {"step_size": "3ba", "gamma": 0.5},
    "MultiStepScheduler": {"milestones": ["3ba", "5ep"], "gamma": 0.5},
    "ConstantScheduler": {"alpha": 0.5, "t_max": "3ba"},
    "LinearScheduler": {"alpha_i": 0.5, "alpha_f": 0.25, "t_max": "3ba"},
    "ExponentialScheduler": {"gamma": 0.5, "decay_period": "3ba"},
    "CosineAnnealingScheduler": {"t_max": "3ba", "alpha_f": 0.25},
    "CosineAnnealingWarmRestartsScheduler": {"t_0": "3ba", "t_mult": 2.0, "alpha_f": 0.25},
    "PolynomialScheduler": {"power": 3.0, "t_max": "3ba", "alpha_f": 0.25},
    "MultiStepWithWarmupScheduler": {
        "t_warmup": "2ba",
        "milestones": ["3ba", "0.5dur"],
        "gamma": 0.5,
        "scale_warmup": True,
    },
    "ConstantWithWarmupScheduler": {
        "t_warmup": "2ba",
        "alpha": 0.5,
        "t_max": "3ba",
        "scale_warmup": True,
    },
    "LinearWithWarmupScheduler": {
        "t_warmup": "2ba",
        "alpha_i": 0.5,
        "alpha_f": 0.25,
        "t_max": "3ba",
        "scale_warmup": True,
    },
    "CosineAnnealingWithWarmupScheduler": {
        "t_warmup": "2ba",
        "t_max": "3ba",
        "alpha_f": 0.25,
        "scale_warmup": True,
    },
    "PolynomialWithWarmupScheduler": {
        "t_warmup": "2ba",
        "power": 3.0,
        "t_max": "3ba",
        "alpha_f": 0.25,
        "scale_warmup": True,
    },
}


def build(name: str, arguments: dict[str, Any]) -> Schedule:
    return Config(name, arguments).real()


def normal(name: str, value: object) -> object:
    """An argument as an attribute gives it."""
    if isinstance(value, list | tuple):
        return tuple(Time(milestone) for milestone in value)
    return Time(value) if isinstance(value, str) else value
