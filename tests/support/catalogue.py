"""One example of every class, which all parametrised tests take."""

from typing import Any

import epochal
import pytest
from configs import NAMES, REQUIRED, parameters
from epochal import Schedule, Time
from reference.arguments import LENGTHS, MOMENTS
from strategies import possible, runs

every_schedule = pytest.mark.parametrize("name", NAMES)
complete_runs = runs(complete=True).filter(possible)

WARMUP = {"warmup_start": 0.125, "warmup_shape": "cosine"}
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
        **WARMUP,
    },
    "ConstantWithWarmupScheduler": {
        "t_warmup": "2ba",
        "alpha": 0.5,
        "t_max": "3ba",
        "scale_warmup": True,
        **WARMUP,
    },
    "LinearWithWarmupScheduler": {
        "t_warmup": "2ba",
        "alpha_i": 0.5,
        "alpha_f": 0.25,
        "t_max": "3ba",
        "scale_warmup": True,
        **WARMUP,
    },
    "CosineAnnealingWithWarmupScheduler": {
        "t_warmup": "2ba",
        "t_max": "3ba",
        "alpha_f": 0.25,
        "scale_warmup": True,
        **WARMUP,
    },
    "PolynomialWithWarmupScheduler": {
        "t_warmup": "2ba",
        "power": 3.0,
        "t_max": "3ba",
        "alpha_f": 0.25,
        "scale_warmup": True,
        **WARMUP,
    },
    "InverseSquareRootScheduler": {"t_scale": "3ba", "alpha_f": 0.25},
    "PiecewiseScheduler": {
        "points": [("1ba", 0.5), ("3ba", 1.0), ("7ba", 0.25)],
        "shape": ["linear", "cosine"],
    },
    "CyclicScheduler": {"t_up": "2ba", "t_down": "3ba", "alpha_i": 0.25, "gamma": 0.5},
    "OneCycleScheduler": {
        "t_up": "2ba",
        "t_max": "5ba",
        "alpha_i": 0.25,
        "alpha_f": 0.125,
        "shape": "linear",
    },
    "WSDScheduler": {
        "t_warmup": "2ba",
        "t_decay": "3ba",
        "t_max": "7ba",
        "alpha_f": 0.25,
        "decay_shape": "1-sqrt",
        "scale_warmup": True,
        **WARMUP,
    },
    "InverseSquareRootWithWarmupScheduler": {
        "t_warmup": "2ba",
        "t_scale": "5ba",
        "t_cooldown": "3ba",
        "t_max": "7ba",
        "alpha_f_decay": 0.25,
        "alpha_f_cooldown": 0.125,
        "scale_warmup": True,
        **WARMUP,
    },
}


def build(name: str, arguments: dict[str, Any]) -> Schedule:
    schedule = getattr(epochal, name)(**arguments)
    assert isinstance(schedule, Schedule)
    return schedule


def full(name: str) -> Schedule:
    """With every argument given."""
    return build(name, FULL[name])


_A, _B = (
    full("LinearScheduler"),
    build("ExponentialScheduler", {"gamma": 0.75, "decay_period": "10ba"}),
)
# One of each, by the name that it has in a mapping, with every argument given.
OPERATIONS: dict[str, Schedule] = {
    "after_warmup": _B.after_warmup("2ba", start=0.125, shape="rex", scale=True),
    "until": _A.until("5ba", _B, carry=True),
    "cooldown": _A.cooldown("2ba", t_max="7ba", alpha_f=0.125, shape="1-sqrt"),
    "clip": _B.clip(low=0.125, high=0.75),
    "repeat": _A.repeat("5ba"),
    "advance": _B.advance("1ba", scale=True),
    "delay": _B.delay("2ba", scale=True),
    "product": _A * _B,
    "scale": _A * 0.75,
    "lift": _A + 0.125,
}
# All of it. A schedule, or an operation, that is added here is in every test that takes these.
EXAMPLES: dict[str, Schedule] = {**{name: full(name) for name in FULL}, **OPERATIONS}
every_example = pytest.mark.parametrize("name", EXAMPLES)


def least(name: str) -> Schedule:
    """With the arguments that have no default."""
    needed = [key for key, default in parameters(name).items() if default is REQUIRED]
    return build(name, {key: FULL[name][key] for key in needed})


def normal(name: str, value: Any) -> object:
    """An argument as an attribute gives it."""
    if name == "milestones":
        return tuple(map(Time, value))
    if name == "points":
        return tuple((Time(time), alpha) for time, alpha in value)
    if isinstance(value, list):
        return tuple(value)
    return Time(value) if name in (*LENGTHS, *MOMENTS) and value is not None else value
