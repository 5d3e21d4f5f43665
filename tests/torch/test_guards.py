"""Wrong uses are warned of once, with the way out."""

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from epochal import Clock, ConstantScheduler, CosineAnnealingScheduler, LinearScheduler
from epochal.torch import bind
from optimizers import lrs, parameter, sgd, train_step
from torch import Tensor
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    ExponentialLR,
    LambdaLR,
    ReduceLROnPlateau,
)
from trained import RUN, Trained


@contextmanager
def one_warning(text: str) -> Iterator[list[str]]:
    """There is one warning, at a line of this program."""
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        messages: list[str] = []
        yield messages
    messages += [str(warning.message) for warning in record]
    assert len(messages) == 1, messages
    assert text in messages[0]
    assert record[0].filename == __file__
    assert record[0].category is UserWarning


# Wrong


def once_an_epoch(trained: Trained) -> None:
    for _ in range(4):
        for _ in range(100):
            trained.step()
        trained.scheduler.step()


def once_a_few_steps(trained: Trained) -> None:
    for _ in range(4):
        for _ in range(3):
            trained.step()
        trained.scheduler.step()


def once_a_process(trained: Trained) -> None:
    for _ in range(9):
        trained.step()
        trained.scheduler.step()
        trained.scheduler.step()


def once_a_micro_batch(trained: Trained) -> None:
    for batch in range(40):
        (parameter() * 2).sum().backward()
        if batch % 4 == 3:
            trained.step()
        trained.scheduler.step()


def before_the_optimizer(trained: Trained) -> None:
    for _ in range(9):
        trained.scheduler.step()
        trained.step()


LATE = "steps since the last scheduler.step(), all with one learning rate: call scheduler.step() "
OFTEN = "several times for each step of the optimizer"
EARLY = "scheduler.step() was called before optimizer.step()"


@pytest.mark.parametrize(
    ("loop", "text"),
    [
        (once_an_epoch, f"the optimizer has made 100 {LATE}after each optimizer.step()"),
        (once_a_few_steps, f"the optimizer has made 3 {LATE}after each"),
        (once_a_process, OFTEN),
        (once_a_micro_batch, OFTEN),
        (before_the_optimizer, EARLY),
    ],
)
def test_steps_that_do_not_go_together(loop: Callable[[Trained], None], text: str) -> None:
    with one_warning(text):
        loop(Trained())


@pytest.mark.parametrize(
    "loop", [once_an_epoch, once_a_few_steps, once_a_process, once_a_micro_batch]
)
def test_with_a_clock_they_do_no_harm(loop: Callable[[Trained], None]) -> None:
    trained = Trained(with_clock=True)
    loop(trained)
    assert trained.clock is not None
    expected = CosineAnnealingScheduler().resolve(RUN)(trained.clock)
    assert lrs(trained.optimizer) == [expected, 0.5 * expected]


def test_a_clock_that_is_not_ticked() -> None:
    trained = Trained(with_clock=True)
    with one_warning("the clock has not moved since the last scheduler.step()"):
        for batch in range(5):
            train_step(trained.optimizer, batch)
            trained.scheduler.step()


def test_a_clock_that_is_ticked_after_the_scheduler() -> None:
    trained = Trained(with_clock=True)
    assert trained.clock is not None
    with one_warning("call clock.tick() between optimizer.step() and scheduler.step()"):
        for batch in range(5):
            train_step(trained.optimizer, batch)
            trained.scheduler.step()
            trained.clock.tick()


# Other writers


def reduce_on_plateau(trained: Trained) -> Iterator[None]:
    plateau = ReduceLROnPlateau(trained.optimizer, factor=0.5, patience=0)
    while True:
        trained.scheduler.step()
        yield
        plateau.step(1.0)


def second_scheduler(trained: Trained) -> Iterator[None]:
    other = ExponentialLR(trained.optimizer, 0.5)
    while True:
        trained.scheduler.step()
        yield
        other.step()


def another_of_ours(trained: Trained) -> Iterator[None]:
    other = LambdaLR(trained.optimizer, LinearScheduler().resolve(RUN))
    while True:
        trained.scheduler.step()
        yield
        other.step()


def in_a_chain(trained: Trained) -> Iterator[None]:
    other = ExponentialLR(trained.optimizer, 0.5)
    chained = ChainedScheduler([trained.scheduler, other])
    while True:
        chained.step()
        yield


def by_hand(trained: Trained) -> Iterator[None]:
    while True:
        trained.scheduler.step()
        yield
        trained.optimizer.param_groups[1]["lr"] = 0.125


def by_hand_in_place(trained: Trained) -> Iterator[None]:
    while True:
        trained.scheduler.step()
        yield
        for lr in lrs(trained.optimizer):
            if isinstance(lr, Tensor):
                lr.mul_(0.5)


# And the first group to which each of them writes.
GROUPS: dict[Callable[[Trained], Iterator[None]], int] = {
    reduce_on_plateau: 0,
    second_scheduler: 0,
    another_of_ours: 0,
    in_a_chain: 0,
    by_hand: 1,
    by_hand_in_place: 0,
}


@pytest.mark.parametrize("with_clock", [False, True])
@pytest.mark.parametrize("writer", [*GROUPS][:-1])
def test_somebody_else_writes_the_rate(
    writer: Callable[[Trained], Iterator[None]], with_clock: bool
) -> None:
    trained = Trained(with_clock)
    with one_warning(f"somebody else has changed the lr of group {GROUPS[writer]} from "):
        steps = writer(trained)
        for _ in range(6):
            trained.step()
            next(steps)


@pytest.mark.parametrize("writer", [by_hand_in_place, by_hand, second_scheduler])
def test_somebody_else_writes_a_tensor(writer: Callable[[Trained], Iterator[None]]) -> None:
    trained = Trained(optimizer=sgd(torch.tensor(1.0), torch.tensor(0.5)))
    with one_warning(f"somebody else has changed the lr of group {GROUPS[writer]} from "):
        steps = writer(trained)
        for _ in range(6):
            trained.step()
            next(steps)


def test_somebody_else_writes_a_field() -> None:
    optimizer = Adam([parameter()], lr=0.5, weight_decay=0.1)
    fields: dict[str, Any] = {"weight_decay": LinearScheduler(), "betas[0]": ConstantScheduler(0.5)}
    scheduler = bind(LinearScheduler(), optimizer, "9ba", fields=fields)
    with one_warning("the betas[0] of group 0 from 0.45 to 0.7 since"):
        for batch in range(4):
            train_step(optimizer, batch)
            scheduler.step()
            optimizer.param_groups[0]["betas"] = (0.7, 0.9)
    # Another field, another warning.
    optimizer.param_groups[0]["weight_decay"] = 0.0
    train_step(optimizer, 4)
    with one_warning("set the group's 'initial_weight_decay'"):
        scheduler.step()


def test_the_ways_out() -> None:
    trained = Trained()
    trained.step()
    trained.optimizer.param_groups[0]["lr"] = 0.25
    ways = r"a \* b; .* epochal.torch.Plateau; .* scheduler.factor or scheduler.base_lrs"
    with pytest.warns(UserWarning, match=ways):
        trained.scheduler.step()


def test_that_warning_as_an_error_stops_the_whole_step() -> None:
    trained = Trained()
    trained.step()
    trained.optimizer.param_groups[0]["lr"] = 0.25
    state = trained.scheduler.state_dict()
    with pytest.raises(UserWarning, match="somebody else"):
        trained.scheduler.step()
    assert trained.scheduler.state_dict() == state
    assert lrs(trained.optimizer) == [0.25, 0.5]
    trained.scheduler.step()
    assert trained.scheduler.last_epoch == 1


# Wrapped optimizers


class Wrapper(Optimizer):
    """As Accelerate wraps an optimizer: without what a constructor would make."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.state = optimizer.state
        self.defaults = optimizer.defaults

    @property
    def param_groups(self) -> Any:  # type: ignore[override]
        return self.optimizer.param_groups

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.optimizer.zero_grad(set_to_none)

    def step(self, closure: Any = None) -> Any:
        return self.optimizer.step(closure)


class NoOptimizer:
    """As DeepSpeed's ZeRO has one: it is none, not even in name."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.state = optimizer.state
        self.defaults = optimizer.defaults
        self.param_groups = optimizer.param_groups
        self.step = optimizer.step


def test_an_optimizer_that_is_wrapped() -> None:
    outer = Trained(optimizer=Wrapper(sgd(1.0)))
    inner = Trained()
    inner_wrapped = Wrapper(inner.optimizer)
    for batch in range(9):
        outer.step()
        outer.scheduler.step()
        train_step(inner_wrapped, batch)
        inner.scheduler.step()


def test_the_steps_of_a_wrapped_optimizer_are_counted() -> None:
    optimizer = sgd(1.0, 0.5)
    wrapper = Wrapper(optimizer)
    around: Any = NoOptimizer(optimizer)
    twice = Wrapper(around)
    for bound, stepping in ((wrapper, optimizer), (optimizer, wrapper), (twice, optimizer)):
        trained = Trained(optimizer=bound)
        trained.optimizer = stepping
        with one_warning(f"the optimizer has made 100 {LATE}"):
            once_an_epoch(trained)
    assert len(optimizer._optimizer_step_post_hooks) == 1
    clock = Clock(RUN)
    clock.follow(twice)
    optimizer.step()
    assert clock.timestamp.batch == 1


# A second stage


def test_a_rate_that_was_set_for_a_second_stage() -> None:
    """Its base would be that of the first stage, which may be forgotten by then."""
    optimizer = sgd(1.0, 1.0)

    def stage(base_lr: float | None = None) -> float:
        scheduler = bind(LinearScheduler(), optimizer, "4ba", base_lr=base_lr)
        for batch in range(4):
            train_step(optimizer, batch)
            scheduler.step()
        return float(scheduler.base_lrs[0])

    assert stage() == 1.0
    assert stage() == 1.0  # nothing was set, so nothing is lost
    optimizer.param_groups[1]["lr"] = 0.1
    with one_warning("group 1 was set to 0.1 after the last scheduler wrote it") as warned:
        bind(LinearScheduler(), optimizer, "4ba")
    assert "'initial_lr', 1.0: for a new stage give bind(..., base_lr=0.1)" in warned[0]
    optimizer.param_groups[1]["lr"] = 0.1
    assert stage(base_lr=0.1) == 0.1
    optimizer.param_groups[0]["lr"] = 0.1  # which is the base, too
    assert stage() == 0.1


def test_a_load_before_a_second_scheduler_sets_no_rate_by_hand() -> None:
    first = Trained()
    for _ in range(3):
        first.step()
        first.scheduler.step()
    first.optimizer.load_state_dict(copy.deepcopy(first.optimizer.state_dict()))
    second = bind(CosineAnnealingScheduler(), first.optimizer, RUN)
    second.load_state_dict(first.scheduler.state_dict())
    assert second.get_last_lr() == first.scheduler.get_last_lr()
