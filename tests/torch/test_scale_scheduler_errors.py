"""What `scale_scheduler` refuses, and that nothing has changed then."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from epochal import Clock, LinearScheduler, Run, ScheduleError
from epochal.torch import bind, scale_scheduler
from optimizers import parameter, sgd
from pytorch_schedulers import ALL, FILLS_TENSORS, made, sequence, snapshot, stepped
from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from torch.optim.swa_utils import SWALR


class Doubled(StepLR):
    """A subclass may mean anything by its attributes."""


def half(k: float) -> float:
    return 0.5


def bound(optimizer: Optimizer) -> LRScheduler:
    return bind(LinearScheduler(), optimizer, Clock(Run("9ba")))


def chain(optimizer: Optimizer, child: LRScheduler) -> LRScheduler:
    return ChainedScheduler([StepLR(optimizer, 50), child])


def stages(optimizer: Optimizer, *milestones: Any) -> LRScheduler:
    return SequentialLR(
        optimizer, [StepLR(optimizer, 50) for _ in range(len(milestones) + 1)], list(milestones)
    )


def with_changed(scheduler: Any, **attributes: Any) -> LRScheduler:
    vars(scheduler).update(attributes)
    return scheduler  # type: ignore[no-any-return]


VANISH: list[tuple[Callable[[Any], LRScheduler], str]] = [
    (lambda o: StepLR(o, 3), "StepLR: step_size 3 × 0.1 would be 0"),
    (lambda o: MultiStepLR(o, [20, 4]), "MultiStepLR: milestones 4 × 0.1 would be 0"),
    (lambda o: ConstantLR(o, 0.5), "ConstantLR: total_iters 5 × 0.1 would be 0"),
    (lambda o: LinearLR(o, 0.5, 1.0, 9), "LinearLR: total_iters 9 × 0.1 would be 0"),
    (lambda o: PolynomialLR(o, 8), "PolynomialLR: total_iters 8 × 0.1 would be 0"),
    (lambda o: CosineAnnealingLR(o, 7), "CosineAnnealingLR: T_max 7 × 0.1 would be 0"),
    (
        lambda o: CosineAnnealingWarmRestarts(o, 6, 2),
        "CosineAnnealingWarmRestarts: T_0 6 × 0.1 would be 0",
    ),
    (lambda o: CyclicLR(o, 0.1, 0.7, 5, 50), "CyclicLR: step_size_up 5 × 0.1 would be 0"),
    (lambda o: CyclicLR(o, 0.1, 0.7, 50, 5), "CyclicLR: step_size_down 5 × 0.1 would be 0"),
    (lambda o: OneCycleLR(o, 0.7, 4), "OneCycleLR: total_steps 4 × 0.1 would be 0"),
    (lambda o: OneCycleLR(o, 0.7, 100, pct_start=0.1), "OneCycleLR: of total_steps 10 the first"),
    (lambda o: stages(o, 2, 50), "SequentialLR: milestones 2 × 0.1 would be 0"),
    (
        lambda o: stages(o, 20, 52, 58),
        "SequentialLR: milestones 52 and 58 × 0.1 would both be 5, with no step left for "
        "schedulers[2]",
    ),
    (
        lambda o: chain(o, stages(o, 15, 16)),
        "ChainedScheduler: schedulers[1]: SequentialLR: milestones 15 and 16 × 0.1",
    ),
    (
        lambda o: chain(o, ConstantLR(o, 0.5, 4)),
        "ChainedScheduler: schedulers[1]: ConstantLR: total_iters 4 × 0.1 would be 0",
    ),
]

NO_NUMBERS: list[tuple[Callable[[Any], LRScheduler], float, str]] = [
    (lambda o: StepLR(o, 2.5), 2, "StepLR: step_size 2.5 × 2: .*whole number"),  # type: ignore[arg-type]
    (lambda o: StepLR(o, True), 2, "StepLR: step_size True × 2"),
    (lambda o: StepLR(o, float("inf")), 2, "StepLR: step_size inf × 2"),  # type: ignore[arg-type]
    (lambda o: MultiStepLR(o, [1, 2.5]), 2, "MultiStepLR: milestones 2.5 × 2"),  # type: ignore[list-item]
    (lambda o: ConstantLR(o, 0.5, "5"), 2, "ConstantLR: total_iters 5 × 2"),  # type: ignore[arg-type]
    (lambda o: stages(o, 5, 7.5), 2, "SequentialLR: milestones 7.5 × 2"),
    (lambda o: CyclicLR(o, 0.1, 0.7, 2.5), 2, "CyclicLR: step_size_up and step_size_down"),  # type: ignore[arg-type]
    (lambda o: CyclicLR(o, 0.1, 0.7, 2.5, 3), 2, "CyclicLR: total_size 5.5 × .*whole number"),  # type: ignore[arg-type]
    (lambda o: CyclicLR(o, 0.1, 0.7, float("inf")), 2, "CyclicLR: total_size inf × "),  # type: ignore[arg-type]
    (lambda o: CyclicLR(o, 0.1, 0.7, 2**62), 2, "CyclicLR: total_size 9.*out of range"),
    (lambda o: CyclicLR(o, 0.1, 0.7, 2**61), 8, "CyclicLR: step_size_up 2.*out of range"),
    (
        lambda o: with_changed(OneCycleLR(o, 0.7, 100), total_steps=120),
        2,
        "OneCycleLR: its phases are not those of any pct_start",
    ),
    (lambda o: StepLR(o, 2**62), 2, r"StepLR: step_size 4611686018427387904 × 2: .*out of range"),
    (lambda o: StepLR(o, 5), 1e300, r"StepLR: step_size 5 × 1e\+300: .*out of range"),
    (lambda o: StepLR(o, 5), 1e-320, "StepLR: step_size 5 × 1e-320 would be 0"),
    (lambda o: ExponentialLR(o, 1e300), 0.1, "ExponentialLR: gamma 1e\\+300.*finite"),
    (lambda o: ExponentialLR(o, -0.5), 2, "ExponentialLR: gamma -0.5"),
    (lambda o: ExponentialLR(o, float("nan")), 2, "ExponentialLR: gamma nan"),
    (lambda o: CyclicLR(o, 0.1, 0.7, 50, None, "exp_range", 1e40), 0.1, "CyclicLR: gamma 1e\\+40"),
    (
        lambda o: CyclicLR(o, 0.1, 0.7, 50, scale_fn=half, scale_mode="iterations"),
        2,
        "CyclicLR: a scale_fn of iterations",
    ),
]

UNKNOWN: list[tuple[Callable[[Any], LRScheduler], str]] = [
    (lambda o: LambdaLR(o, half), "LambdaLR cannot be scaled: .*by hand.*schedule of epochal"),
    (lambda o: MultiplicativeLR(o, half), "MultiplicativeLR cannot be scaled"),
    (lambda o: ReduceLROnPlateau(o), "ReduceLROnPlateau cannot be scaled"),
    (lambda o: SWALR(o, 0.05), "SWALR cannot be scaled"),
    (lambda o: Doubled(o, 5), "Doubled cannot be scaled"),
    (bound, "EpochalLR: the clock tells its time: set scale_schedule_ratio in its Run"),
    (lambda o: chain(o, bound(o)), r"ChainedScheduler: schedulers\[1\]: EpochalLR: the clock"),
    (
        lambda o: bind(lambda state: 1.0, o, "9ba"),
        "EpochalLR: .*<lambda>.* does not take .*ratio",
    ),
    (lambda o: bind(LinearScheduler(), o, f"{2**62}ba"), "EpochalLR: .*overflow|EpochalLR: .*2"),
    (
        lambda o: chain(o, SequentialLR(o, [LambdaLR(o, half), StepLR(o, 5)], [5])),
        r"ChainedScheduler: schedulers\[1\]: SequentialLR: schedulers\[0\]: LambdaLR cannot",
    ),
]


def assert_refused(make: Callable[[Any], LRScheduler], ratio: Any, text: str) -> None:
    shape = (1,) if FILLS_TENSORS else ()
    for bases in ((0.5, 0.1), (torch.tensor(0.5), torch.full(shape, 0.1))):
        optimizer = sgd(*bases)
        scheduler = make(optimizer)
        before = repr(snapshot(optimizer, scheduler))
        with pytest.raises(ScheduleError, match=text):
            scale_scheduler(scheduler, ratio)
        assert repr(snapshot(optimizer, scheduler)) == before


@pytest.mark.parametrize(("make", "text"), VANISH)
def test_lengths_that_would_vanish(make: Callable[[Any], LRScheduler], text: str) -> None:
    assert_refused(make, 0.1, text.replace("[", r"\[").replace("]", r"\]"))


@pytest.mark.parametrize(("make", "ratio", "text"), NO_NUMBERS)
def test_lengths_that_cannot_be_scaled(
    make: Callable[[Any], LRScheduler], ratio: float, text: str
) -> None:
    assert_refused(make, ratio, text)


@pytest.mark.parametrize(("make", "text"), UNKNOWN)
def test_schedulers_that_are_not_known(make: Callable[[Any], LRScheduler], text: str) -> None:
    assert_refused(make, 2, text)


@pytest.mark.parametrize("ratio", [1, 1.0, np.float32(1)])
def test_the_ratio_1_takes_every_scheduler(ratio: Any) -> None:
    makes = [make for make, _ in VANISH + UNKNOWN] + [make for make, _, _ in NO_NUMBERS]
    for make in makes:
        optimizer = sgd(0.5, 0.1)
        scheduler = make(optimizer)
        before = repr(snapshot(optimizer, scheduler))
        scale_scheduler(scheduler, ratio)
        assert repr(snapshot(optimizer, scheduler)) == before


@pytest.mark.parametrize("ratio", [0, -1, 0.0, float("nan"), float("inf"), 10**400])
def test_ratios_out_of_range(ratio: Any) -> None:
    assert_refused(lambda o: StepLR(o, 5), ratio, "finite")


@pytest.mark.parametrize("ratio", [None, "2", True, 1 + 0j, [2], torch.tensor(2.0)])
def test_ratios_that_are_no_numbers(ratio: Any) -> None:
    with pytest.raises(TypeError, match="must be a number"):
        scale_scheduler(StepLR(sgd(0.5), 5), ratio)


@pytest.mark.parametrize("other", [None, 5, "StepLR", StepLR, sgd(0.5), LinearScheduler()])
def test_no_scheduler(other: Any) -> None:
    for ratio in (1, 2):
        with pytest.raises(TypeError, match="scheduler must be"):
            scale_scheduler(other, ratio)


# Steps that were made


def test_more_steps_than_there_would_be() -> None:
    optimizer = sgd(0.5, 0.1)
    scheduler = OneCycleLR(optimizer, 0.7, 100)
    stepped(optimizer, scheduler, 60)
    before = snapshot(optimizer, scheduler)
    with pytest.raises(ScheduleError, match=r"OneCycleLR × 0\.5 cannot make the 60 steps.* 50"):
        scale_scheduler(scheduler, 0.5)
    assert snapshot(optimizer, scheduler) == before
    scale_scheduler(scheduler, 0.6)
    assert scheduler.total_steps == 60


def test_a_learning_rate_that_something_else_has_changed() -> None:
    """What it would be is not known, and so it is not overwritten."""
    optimizer, scheduler = made(ALL["StepLR"])
    stepped(optimizer, scheduler, 12)
    optimizer.param_groups[1]["lr"] = 0.04
    before = snapshot(optimizer, scheduler)
    with pytest.raises(
        ScheduleError, match="StepLR: 12 steps lead to lr of group 1 0.05, but.*0.04"
    ):
        scale_scheduler(scheduler, 2)
    assert snapshot(optimizer, scheduler) == before
    # Where twelve steps lead to the same rate, nothing of it is overwritten.
    scale_scheduler(scheduler, 1.2)
    assert optimizer.param_groups[1]["lr"] == 0.04


def test_a_part_of_a_scheduler_that_has_not_begun() -> None:
    optimizer, scheduler = made(ALL["SequentialLR"])
    stage: Any = scheduler._schedulers[1]  # type: ignore[attr-defined]
    with pytest.raises(ScheduleError, match="CosineAnnealingLR: 0 steps lead to last_epoch.*-1"):
        scale_scheduler(stage, 2)
    assert sequence(optimizer, scheduler) == sequence(*made(ALL["SequentialLR"]))


def test_parts_that_have_made_other_steps() -> None:
    optimizer = sgd(0.5)
    first, second = StepLR(optimizer, 5), ConstantLR(optimizer, 0.5, 9)
    scheduler = ChainedScheduler([first, second])
    stepped(optimizer, second, 2)
    stepped(optimizer, scheduler, 7)
    before = snapshot(optimizer, scheduler)
    with pytest.raises(ScheduleError, match="ChainedScheduler: 7 steps.*ConstantLR 7, but it is 9"):
        scale_scheduler(scheduler, 2)
    assert snapshot(optimizer, scheduler) == before


def test_a_group_that_came_later() -> None:
    optimizer, scheduler = made(ALL["StepLR"])
    optimizer.add_param_group({"params": [parameter()], "lr": 0.2})
    scale_scheduler(scheduler, 2)
    stepped(optimizer, scheduler, 20)
    before = snapshot(optimizer, scheduler)
    with pytest.raises(ScheduleError, match="StepLR: 20 steps lead to lr of group 2"):
        scale_scheduler(scheduler, 0.5)
    assert snapshot(optimizer, scheduler) == before


def test_a_function_that_fails() -> None:
    calls: list[float] = []

    def failing(cycle: float) -> float:
        calls.append(cycle)
        if len(calls) > 12:
            raise KeyError("no")
        return 1.0

    optimizer = sgd(0.5, 0.1)
    scheduler = CyclicLR(optimizer, 0.1, 0.7, 4, scale_fn=failing)
    stepped(optimizer, scheduler, 1)
    before = snapshot(optimizer, scheduler)
    with pytest.raises(ScheduleError, match="CyclicLR.*no"):
        scale_scheduler(scheduler, 2)
    assert snapshot(optimizer, scheduler) == before
