"""The scale schedule ratio for PyTorch's own schedulers, against new ones with scaled arguments."""

import copy
import itertools
import warnings
from collections import Counter
from typing import Any

import epochal
import numpy as np
import pytest
import torch
from epochal.torch import scale_scheduler
from hypothesis import example, given
from hypothesis import strategies as st
from optimizers import adamw, lrs, parameter, sgd, through_a_file, train_step, weights
from pytorch_schedulers import (
    ALL,
    BOUND,
    COMPOSED,
    FILLS_TENSORS,
    ONE,
    RATIOS,
    SIMPLE,
    STEPS,
    Make,
    Ratio,
    Vanishes,
    each_kind,
    made,
    sequence,
    snapshot,
    stepped,
)
from sizes import sized, some
from torch.optim import Optimizer
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

# As new, with scaled arguments


@each_kind
def test_as_new(kind: str) -> None:
    """Also after steps; bit for bit, in the learning rates, the momenta and the state."""
    for ratio, steps in itertools.product(RATIOS, sized([0, 1, 7, 13, 40], [0, 13])):
        try:
            assert_as_new(kind, ratio, steps)
        except Exception as error:
            error.add_note(f"by {ratio}, after {steps} steps")
            raise


def assert_as_new(kind: str, ratio: float, steps: int) -> None:
    optimizer, scheduler = made(ALL[kind])
    stepped(optimizer, scheduler, steps)
    expected = made(ALL[kind], Ratio(ratio))
    try:
        stepped(*expected, steps)
    except ValueError:
        before = snapshot(optimizer, scheduler)
        with pytest.raises(epochal.ScheduleError, match="Tried to step"):
            scale_scheduler(scheduler, ratio)
        assert snapshot(optimizer, scheduler) == before
        return
    scale_scheduler(scheduler, ratio)
    assert snapshot(optimizer, scheduler) == snapshot(*expected)
    assert sequence(optimizer, scheduler) == sequence(*expected)
    assert snapshot(optimizer, scheduler) == snapshot(*expected)


@pytest.mark.skipif(not FILLS_TENSORS, reason="this PyTorch does not fill them either")
@each_kind
def test_tensors_are_filled_in_place(kind: str) -> None:
    for dtype in (torch.float32, torch.float64):
        bases, others = (
            [torch.tensor(0.5, dtype=dtype), torch.tensor([0.1], dtype=dtype)] for _ in range(2)
        )
        optimizer, scheduler = made(ALL[kind], ONE, *bases)
        expected = made(ALL[kind], Ratio(0.5), *others)
        stepped(optimizer, scheduler, 12)
        stepped(*expected, 12)
        scale_scheduler(scheduler, 0.5)
        assert sequence(optimizer, scheduler) == sequence(*expected)
        assert all(lr is base for lr, base in zip(lrs(optimizer), bases, strict=True))


def test_a_tensor_that_groups_share() -> None:
    """As they do if it is the optimizer's default."""

    def make(ratio: Ratio) -> tuple[Optimizer, LRScheduler]:
        groups = [{"params": [parameter()]} for _ in range(2)]
        optimizer = torch.optim.SGD(groups, lr=torch.tensor(0.5))
        return optimizer, SIMPLE["LinearLR"](optimizer, ratio)

    optimizer, scheduler = make(ONE)
    expected = make(Ratio(2))
    stepped(optimizer, scheduler, 12)
    stepped(*expected, 12)
    scale_scheduler(scheduler, 2)
    assert sequence(optimizer, scheduler) == sequence(*expected)
    assert len({id(lr) for lr in lrs(optimizer)}) == 1


@each_kind
def test_adam_and_its_betas(kind: str) -> None:
    optimizer, other = adamw(0.5, 0.1), adamw(0.5, 0.1)
    with warnings.catch_warnings(action="ignore"):
        scheduler, expected = ALL[kind](optimizer, ONE), ALL[kind](other, Ratio(0.5))
    stepped(optimizer, scheduler, 12)
    stepped(other, expected, 12)
    scale_scheduler(scheduler, 0.5)
    assert sequence(optimizer, scheduler) == sequence(other, expected)


@pytest.mark.parametrize(
    ("kind", "scaled_first"),
    [(kind, first) for kind in ALL for first in (True, False) if first or kind not in BOUND],
)
def test_through_a_file(kind: str, scaled_first: bool) -> None:
    """A state that is saved and loaded with the defaults; it holds the lengths too."""
    optimizer, scheduler = made(ALL[kind])
    stepped(optimizer, scheduler, 12)
    scale_scheduler(scheduler, 1.5)
    scheduler_state, optimizer_state = through_a_file(
        [scheduler.state_dict(), optimizer.state_dict()]
    )
    other, loaded = made(ALL[kind])
    if scaled_first:
        scale_scheduler(loaded, 1.5)
    loaded.load_state_dict(scheduler_state)
    other.load_state_dict(optimizer_state)
    assert sequence(other, loaded) == sequence(optimizer, scheduler)


@pytest.mark.parametrize("kind", sorted(SIMPLE.keys() - {"ExponentialLR", "exp_range"}))
def test_there_and_back(kind: str) -> None:
    optimizer, scheduler = made(SIMPLE[kind])
    stepped(optimizer, scheduler, 12)
    before = snapshot(optimizer, scheduler)
    for ratio in (2, 5, 0.1):
        scale_scheduler(scheduler, ratio)
    assert snapshot(optimizer, scheduler) == before


def test_gamma_is_the_root() -> None:
    for gamma, ratio in itertools.product((0.0, 0.5, 0.97, 1.0, 1.1), RATIOS):
        scheduler = ExponentialLR(sgd(0.5), gamma)
        scale_scheduler(scheduler, ratio)
        assert scheduler.gamma == pytest.approx(gamma ** (1 / ratio), rel=1e-14)
        assert type(scheduler.gamma) is float


def test_restarts_of_composers_documentation() -> None:
    """`T_0=4` at twice the length restarts at 0, 8 and 16."""
    optimizer = sgd(1.0)
    scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=4)
    assert scale_scheduler(scheduler, 2.0) is None  # type: ignore[func-returns-value]
    rates = [step[0][0] for step in sequence(optimizer, scheduler, 20)]
    assert [k for k, rate in enumerate(rates) if rate == 1.0] == [0, 8, 16]
    assert rates[4] == pytest.approx(0.5)


def test_the_count_rule() -> None:
    for length, ratio, scaled in [(100, 0.29, 29), (10, 0.29, 2), (7, 0.5, 3), (3, 1 / 3, 1)]:
        scheduler = StepLR(sgd(0.5), length)
        scale_scheduler(scheduler, ratio)
        assert scheduler.step_size == scaled
    long = StepLR(sgd(0.5), 2**53 + 1)
    scale_scheduler(long, 3)
    assert long.step_size == 3 * (2**53 + 1)


# Steps that were made


def test_a_scheduler_far_on() -> None:
    """Half of a long decay, of which the other half is now twice as long."""
    optimizer = sgd(1.0)
    scheduler = CosineAnnealingLR(optimizer, 1000)
    stepped(optimizer, scheduler, 500)
    assert lrs(optimizer) == [pytest.approx(0.5)]
    scale_scheduler(scheduler, 2)
    assert lrs(optimizer) == scheduler.get_last_lr() == [pytest.approx(0.5 + 0.5 / 2**0.5)]
    stepped(optimizer, scheduler, 1500)
    assert lrs(optimizer) == [pytest.approx(0.0, abs=1e-12)]


@pytest.mark.parametrize("t_mult", [1, 2])
def test_restarts_in_the_midst_of_an_epoch(t_mult: int) -> None:
    """`step(epoch + i / batches)` is one of their ways to be stepped."""

    def make(ratio: Ratio) -> tuple[Optimizer, CosineAnnealingWarmRestarts]:
        optimizer = sgd(0.5)
        return optimizer, CosineAnnealingWarmRestarts(optimizer, ratio(4), t_mult)

    for epoch in (0.25, 2.5, 7.3, 16.0, 21.75):
        optimizer, scheduler = make(ONE)
        other, expected = make(Ratio(2))
        optimizer.step()
        scheduler.step(epoch)
        other.step()
        expected.step(epoch)
        scale_scheduler(scheduler, 2)
        for then in (None, epoch + 2.125, 0.5):
            # The fraction of an epoch is off by the rounding of the whole.
            assert lrs(optimizer) == pytest.approx(lrs(other), rel=1e-12)
            assert (scheduler.last_epoch, scheduler.T_i) == (expected.last_epoch, expected.T_i)
            scheduler.step(then)
            expected.step(then)


def test_a_scheduler_that_was_sent_to_an_epoch() -> None:
    optimizer, scheduler = made(ALL["LinearLR"])
    optimizer.step()
    with pytest.warns(UserWarning, match="epoch parameter"):
        scheduler.step(13)
    expected = made(ALL["LinearLR"], Ratio(2))
    stepped(*expected, 13)
    scale_scheduler(scheduler, 2)
    assert sequence(optimizer, scheduler) == sequence(*expected)


def test_a_scheduler_that_resumes() -> None:
    """Made with `last_epoch`, and so one step on."""
    optimizer, scheduler = made(ALL["StepLR"])
    stepped(optimizer, scheduler, 12)
    resumed = StepLR(optimizer, 10, 0.5, last_epoch=12)
    expected = made(ALL["StepLR"], Ratio(1.5))
    stepped(*expected, 13)
    scale_scheduler(resumed, 1.5)
    assert [step[0] for step in sequence(optimizer, resumed)] == [
        step[0] for step in sequence(*expected)
    ]


def test_a_loaded_scheduler_can_be_scaled() -> None:
    optimizer, scheduler = made(ALL["SequentialLR"])
    stepped(optimizer, scheduler, 23)
    other, loaded = made(ALL["SequentialLR"])
    other.load_state_dict(through_a_file(optimizer.state_dict()))
    loaded.load_state_dict(through_a_file(scheduler.state_dict()))
    for each in (scheduler, loaded):
        scale_scheduler(each, 0.5)
    assert sequence(other, loaded) == sequence(optimizer, scheduler)


# What stays as it is


@each_kind
def test_the_rest_of_the_optimizer(kind: str) -> None:
    optimizer, scheduler = made(ALL[kind])
    for k in range(12):
        train_step(optimizer, k)
        scheduler.step()
    before = copy.deepcopy((weights(optimizer), optimizer.state_dict()["state"]))
    cached = [(p, id(optimizer.state[p]["momentum_buffer"])) for p in optimizer.state]
    scale_scheduler(scheduler, 1.5)
    after = (weights(optimizer), optimizer.state_dict()["state"])
    assert repr(after) == repr(before)
    assert cached == [(p, id(optimizer.state[p]["momentum_buffer"])) for p in optimizer.state]
    assert scheduler.optimizer is optimizer


def test_lists_of_others_are_not_written_to() -> None:
    optimizer = sgd(0.5)
    milestones, stages = [10, 20], [StepLR(optimizer, 3) for _ in range(3)]
    scheduler = SequentialLR(optimizer, list(stages), milestones)
    state = scheduler.state_dict()
    scale_scheduler(scheduler, 2)
    assert milestones == state["_milestones"] == [10, 20]
    assert scheduler._milestones == [20, 40]
    assert scheduler._schedulers == stages
    assert [stage.step_size for stage in stages] == [6, 6, 6]


def test_the_milestones_stay_a_counter() -> None:
    scheduler = MultiStepLR(sgd(0.5), [0, 4, 5, 9])
    scale_scheduler(scheduler, 0.5)
    assert scheduler.milestones == Counter({0: 1, 2: 2, 4: 1})
    assert type(scheduler.milestones) is Counter


def test_several_schedulers_of_one_optimizer() -> None:
    """Before the first step each is scaled alone, whatever the others set at their beginning."""

    def make(ratio: Ratio) -> tuple[Optimizer, list[LRScheduler]]:
        optimizer = sgd(0.5, 0.1)
        makes: list[Make] = [SIMPLE[kind] for kind in ("StepLR", "ConstantLR", "ExponentialLR")]
        return optimizer, [make(optimizer, ratio) for make in makes]

    optimizer, schedulers = make(ONE)
    other, expected = make(Ratio(0.5))
    for scheduler in schedulers:
        scale_scheduler(scheduler, 0.5)
    for _ in range(STEPS):
        assert lrs(optimizer) == lrs(other)
        for each, all_ in ((optimizer, schedulers), (other, expected)):
            each.step()
            for scheduler in all_:
                scheduler.step()


@pytest.mark.parametrize("ratio", [2, 2.0, np.float64(2), np.float32(2), np.int64(2)])
def test_types_of_the_ratio(ratio: Any) -> None:
    for kind in ALL:
        optimizer, scheduler = made(ALL[kind])
        scale_scheduler(scheduler, ratio)
        expected = made(ALL[kind], Ratio(2))
        assert repr(snapshot(optimizer, scheduler)) == repr(snapshot(*expected))


def test_lengths_that_are_floats_or_of_numpy() -> None:
    lengths: list[Any] = [100.0, np.float64(100), np.int64(100), np.int32(100)]
    for length in lengths:
        scheduler = CosineAnnealingLR(sgd(0.5), length)
        scale_scheduler(scheduler, 0.5)
        assert type(scheduler.T_max) is int
        assert scheduler.T_max == 50


def test_a_length_of_0_stays_0() -> None:
    for make in (
        lambda o: ConstantLR(o, 0.5, 0),
        lambda o: MultiStepLR(o, [0, 0, 5]),
        lambda o: CyclicLR(o, 0.1, 0.7, 10, 0),
        lambda o: SequentialLR(o, [ConstantLR(o), StepLR(o, 5), StepLR(o, 5)], [0, 0]),
    ):
        scale_scheduler(make(sgd(0.5)), 2)


def test_a_base_rate_that_is_a_tensor() -> None:
    """`SequentialLR` makes it the learning rate, and writes to that."""
    optimizer, scheduler = made(COMPOSED["SequentialLR"])
    base = torch.tensor(0.5)
    optimizer.param_groups[0]["initial_lr"] = base
    scale_scheduler(scheduler, 2)
    assert base.item() == 0.5


# Phases of OneCycleLR


@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize("total", [11, 16, 59, 150])
def test_phases_of_a_pct_start_of_few_digits(total: int, three_phase: bool) -> None:
    """Bit for bit, though their ends divided by the total often give another float."""
    for percent, ratio in itertools.product(some(range(1, 100)), (1.5, 2, 3)):
        scheduler, expected = (
            OneCycleLR(sgd(0.5), 0.7, s(total), pct_start=percent / 100, three_phase=three_phase)
            for s in (ONE, Ratio(ratio))
        )
        scale_scheduler(scheduler, ratio)
        assert scheduler._schedule_phases == expected._schedule_phases


@example(pct=1 / 3, total=30, ratio=2.0)
@given(
    pct=st.floats(0, 1) | st.fractions(0, 1, max_denominator=1000).map(float),
    total=st.integers(2, 10**6),
    ratio=st.sampled_from(RATIOS) | st.floats(0.05, 20),
)
def test_phases_of_any_pct_start(pct: float, total: int, ratio: float) -> None:
    """A pct_start with all its digits may come back off by an ulp or two, and the phases too."""
    for three_phase in (False, True):

        def make(s: Ratio, three_phase: bool = three_phase) -> OneCycleLR:
            return OneCycleLR(sgd(0.5), 1.0, s(total), pct_start=pct, three_phase=three_phase)

        try:
            scheduler, expected = make(ONE), make(Ratio(ratio))
        except (Vanishes, ZeroDivisionError):
            continue
        scale_scheduler(scheduler, ratio)
        assert scheduler.total_steps == expected.total_steps
        ends, others = (
            [phase.pop("end_step") for phase in copy.deepcopy(each._schedule_phases)]  # type: ignore[misc]
            for each in (scheduler, expected)
        )
        ulp = 2**-52 * (expected.total_steps + ratio)
        assert ends == pytest.approx(others, rel=0, abs=2 * ulp)


# Any lengths


@st.composite
def kinds(draw: st.DrawFn, depth: int = 2) -> Make:
    """A scheduler of drawn lengths; composed ones hold others. PyTorch begins with them only."""
    n, m = draw(st.integers(1, 120)), draw(st.integers(1, 120))
    gamma = draw(st.sampled_from([0.1, 0.5, 0.9, 0.97]))
    # Nobody writes more digits; that a quotient has them all is another test's.
    pct = draw(st.integers(0, 1000)) / 1000
    three = draw(st.booleans())
    makes: list[Make] = [
        lambda o, s: StepLR(o, s(n), gamma),
        lambda o, s: MultiStepLR(o, [s(n), s(m), s(n + m)], gamma),
        lambda o, s: ConstantLR(o, gamma, s(n)),
        lambda o, s: LinearLR(o, gamma, 1.0, s(n)),
        lambda o, s: ExponentialLR(o, s.gamma(gamma)),
        lambda o, s: PolynomialLR(o, s(n), 1 + gamma),
        lambda o, s: CosineAnnealingLR(o, s(n), gamma / 10),
        lambda o, s: CosineAnnealingWarmRestarts(o, s(n), 1 + m % 3, gamma / 10),
        lambda o, s: CyclicLR(o, 0.1, 0.7, s(n), s(m), "exp_range", s.gamma(gamma)),
        lambda o, s: OneCycleLR(o, 0.7, s(n + m), pct_start=pct, three_phase=three),
    ]
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(makes))
    first = draw(kinds(depth - 1))
    others = draw(st.lists(kinds(0), max_size=2))
    ends = sorted(draw(st.sets(st.integers(1, 40), min_size=len(others), max_size=len(others))))

    def sequential(o: Any, s: Ratio) -> LRScheduler:
        milestones = [s(end) for end in ends]
        if len(set(milestones)) < len(ends):
            raise Vanishes
        return SequentialLR(o, [make(o, s) for make in (first, *others)], milestones)

    def chained(o: Any, s: Ratio) -> LRScheduler:
        return ChainedScheduler([make(o, s) for make in (first, *others)])

    composed: list[Make] = [sequential, chained]
    return draw(st.sampled_from(composed))


@given(
    make=kinds(),
    ratio=st.sampled_from(RATIOS) | st.floats(0.05, 5) | st.integers(1, 5),
    steps=st.integers(0, 60),
)
def test_any_scheduler(make: Make, ratio: float, steps: int) -> None:
    """As new, or refused and left as it was."""
    try:
        optimizer, scheduler = made(make)
        stepped(optimizer, scheduler, steps)
    except (ZeroDivisionError, ValueError):
        return  # PyTorch's own limits: `OneCycleLR` ends, and divides by a phase of length 0.
    before = snapshot(optimizer, scheduler)
    try:
        expected = made(make, Ratio(ratio))
        stepped(*expected, steps)
    except (Vanishes, ZeroDivisionError, ValueError):
        with pytest.raises(epochal.ScheduleError):
            scale_scheduler(scheduler, ratio)
        assert snapshot(optimizer, scheduler) == before
        return
    scale_scheduler(scheduler, ratio)
    assert snapshot(optimizer, scheduler) == snapshot(*expected)
