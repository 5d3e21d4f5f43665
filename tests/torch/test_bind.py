"""Schedules bound to PyTorch optimizers: rates, groups, and the ways of other schedulers."""

import copy
import types
from typing import Any

import numpy as np
import pytest
import torch
from epochal import (
    CosineAnnealingWithWarmupScheduler,
    LinearScheduler,
    MultiStepWithWarmupScheduler,
    PolynomialScheduler,
    Run,
    Schedule,
    StepScheduler,
)
from epochal._functions import State
from epochal.torch import bind
from optimizers import (
    RUN,
    STEPS,
    adamw,
    each_schedule,
    lrs,
    parameter,
    settings,
    sgd,
    through_a_file,
    train_step,
    weights,
)
from torch import Tensor
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import ExponentialLR, LambdaLR, LinearLR, LRScheduler, SequentialLR

# What a step sets


@each_schedule
def test_each_step_has_its_rate(schedule: Schedule) -> None:
    optimizer = sgd(0.5, 0.1, 3e-4)
    scheduler = bind(schedule, optimizer, RUN)
    curve = schedule.resolve(RUN)
    for k in range(STEPS + 6):
        alpha = curve(RUN.at_batch(k))
        assert scheduler.last_epoch == k
        assert lrs(optimizer) == [0.5 * alpha, 0.1 * alpha, 3e-4 * alpha]
        assert scheduler.get_last_lr() == scheduler.get_lr() == lrs(optimizer)
        assert {type(lr) for lr in lrs(optimizer)} == {float}
        train_step(optimizer, k)
        scheduler.step()


def test_rates_that_one_can_work_out() -> None:
    optimizer = sgd(0.5)
    schedule = MultiStepWithWarmupScheduler("2ba", ["1ep", "2ep"], gamma=0.5)
    scheduler = bind(schedule, optimizer, Run("3ep", batches_per_epoch=3))
    seen = []
    for k in range(9):
        seen += lrs(optimizer)
        train_step(optimizer, k)
        scheduler.step()
    assert seen == [0.0, 0.25, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125]


def test_the_scale_schedule_ratio() -> None:
    optimizer = sgd(1.0)
    run = Run("3ba", scale_schedule_ratio=2.0)
    scheduler = bind(StepScheduler("1ba", 0.5), optimizer, run)
    seen = []
    for k in range(6):
        seen += lrs(optimizer)
        train_step(optimizer, k)
        scheduler.step()
    assert seen == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]


@each_schedule
def test_it_does_what_lambda_lr_does(schedule: Schedule) -> None:
    """The same rates and parameters, bit for bit, with floats and with tensors."""
    curve = schedule.resolve(RUN)
    for base in (lambda: 0.1, lambda: torch.tensor(0.1, dtype=torch.float64)):
        ours, theirs = adamw(base(), 0.02), adamw(base(), 0.02)
        schedulers = [
            bind(schedule, ours, RUN),
            LambdaLR(theirs, lambda k: curve(RUN.at_batch(k))),
        ]
        for k in range(STEPS):
            assert lrs(ours) == lrs(theirs)
            for optimizer, scheduler in zip((ours, theirs), schedulers, strict=True):
                train_step(optimizer, k)
                scheduler.step()
        assert all(map(torch.equal, weights(ours), weights(theirs)))


def test_short_tensors_are_rounded_once() -> None:
    """The float32 nearest to the rate; LambdaLR rounds α before it multiplies."""
    optimizer = adamw(torch.tensor(0.1))
    scheduler = bind(LinearScheduler(), optimizer, Run("7ba"))
    base = float(torch.tensor(0.1))
    for k in range(8):
        assert torch.equal(lrs(optimizer)[0], torch.tensor(base * ((7 - k) / 7)))
        train_step(optimizer, k)
        scheduler.step()


def test_a_base_tensor_may_change() -> None:
    """In place, or by another tensor: it is read anew."""
    optimizer = adamw(torch.tensor(0.5))
    scheduler = bind(LinearScheduler(), optimizer, Run("8ba"))
    group = optimizer.param_groups[0]
    train_step(optimizer, 0)
    group["initial_lr"].fill_(2.0)
    scheduler.step()
    assert lrs(optimizer) == [2.0 * 7 / 8]
    group["initial_lr"] = torch.tensor(4.0)
    scheduler.step()
    assert lrs(optimizer) == [4.0 * 6 / 8]
    group["initial_lr"] = 8.0
    scheduler.step()
    assert lrs(optimizer) == [8.0 * 5 / 8]


def test_several_schedules_multiply() -> None:
    def half(state: State) -> float:
        return 0.5

    optimizer = sgd(1.0)
    scheduler = bind(LinearScheduler() * StepScheduler("2ba", 0.5) * half, optimizer, Run("8ba"))
    assert lrs(optimizer) == [0.5]
    train_step(optimizer, 0)
    scheduler.step(epoch=3)
    assert lrs(optimizer) == [0.625 * 0.5 * 0.5]


def test_samples_and_tokens_come_from_the_rates_of_the_run() -> None:
    run = Run("1000tok", samples_per_batch=10, tokens_per_batch=100)
    optimizers = [sgd(0.3) for _ in range(4)]
    ends: list[Any] = ["10ba", "100sp", "1000tok", "1dur"]
    schedulers = [
        bind(LinearScheduler(t_max=end), optimizer, run)
        for end, optimizer in zip(ends, optimizers, strict=True)
    ]
    for k in range(12):
        assert lrs(optimizers[0]) == [0.3 * ((10 - min(k, 10)) / 10)]
        assert len({optimizer.param_groups[0]["lr"] for optimizer in optimizers}) == 1
        for optimizer, scheduler in zip(optimizers, schedulers, strict=True):
            train_step(optimizer, k)
            scheduler.step()


def test_one_evaluation_a_step() -> None:
    batches = []

    def function(state: State) -> float:
        batches.append(state.timestamp.batch.value)
        return 1.0

    optimizer = sgd(*[0.1] * 50)
    scheduler = bind(function, optimizer, RUN)
    assert batches == [0]
    for k in range(3):
        train_step(optimizer, k)
        scheduler.step()
    assert batches == [0, 1, 2, 3]
    scheduler.step(epoch=9)
    scheduler.get_lr()
    assert batches == [0, 1, 2, 3, 9, 9]


def test_a_jump() -> None:
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, Run("10ba"))
    train_step(optimizer, 0)
    epochs: list[Any] = [7, 2, np.int64(4), 0, 99]
    for epoch in epochs:
        scheduler.step(epoch)
        assert scheduler.last_epoch == epoch
        assert type(scheduler.last_epoch) is int
        assert lrs(optimizer) == [0.5 * (max(0, 10 - epoch) / 10)]


def test_a_whole_training() -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 3)
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.25
    dataset = torch.utils.data.TensorDataset(x, y)
    loader = torch.utils.data.DataLoader(dataset, batch_size=8, shuffle=True)
    model = torch.nn.Linear(3, 1)
    optimizer = AdamW(model.parameters(), lr=0.1, weight_decay=0.0)
    run = Run("20ep", batches_per_epoch=len(loader))
    scheduler = bind(CosineAnnealingWithWarmupScheduler("1ep"), optimizer, run)
    losses, rates = [], []
    for _ in range(20):
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(inputs), targets)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            rates.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
    assert losses[-1] < 1e-3 < 1.0 < losses[0]
    assert [rates[0], rates[4], rates[8]] == [0.0, 0.05, 0.1]
    assert rates[8:] == sorted(rates[8:], reverse=True)
    assert 0.0 < rates[-1] < 1e-4
    assert lrs(optimizer) == [0.0]


# Groups


def test_bases_of_other_types_become_floats() -> None:
    optimizer = sgd(1, np.float64(0.1), 0.25)
    scheduler = bind(LinearScheduler(), optimizer, Run("4ba"))
    for k in range(3):
        assert lrs(optimizer) == [1 - k / 4, 0.1 * (1 - k / 4), 0.25 * (1 - k / 4)]
        for group in optimizer.param_groups:
            assert [type(group["lr"]), type(group["initial_lr"])] == [float, float]
        train_step(optimizer, k)
        scheduler.step()


def test_groups_that_come_and_go() -> None:
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, Run("8ba"))
    train_step(optimizer, 0)
    scheduler.step()
    optimizer.add_param_group({"params": [parameter()], "lr": 0.25})
    assert lrs(optimizer) == [0.5 * 0.875, 0.25]
    assert scheduler.get_lr() == [0.5 * 0.875, 0.25 * 0.875]
    assert scheduler.base_lrs == [0.5, 0.25]
    assert "initial_lr" not in optimizer.param_groups[1]
    for k in (2, 3):
        train_step(optimizer, k)
        scheduler.step()
        assert lrs(optimizer) == scheduler.get_last_lr() == [0.5 * (1 - k / 8), 0.25 * (1 - k / 8)]
    assert optimizer.param_groups[1]["initial_lr"] == 0.25
    # One that brings its base rate along, and one that has the optimizer's.
    optimizer.add_param_group({"params": [parameter()], "lr": 7.0, "initial_lr": 1.0})
    optimizer.add_param_group({"params": [parameter()]})
    del optimizer.param_groups[0]
    train_step(optimizer, 4)
    scheduler.step()
    assert lrs(optimizer) == scheduler.get_last_lr() == [0.125, 0.5, 0.25]
    optimizer.param_groups.clear()
    scheduler.step()
    assert scheduler.get_last_lr() == scheduler.get_lr() == []


def test_a_base_rate_that_is_changed_later() -> None:
    optimizer = sgd(0.5, 0.5)
    scheduler = bind(LinearScheduler(), optimizer, Run("4ba"))
    optimizer.param_groups[0]["initial_lr"] = 1.0
    assert scheduler.base_lrs == [1.0, 0.5]
    train_step(optimizer, 0)
    scheduler.step()
    assert lrs(optimizer) == [0.75, 0.375]
    scheduler.base_lrs = [2.0, 4]
    scheduler.step()
    assert lrs(optimizer) == [1.0, 2.0]
    assert [group["initial_lr"] for group in optimizer.param_groups] == [2.0, 4.0]


@pytest.mark.parametrize("shape", [(), (1,)])
def test_tensors_are_filled_in_place(shape: tuple[int, ...]) -> None:
    tensor = torch.full(shape, 0.5)
    optimizer = sgd(tensor, 0.25)
    scheduler = bind(LinearScheduler(), optimizer, Run("8ba"))
    for k in range(5):
        first, second = lrs(optimizer)
        assert first is tensor
        assert tensor.item() == 0.5 * (1 - k / 8)
        assert second == 0.25 * (1 - k / 8)
        (last, _), (now, _) = scheduler.get_last_lr(), scheduler.get_lr()
        for copied in (last, now):
            assert isinstance(copied, Tensor)
            assert torch.equal(copied, tensor)
            copied.fill_(9.0)
        assert tensor.item() == 0.5 * (1 - k / 8)
        optimizer.step()
        scheduler.step()
    base = optimizer.param_groups[0]["initial_lr"]
    assert torch.equal(base, torch.full(shape, 0.5))
    bases = scheduler.base_lrs
    assert isinstance(bases[0], Tensor)
    bases[0].fill_(9.0)
    assert torch.equal(base, torch.full(shape, 0.5))


def test_a_tensor_in_double_precision_keeps_it() -> None:
    tensor = torch.tensor(0.1, dtype=torch.float64)
    optimizer = sgd(tensor)
    scheduler = bind(PolynomialScheduler(1.7), optimizer, RUN)
    optimizer.step()
    scheduler.step()
    alpha = PolynomialScheduler(1.7).resolve(RUN)(1)
    assert tensor.item() == 0.1 * alpha
    # A float as the base of a tensor, and the other way round.
    optimizer.param_groups[0]["initial_lr"] = 0.2
    scheduler.step(epoch=1)
    assert tensor.item() == 0.2 * alpha
    optimizer.param_groups[0].update(lr=1.0, initial_lr=torch.tensor(0.3, dtype=torch.float64))
    scheduler.step(epoch=1)
    assert lrs(optimizer) == [0.3 * alpha]
    assert type(lrs(optimizer)[0]) is float


def test_adam_with_a_tensor() -> None:
    tensor = torch.tensor(0.1)
    weight = parameter()
    optimizer = Adam([weight], lr=tensor, capturable=False)
    scheduler = bind(CosineAnnealingWithWarmupScheduler("5ba"), optimizer, RUN)
    before = weights(optimizer)
    train_step(optimizer, 0)
    # The rate of step 0 is 0.
    assert torch.equal(before[0], weights(optimizer)[0])
    for k in range(1, STEPS):
        scheduler.step()
        train_step(optimizer, k)
    assert not torch.equal(before[0], weights(optimizer)[0])
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is tensor
    assert tensor.item() == 0.0


def test_a_new_group_that_shares_the_default_tensor() -> None:
    """It gets the optimizer's own tensor, to which the scheduler has written."""
    tensor = torch.tensor(0.5)
    optimizer = torch.optim.SGD([parameter()], lr=tensor)
    scheduler = bind(LinearScheduler(), optimizer, Run("8ba"))
    optimizer.step()
    scheduler.step(epoch=4)
    optimizer.add_param_group({"params": [parameter()]})
    assert optimizer.param_groups[1]["lr"] is tensor
    assert [float(lr) for lr in scheduler.get_lr()] == [0.25, 0.25]
    scheduler.step(epoch=6)
    assert tensor.item() == 0.125
    assert [group["initial_lr"].item() for group in optimizer.param_groups] == [0.5, 0.5]


# Like PyTorch's schedulers, and unlike


def test_what_others_look_for() -> None:
    optimizer = sgd(0.5, 0.1)
    scheduler = bind(LinearScheduler(), optimizer, Run("10ba"))
    assert isinstance(scheduler, LambdaLR)
    assert isinstance(scheduler, LRScheduler)
    # A callable scheduler is taken for a factory of schedulers.
    assert not callable(scheduler)
    assert scheduler.optimizer is optimizer
    assert scheduler.run == Run("10ba")
    assert scheduler.curve == LinearScheduler().resolve(Run("10ba"))
    assert scheduler.base_lrs == [0.5, 0.1]
    assert len(scheduler.lr_lambdas) == 2
    for function in scheduler.lr_lambdas:
        assert type(function) is types.FunctionType
        assert [function(5), function(10)] == [0.5, 0.0]


def test_get_lr_is_pure() -> None:
    optimizer = sgd(0.5, torch.tensor(0.25))
    scheduler = bind(LinearScheduler(), optimizer, Run("8ba"))
    optimizer.add_param_group({"params": [parameter()], "lr": 0.1})
    optimizer.add_param_group({"params": [parameter()], "lr": torch.tensor(0.125)})
    before, state = settings(optimizer), scheduler.state_dict()
    objects = [id(value) for group in optimizer.param_groups for value in group.values()]
    for _ in range(3):
        assert scheduler.get_lr() == [0.5, 0.25, 0.1, 0.125]
    assert settings(optimizer) == before
    assert scheduler.state_dict() == state
    assert objects == [id(v) for group in optimizer.param_groups for v in group.values()]
    # As simulations of a schedule do.
    scheduler.last_epoch = 4
    assert scheduler.get_lr() == [0.25, 0.125, 0.05, 0.0625]
    assert settings(optimizer) == before


def test_a_step_before_the_optimizers_is_warned_of() -> None:
    scheduler = bind(LinearScheduler(), sgd(0.5), Run("8ba"))
    with pytest.warns(UserWarning, match=r"optimizer\.step\(\)") as record:
        scheduler.step()
    assert record[0].filename == __file__
    assert scheduler.last_epoch == 1
    # Once is enough.
    scheduler.step()
    assert scheduler.last_epoch == 2


def test_a_warning_as_an_error_stops_the_whole_step() -> None:
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, Run("8ba"))
    before, state = settings(optimizer), scheduler.state_dict()
    with pytest.raises(UserWarning):
        scheduler.step()
    assert settings(optimizer) == before
    assert scheduler.state_dict() == state


def test_sequential_lr() -> None:
    def make() -> tuple[Optimizer, LRScheduler]:
        optimizer = sgd(0.5, torch.tensor(0.25))
        first = bind(LinearScheduler(0.0, 1.0, "4ba"), optimizer, RUN)
        second = bind(StepScheduler("2ba", 0.5), optimizer, RUN)
        return optimizer, SequentialLR(optimizer, [first, second], milestones=[4])

    expected = [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 0.5, 0.5, 0.25]
    optimizer, scheduler = make()
    states = []
    for k, alpha in enumerate(expected):
        assert lrs(optimizer) == [0.5 * alpha, 0.25 * alpha]
        states.append(through_a_file([scheduler.state_dict(), optimizer.state_dict()]))
        train_step(optimizer, k)
        scheduler.step()
    for start, (state, optimizer_state) in enumerate(states):
        for optimizer_first in (True, False):
            optimizer, scheduler = make()
            if optimizer_first:
                optimizer.load_state_dict(copy.deepcopy(optimizer_state))
            scheduler.load_state_dict(copy.deepcopy(state))
            if not optimizer_first:
                optimizer.load_state_dict(copy.deepcopy(optimizer_state))
            for k, alpha in enumerate(expected[start:], start):
                assert lrs(optimizer) == [0.5 * alpha, 0.25 * alpha]
                train_step(optimizer, k)
                scheduler.step()


def test_sequential_lr_with_a_scheduler_of_pytorch() -> None:
    optimizer = sgd(1.0)
    warmup = LinearLR(optimizer, start_factor=0.5, total_iters=2)
    decay = bind(LinearScheduler(t_max="4ba"), optimizer, RUN)
    last = ExponentialLR(optimizer, 0.5)
    scheduler = SequentialLR(optimizer, [warmup, decay, last], milestones=[2, 5])
    seen = []
    for k in range(8):
        seen += lrs(optimizer)
        train_step(optimizer, k)
        scheduler.step()
    assert seen == [0.5, 0.75, 1.0, 0.75, 0.5, 1.0, 0.5, 0.25]
