"""PyTorch's own schedulers with lengths to be scaled, and what is read off them."""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from epochal import (
    CosineAnnealingScheduler,
    ExponentialScheduler,
    LinearScheduler,
    Run,
    StepScheduler,
)
from epochal.torch import bind
from optimizers import lrs, settings, sgd
from reference.time import product
from torch import Tensor
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    SequentialLR,
    StepLR,
)

# Older versions replace learning rates that are tensors, or write over their bases.
FILLS_TENSORS = hasattr(lr_scheduler, "_update_param_group_val")

RATIOS = [0.1, 0.25, 0.29, 0.5, 1.5, 2, 3]
STEPS = 70


class Vanishes(Exception):
    """A length, or a stage between two of them, is gone."""


class Ratio:
    """σ, as somebody applies it who writes the arguments anew."""

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio

    def __call__(self, length: int) -> int:
        scaled = product(length, float(self.ratio))
        if length and not scaled:
            raise Vanishes
        return scaled

    def gamma(self, gamma: float) -> float:
        if self.ratio == 1:
            return gamma
        run = Run("1000000ba", scale_schedule_ratio=self.ratio)
        return ExponentialScheduler(gamma, "1ba").resolve(run)(1)


ONE = Ratio(1)
Make = Callable[[Any, Ratio], LRScheduler]

SIMPLE: dict[str, Make] = {
    "StepLR": lambda o, s: StepLR(o, s(10), 0.5),
    "MultiStepLR": lambda o, s: MultiStepLR(o, [s(n) for n in (12, 30, 30, 31)], 0.5),
    "ConstantLR": lambda o, s: ConstantLR(o, 0.3, s(17)),
    "LinearLR": lambda o, s: LinearLR(o, 0.1, 0.7, s(25)),
    "ExponentialLR": lambda o, s: ExponentialLR(o, s.gamma(0.9)),
    "PolynomialLR": lambda o, s: PolynomialLR(o, s(40), 1.7),
    "CosineAnnealingLR": lambda o, s: CosineAnnealingLR(o, s(21), 0.01),
    "CosineAnnealingWarmRestarts": lambda o, s: CosineAnnealingWarmRestarts(o, s(10), 2),
    "restarts of one length": lambda o, s: CosineAnnealingWarmRestarts(o, s(13), 1, 0.01),
    "CyclicLR": lambda o, s: CyclicLR(o, 0.1, 0.7, s(10), s(23)),
    "triangular2": lambda o, s: CyclicLR(o, 0.1, [0.7, 0.2], s(13), None, "triangular2"),
    "exp_range": lambda o, s: CyclicLR(o, 0.1, 0.7, s(11), s(12), "exp_range", s.gamma(0.97)),
    "scale_fn": lambda o, s: CyclicLR(o, 0.1, 0.7, s(10), scale_fn=lambda cycle: 1 / (1 + cycle)),
    "OneCycleLR": lambda o, s: OneCycleLR(o, [0.7, 0.2], s(150)),
    "three phases": lambda o, s: OneCycleLR(o, 0.7, s(150), pct_start=0.21, three_phase=True),
    "linear phases": lambda o, s: OneCycleLR(
        o, 0.7, epochs=s(150), steps_per_epoch=1, anneal_strategy="linear", cycle_momentum=False
    ),
    "a bound schedule": lambda o, s: bind(
        {0: StepScheduler("3ba"), None: CosineAnnealingScheduler("0.7dur")},
        o,
        Run("60ba", scale_schedule_ratio=s.ratio),
        fields={"weight_decay": LinearScheduler()},
        base={"weight_decay": 0.1},
    ),
}
COMPOSED: dict[str, Make] = {
    "bound schedules in a sequence": lambda o, s: SequentialLR(
        o,
        [
            bind(LinearScheduler(0.1, 1.0, "10ba"), o, Run("60ba", scale_schedule_ratio=s.ratio)),
            CosineAnnealingLR(o, s(20)),
            bind(StepScheduler("7ba"), o, Run("60ba", scale_schedule_ratio=s.ratio)),
        ],
        [s(10), s(30)],
    ),
    "SequentialLR": lambda o, s: SequentialLR(
        o,
        [
            LinearLR(o, 0.1, total_iters=s(10)),
            CosineAnnealingLR(o, s(20)),
            CosineAnnealingWarmRestarts(o, s(10)),
            CyclicLR(o, 0.1, 0.7, s(10)),
            ExponentialLR(o, s.gamma(0.9)),
        ],
        [s(10), s(20), s(35), s(50)],
    ),
    "ChainedScheduler": lambda o, s: ChainedScheduler(
        [ConstantLR(o, 0.5, s(10)), MultiStepLR(o, [s(11), s(30)]), ExponentialLR(o, s.gamma(0.9))]
    ),
    "a sequence in a chain": lambda o, s: ChainedScheduler(
        [
            SequentialLR(o, [ConstantLR(o, 0.5, s(10)), PolynomialLR(o, s(40))], [s(20)]),
            StepLR(o, s(10)),
            CosineAnnealingWarmRestarts(o, s(11), 2),
            LinearLR(o, 0.5, total_iters=s(30)),
        ]
    ),
    "composed ones in a sequence": lambda o, s: SequentialLR(
        o,
        [
            SequentialLR(
                o,
                [
                    ChainedScheduler([LinearLR(o, total_iters=s(10)), PolynomialLR(o, s(30))]),
                    ExponentialLR(o, s.gamma(0.8)),
                ],
                [s(10)],
            ),
            OneCycleLR(o, 0.7, s(60), pct_start=0.5),
        ],
        [s(30)],
    ),
}
ALL = SIMPLE | COMPOSED
# Their lengths are in their schedules and runs, not in their states.
BOUND = {"a bound schedule", "bound schedules in a sequence"}
each_kind = pytest.mark.parametrize("kind", ALL)
each_ratio = pytest.mark.parametrize("ratio", RATIOS)


def made(make: Make, ratio: Ratio = ONE, *bases: Any) -> tuple[Optimizer, LRScheduler]:
    optimizer = sgd(*(bases or (0.5, 0.1)))
    with warnings.catch_warnings(action="ignore"):
        # `SequentialLR` steps one that it begins with before the optimizer's first step.
        return optimizer, make(optimizer, ratio)


def stepped(optimizer: Optimizer, scheduler: LRScheduler, steps: int) -> None:
    optimizer.step()  # once, of which schedulers want to know; it changes nothing
    for _ in range(steps):
        scheduler.step()


def kept(value: Any) -> Any:
    """A copy: tensors are written to in place."""
    if isinstance(value, list | tuple):
        return [kept(item) for item in value]
    return value.clone() if isinstance(value, Tensor) else value


def sequence(optimizer: Optimizer, scheduler: LRScheduler, steps: int = STEPS) -> list[Any]:
    """What the scheduler sets from here on, to the end of `OneCycleLR`."""
    seen: list[Any] = []
    optimizer.step()
    for _ in range(steps):
        groups = optimizer.param_groups
        moments = [
            (group.get("momentum", group.get("betas")), group["weight_decay"]) for group in groups
        ]
        seen.append(kept((lrs(optimizer), moments, scheduler.get_last_lr())))
        try:
            scheduler.step()
        except ValueError as error:
            assert "Tried to step" in str(error)  # noqa: PT017
            break
    return seen


def snapshot(optimizer: Optimizer, scheduler: LRScheduler) -> Any:
    """All that a scheduler might change."""
    return settings(optimizer), without_reports(copy.deepcopy(scheduler.state_dict()))


def without_reports(state: Any) -> Any:
    """A stage whose turn has not come reports what others had set when it was made."""
    for child in state.get("_schedulers", []):
        del without_reports(child)["_last_lr"]
    return state
