"""Schedules bound to PyTorch's optimizers."""

import copy
import io
import json
import pickle
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from epochal import (
    ConstantScheduler,
    ConstantWithWarmupScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    EpochalError,
    ExponentialScheduler,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    MultiStepWithWarmupScheduler,
    PolynomialScheduler,
    PolynomialWithWarmupScheduler,
    Run,
    Schedule,
    ScheduleError,
    StateError,
    StepScheduler,
    Time,
    UnitError,
)
from epochal.functions import FunctionSchedule, State
from epochal.torch import EpochalLR, bind
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import ExponentialLR, LambdaLR, LinearLR, LRScheduler, SequentialLR

STEPS = 24
RUN = Run("3ep", batches_per_epoch=8, samples_per_batch=4, tokens_per_batch=100)

SCHEDULES: list[Schedule] = [
    StepScheduler("5ba", 0.7),
    MultiStepScheduler(["1ep", "0.7dur", "2000tok"], 0.3),
    ConstantScheduler(0.25, "0.5dur"),
    LinearScheduler(1.3, 0.1),
    ExponentialScheduler(0.5, "1ep"),
    CosineAnnealingScheduler("20ba", 0.01),
    CosineAnnealingWarmRestartsScheduler("4ba", 1.5),
    PolynomialScheduler(1.7, "64sp"),
    MultiStepWithWarmupScheduler("5ba", ["1ep", "2ep"]),
    ConstantWithWarmupScheduler("0.1dur", 0.7, "2ep"),
    LinearWithWarmupScheduler("300tok", 1.0, 0.1, "2000tok"),
    CosineAnnealingWithWarmupScheduler("1ep"),
    PolynomialWithWarmupScheduler("5ba", 0.9),
]
assert len({type(schedule) for schedule in SCHEDULES}) == 13

each_schedule = pytest.mark.parametrize(
    "schedule", SCHEDULES, ids=[type(schedule).__name__ for schedule in SCHEDULES]
)


def parameter(size: int = 3) -> Parameter:
    return Parameter(torch.linspace(-1.0, 1.0, size))


def sgd(*lrs: Any) -> torch.optim.SGD:
    groups = [{"params": [parameter()], "lr": lr} for lr in lrs]
    return torch.optim.SGD(groups, lr=0.5, momentum=0.9)


def adamw(*lrs: Any) -> AdamW:
    return AdamW([{"params": [parameter()], "lr": lr} for lr in lrs], lr=0.5)


def train_step(optimizer: Optimizer, batch: int) -> None:
    """A real step, whose gradient depends on the batch and the parameters."""
    optimizer.zero_grad()
    loss = torch.zeros(())
    for group in optimizer.param_groups:
        for weights in group["params"]:
            loss = loss + (weights * (1 + batch % 5)).sin().sum()
    loss.backward()
    optimizer.step()


def lrs(optimizer: Optimizer) -> list[Any]:
    return [group["lr"] for group in optimizer.param_groups]


def weights(optimizer: Optimizer) -> list[Tensor]:
    return [p.detach().clone() for group in optimizer.param_groups for p in group["params"]]


def settings(optimizer: Optimizer) -> list[dict[str, Any]]:
    """All that a scheduler might change in the groups."""
    return [
        {key: copy.copy(value) for key, value in group.items() if key != "params"}
        for group in optimizer.param_groups
    ]


def through_a_file(state: Any) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file)


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
    for base in (lambda: 0.1, lambda: torch.tensor(0.1)):
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


def test_several_schedules_multiply() -> None:
    def half(state: State) -> float:
        return 0.5

    factors: list[Any] = [LinearScheduler(), StepScheduler("2ba", 0.5), half]
    lists: list[Any] = [factors, tuple(factors)]
    for schedules in lists:
        optimizer = sgd(1.0)
        scheduler = bind(schedules, optimizer, Run("8ba"))
        assert lrs(optimizer) == [0.5]
        train_step(optimizer, 0)
        scheduler.step(epoch=3)
        assert lrs(optimizer) == [0.625 * 0.5 * 0.5]
    product = bind(LinearScheduler() * StepScheduler("2ba", 0.5), sgd(1.0), Run("8ba"))
    listed = bind([LinearScheduler(), StepScheduler("2ba", 0.5)], sgd(1.0), Run("8ba"))
    assert product.state_dict() == listed.state_dict()


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


# Errors at bind


def failing(state: State) -> float:
    raise RuntimeError("no")


def none(state: State) -> Any:
    return None


@pytest.mark.parametrize(
    ("schedule", "run", "error", "text"),
    [
        (LinearScheduler(t_max="9tok"), Run("9ba"), UnitError, "'tok' needs tokens_per_batch"),
        (LinearScheduler(t_max="9sp"), Run("9ba"), UnitError, "'sp' needs samples_per_batch"),
        (LinearScheduler(t_max="9ep"), Run("9ba"), UnitError, "'ep' needs batches_per_epoch"),
        (LinearScheduler(), Run("9tok"), UnitError, "'tok' needs tokens_per_batch"),
        (LinearScheduler(t_max="9sec"), RUN, UnitError, "'sec'.*clock"),
        (LinearScheduler(), Run("9h"), UnitError, "'sec'.*clock"),
        (LinearScheduler(t_max="9iter"), RUN, UnitError, "'iter'.*clock"),
        (MultiStepScheduler(["1ba", "9tok"]), Run("9ba"), UnitError, "tokens_per_batch"),
        ([none, LinearScheduler(t_max="9tok")], Run("9ba"), UnitError, "tokens_per_batch"),
        (LinearWithWarmupScheduler("9ba", t_max="8ba"), RUN, ScheduleError, "9.*8|8.*9"),
        ([], RUN, ScheduleError, "empty"),
        ((), RUN, ScheduleError, "empty"),
        (failing, RUN, RuntimeError, "no"),
        (none, RUN, ScheduleError, "none gives None at 0ba"),
        (failing, Run("9ba", scale_schedule_ratio=2.0), ScheduleError, "failing.*ssr"),
        (5, RUN, TypeError, "5"),
        ("1dur", RUN, TypeError, "'1dur'"),
        (None, RUN, TypeError, "None"),
        ([LinearScheduler(), 5], RUN, TypeError, "5"),
        (LinearScheduler, RUN, TypeError, "LinearScheduler"),
        (LinearScheduler().resolve(RUN), RUN, TypeError, "resolve"),
        (LinearScheduler(), "9ba", TypeError, "run.*'9ba'"),
        (LinearScheduler(), Time("9ba"), TypeError, "run.*9ba"),
    ],
)
def test_errors_at_bind_leave_the_optimizer_alone(
    schedule: Any, run: Any, error: type[Exception], text: str
) -> None:
    optimizer = sgd(0.5, torch.tensor(0.1))
    attributes, before = set(vars(optimizer)), settings(optimizer)
    with pytest.raises(error, match=text):
        bind(schedule, optimizer, run)
    assert set(vars(optimizer)) == attributes
    assert settings(optimizer) == before
    bind(LinearScheduler(), optimizer, RUN)
    assert set(vars(optimizer)) != attributes
    assert settings(optimizer) != before


@pytest.mark.parametrize("optimizer", [None, [parameter()], torch.nn.Linear(1, 1)])
def test_what_is_no_optimizer(optimizer: Any) -> None:
    with pytest.raises(TypeError, match="optimizer"):
        bind(LinearScheduler(), optimizer, RUN)


# Errors in a step


def failing_at_3(error: Exception) -> Callable[[State], float]:
    done: list[bool] = []

    def function(state: State) -> float:
        if state.timestamp.batch == 3 and not done:
            done.append(True)
            raise error
        return 1 / (1 + state.timestamp.batch.value)

    return function


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (TypeError("no"), ScheduleError),
        (ZeroDivisionError("no"), ZeroDivisionError),
        (KeyError("no"), KeyError),
    ],
)
def test_a_step_that_fails_changes_nothing(error: Exception, seen: type[Exception]) -> None:
    optimizer = sgd(0.5, torch.tensor(0.25))
    scheduler = bind(failing_at_3(error), optimizer, RUN)
    for k in range(2):
        train_step(optimizer, k)
        scheduler.step()
    optimizer.add_param_group({"params": [parameter()], "lr": 0.125})
    before, state = settings(optimizer), scheduler.state_dict()
    with pytest.raises(seen, match="no") as raised:
        scheduler.step()
    assert not isinstance(raised.value, TypeError)
    assert settings(optimizer) == before
    assert scheduler.state_dict() == state
    # The next attempt goes well.
    scheduler.step()
    assert lrs(optimizer) == [0.125, 0.0625, 0.03125]
    assert scheduler.last_epoch == 3


@pytest.mark.parametrize("epoch", [-1, 1.5, 2.0, "3", True, [], 2**63, Time("3ba"), object()])
def test_a_jump_to_nowhere(epoch: Any) -> None:
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, RUN)
    train_step(optimizer, 0)
    scheduler.step()
    before, state = settings(optimizer), scheduler.state_dict()
    with pytest.raises(EpochalError) as error:
        scheduler.step(epoch)
    assert not isinstance(error.value, TypeError)
    assert settings(optimizer) == before
    assert scheduler.state_dict() == state


def test_no_type_error_out_of_a_broken_optimizer() -> None:
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, RUN)
    train_step(optimizer, 0)
    optimizer.param_groups[0]["initial_lr"] = None
    with pytest.raises(ScheduleError):
        scheduler.step()
    optimizer.param_groups[0]["initial_lr"] = 0.5
    scheduler.last_epoch = "2"  # type: ignore[assignment]
    with pytest.raises(ScheduleError):
        scheduler.step()


# State


def plain(value: object) -> bool:
    if type(value) is dict:
        return all(type(key) is str and plain(item) for key, item in value.items())
    if type(value) is list:
        return all(map(plain, value))
    return type(value) in (int, float, str)


def test_the_state_is_plain() -> None:
    optimizer = sgd(0.5, torch.tensor(0.25))
    scheduler = bind([LinearScheduler(), FunctionSchedule(failing_at_3(OSError()))], optimizer, RUN)
    train_step(optimizer, 0)
    scheduler.step()
    state = scheduler.state_dict()
    assert plain(state)
    assert state["last_epoch"] == 1
    assert state["_last_lr"] == [float(lr) for lr in lrs(optimizer)]
    assert state["run"] == repr(RUN)
    assert "LinearScheduler(alpha_i=1.0" in state["schedule"]
    assert through_a_file(state) == json.loads(json.dumps(state)) == state
    assert not plain({"a": [np.float64(1.0)]})


def loads_in_any_order(
    make: Callable[..., Optimizer], schedule: Any, saved: dict[str, Any], order: str
) -> tuple[Optimizer, EpochalLR]:
    """A program that has started anew, with other base rates, and loads what was saved."""
    optimizer_state, scheduler_state = saved["optimizer"], saved["scheduler"]
    optimizer = make(0.7, 0.8) if order != "groups added" else make(0.7)
    if order == "bind, optimizer, scheduler":
        scheduler = bind(schedule, optimizer, RUN)
        optimizer.load_state_dict(optimizer_state)
        scheduler.load_state_dict(scheduler_state)
    elif order == "bind, scheduler, optimizer":
        scheduler = bind(schedule, optimizer, RUN)
        scheduler.load_state_dict(scheduler_state)
        optimizer.load_state_dict(optimizer_state)
    elif order == "optimizer, bind, scheduler":
        optimizer.load_state_dict(optimizer_state)
        scheduler = bind(schedule, optimizer, RUN)
        scheduler.load_state_dict(scheduler_state)
    else:
        scheduler = bind(schedule, optimizer, RUN)
        scheduler.load_state_dict(scheduler_state)
        optimizer.add_param_group({"params": [parameter()], "lr": 0.9})
        optimizer.load_state_dict(optimizer_state)
    return optimizer, scheduler


ORDERS = [
    "bind, optimizer, scheduler",
    "bind, scheduler, optimizer",
    "optimizer, bind, scheduler",
    "groups added",
]


@pytest.mark.parametrize("order", ORDERS)
@each_schedule
def test_any_order_of_loads_continues_bit_for_bit(schedule: Schedule, order: str) -> None:
    factories: list[Callable[..., Optimizer]] = [sgd, adamw]
    for make in factories:
        optimizer = make(0.1, 0.03)
        scheduler = bind(schedule, optimizer, RUN)
        rates, checkpoints = [], {}
        for k in range(STEPS + 2):
            rates.append(lrs(optimizer))
            if k in (0, 1, 7, 16, STEPS):
                saved = {
                    "optimizer": optimizer.state_dict(),
                    "scheduler": scheduler.state_dict(),
                    "weights": weights(optimizer),
                }
                checkpoints[k] = through_a_file(saved)
            train_step(optimizer, k)
            scheduler.step()
        final = weights(optimizer)

        for start, saved in checkpoints.items():
            optimizer, scheduler = loads_in_any_order(make, schedule, saved, order)
            for group, weight in zip(optimizer.param_groups, saved["weights"], strict=True):
                group["params"][0].data.copy_(weight)
            for k in range(start, STEPS + 2):
                assert scheduler.last_epoch == k
                assert lrs(optimizer) == rates[k]
                assert {type(lr) for lr in lrs(optimizer)} == {float}
                train_step(optimizer, k)
                scheduler.step()
                assert scheduler.get_last_lr() == lrs(optimizer)
            assert all(map(torch.equal, final, weights(optimizer)))


@pytest.mark.parametrize("order", ORDERS[:3])
def test_tensors_are_restored_in_any_order(order: str) -> None:
    schedule = CosineAnnealingWithWarmupScheduler("5ba")

    def make(*bases: float) -> Optimizer:
        return adamw(*map(torch.tensor, bases))

    optimizer = make(0.1, 0.03)
    scheduler = bind(schedule, optimizer, RUN)
    for k in range(9):
        train_step(optimizer, k)
        scheduler.step()
    saved = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}
    other, continued = loads_in_any_order(make, schedule, through_a_file(saved), order)
    for k in range(9, STEPS):
        assert lrs(other) == lrs(optimizer)
        for tensor in lrs(other):
            assert isinstance(tensor, Tensor)
        objects = [id(tensor) for tensor in lrs(other)]
        for o, s in ((optimizer, scheduler), (other, continued)):
            train_step(o, k)
            s.step()
        assert objects == [id(tensor) for tensor in lrs(other)]


def test_rates_are_right_at_once_after_a_load() -> None:
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, Run("8ba"))
    train_step(optimizer, 0)
    scheduler.step()
    state = scheduler.state_dict()
    scheduler.step(epoch=6)
    optimizer.add_param_group({"params": [parameter()], "lr": 0.25})
    scheduler.load_state_dict(state)
    assert lrs(optimizer) == scheduler.get_last_lr() == [0.5 * 0.875, 0.25 * 0.875]
    assert optimizer.param_groups[1]["initial_lr"] == 0.25
    assert scheduler.state_dict() == {**state, "_last_lr": [0.5 * 0.875, 0.25 * 0.875]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("last_epoch", -2),
        ("last_epoch", 1.0),
        ("last_epoch", "1"),
        ("last_epoch", True),
        ("last_epoch", None),
        ("last_epoch", 2**63),
        ("last_epoch", 2**62),
        ("_step_count", -1),
        ("_step_count", 1.5),
        ("_step_count", None),
        ("_last_lr", 0.5),
        ("_last_lr", "0.5"),
        ("schedule", 5),
        ("schedule", None),
        ("run", ["5ba"]),
    ],
)
def test_bad_states(field: str, value: object) -> None:
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, RUN)
    train_step(optimizer, 0)
    scheduler.step()
    before, state = settings(optimizer), scheduler.state_dict()
    with pytest.raises(StateError, match=field):
        scheduler.load_state_dict({**state, "last_epoch": 5, "_step_count": 6, field: value})
    assert settings(optimizer) == before
    assert scheduler.state_dict() == state


def test_states_that_are_none() -> None:
    scheduler = bind(LinearScheduler(), sgd(0.5), RUN)
    with pytest.raises(StateError, match="last_epoch"):
        scheduler.load_state_dict({})
    for state in (None, 5, [("last_epoch", 5)]):
        with pytest.raises(TypeError, match="state_dict"):
            scheduler.load_state_dict(state)  # type: ignore[arg-type]
    assert scheduler.last_epoch == 0


def test_a_load_at_which_the_function_fails_changes_nothing() -> None:
    optimizer = sgd(0.5)
    scheduler = bind(failing_at_3(TypeError("no")), optimizer, RUN)
    before, state = settings(optimizer), scheduler.state_dict()
    with pytest.raises(ScheduleError, match="no"):
        scheduler.load_state_dict({"last_epoch": 3})
    assert settings(optimizer) == before
    assert scheduler.state_dict() == state


def test_the_state_of_a_lambda_lr_will_do() -> None:
    theirs = sgd(0.5)
    old = LambdaLR(theirs, lambda k: 1 - k / 24)
    for k in range(6):
        train_step(theirs, k)
        old.step()
    optimizer = sgd(0.7)
    scheduler = bind(LinearScheduler(), optimizer, RUN)
    scheduler.load_state_dict(old.state_dict())
    optimizer.load_state_dict(theirs.state_dict())
    assert lrs(optimizer) == [0.5 * 0.75]
    scheduler.step()
    assert scheduler.last_epoch == 7
    assert lrs(optimizer) == [0.5 * (17 / 24)]


def test_a_state_of_another_schedule_or_run_is_warned_of() -> None:
    first = sgd(0.5)
    saved = bind(LinearScheduler(), first, Run("8ba"))
    train_step(first, 0)
    saved.step(epoch=4)
    state = saved.state_dict()

    optimizer = sgd(0.5)
    scheduler = bind(StepScheduler("1ba", 0.5), optimizer, Run("8ba"))
    with pytest.warns(UserWarning, match="another schedule or run") as record:
        scheduler.load_state_dict(state)
    (warning,) = record
    text = str(warning.message)
    assert warning.filename == __file__
    for part in (repr(LinearScheduler()), repr(StepScheduler("1ba", 0.5)), "[0.25]", "[0.03125]"):
        assert part in text
    assert "Run(" not in text
    assert lrs(optimizer) == [0.03125]

    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, Run("16ba"))
    with pytest.warns(UserWarning, match="another schedule or run") as record:
        scheduler.load_state_dict(state)
    (warning,) = record
    for part in (repr(Run("8ba")), repr(Run("16ba")), "batch 4", "[0.25]", "[0.375]"):
        assert part in str(warning.message)
    assert "LinearScheduler" not in str(warning.message)
    assert lrs(optimizer) == [0.375]

    # The same schedule and run, but other base rates: nothing to be said.
    optimizer = sgd(0.1, 0.2)
    bind(LinearScheduler(), optimizer, Run("8ba")).load_state_dict(state)
    assert lrs(optimizer) == [0.05, 0.1]


def test_that_warning_as_an_error_stops_the_whole_load() -> None:
    state = bind(LinearScheduler(), sgd(0.5), Run("8ba")).state_dict()
    optimizer = sgd(0.5)
    scheduler = bind(LinearScheduler(), optimizer, Run("9ba"))
    before, own = settings(optimizer), scheduler.state_dict()
    with pytest.raises(UserWarning, match="Run"):
        scheduler.load_state_dict({**state, "last_epoch": 5})
    assert settings(optimizer) == before
    assert scheduler.state_dict() == own


# Copies


@each_schedule
def test_copies_continue_with_an_optimizer_of_their_own(schedule: Schedule) -> None:
    optimizer = adamw(0.1, 0.03)
    scheduler = bind(schedule, optimizer, RUN)
    for k in range(7):
        train_step(optimizer, k)
        scheduler.step()
    copies = [copy.deepcopy(scheduler), pickle.loads(pickle.dumps(scheduler))]
    before = settings(optimizer)
    for other in copies:
        assert type(other) is EpochalLR
        assert other.optimizer is not optimizer
        for k in range(7, STEPS):
            train_step(other.optimizer, k)
            other.step()
    assert settings(optimizer) == before
    for k in range(7, STEPS):
        train_step(optimizer, k)
        scheduler.step()
    for other in copies:
        assert other.state_dict() == scheduler.state_dict()
        assert lrs(other.optimizer) == lrs(optimizer)
        assert all(map(torch.equal, weights(other.optimizer), weights(optimizer)))


def square(state: State) -> float:
    return 1 / (1 + state.timestamp.batch.value**2)


def test_copies_of_a_function_schedule() -> None:
    optimizer = sgd(0.5, torch.tensor(0.25))
    scheduler = bind([square, LinearScheduler()], optimizer, RUN)
    train_step(optimizer, 0)
    scheduler.step()
    for other in (copy.deepcopy(scheduler), pickle.loads(pickle.dumps(scheduler))):
        with warnings.catch_warnings():
            # The copy has made no step of its own, and yet there is nothing to warn of.
            warnings.simplefilter("error")
            other.step(epoch=9)
        assert [float(lr) for lr in lrs(other.optimizer)] == pytest.approx(
            [0.5 / 82 * 15 / 24, 0.25 / 82 * 15 / 24], rel=1e-6
        )
    assert scheduler.last_epoch == 1


def test_a_fresh_copy_steps_without_a_warning() -> None:
    scheduler = copy.deepcopy(bind(LinearScheduler(), sgd(0.5), Run("8ba")))
    train_step(scheduler.optimizer, 0)
    scheduler.step()
    assert lrs(scheduler.optimizer) == [0.5 * 0.875]
