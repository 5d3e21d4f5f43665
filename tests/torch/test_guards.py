"""Wrong uses are warned of once, with the way out; right ones are not."""

import copy
import pickle
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from epochal import Clock, ConstantScheduler, CosineAnnealingScheduler, LinearScheduler, Run
from epochal.torch import bind
from optimizers import lrs, parameter, sgd, train_step
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    ReduceLROnPlateau,
    SequentialLR,
)

RUN = Run("9ep", batches_per_epoch=100)


class Trained:
    """An optimizer with a schedule, and a clock of its own if that is wanted."""

    def __init__(self, with_clock: bool = False, optimizer: Optimizer | None = None) -> None:
        self.optimizer = optimizer or sgd(1.0, 0.5)
        self.clock = Clock(RUN) if with_clock else None
        self.scheduler = bind(CosineAnnealingScheduler(), self.optimizer, self.clock or RUN)
        self.batch = 0

    def step(self) -> None:
        """The optimizer's step, and the clock's tick; epochs end."""
        train_step(self.optimizer, self.batch)
        self.batch += 1
        if self.clock is not None:
            self.clock.tick()
            if self.batch % 100 == 0:
                self.clock.next_epoch()


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


# Right: warnings are errors here


def test_a_plain_loop() -> None:
    for with_clock in (False, True):
        trained = Trained(with_clock)
        for _ in range(30):
            trained.step()
            trained.scheduler.step()


@pytest.mark.parametrize("skipped", [{0}, {0, 1}, {1}, {0, 1, 2, 9}, {3, 5, 7, 9, 12}])
@pytest.mark.parametrize("zero_grad_after", [False, True])
@pytest.mark.parametrize("with_clock", [False, True])
def test_steps_that_a_grad_scaler_skips(
    skipped: set[int], zero_grad_after: bool, with_clock: bool
) -> None:
    trained = Trained(with_clock, SGD([weight := parameter()], lr=1.0))
    scaler = torch.amp.GradScaler("cpu")
    steps: list[int] = []
    trained.optimizer.register_step_post_hook(lambda *_: steps.append(batch))
    for batch in range(15):
        if not zero_grad_after:
            trained.optimizer.zero_grad()
        loss = (weight * (float("inf") if batch in skipped else 1.0)).sum()
        scaler.scale(loss).backward()
        scaler.step(trained.optimizer)
        scaler.update()
        if zero_grad_after:
            trained.optimizer.zero_grad()
        if trained.clock is not None:
            trained.clock.tick()
        trained.scheduler.step()
    assert steps == [batch for batch in range(15) if batch not in skipped]
    assert trained.scheduler.last_epoch == 15


@pytest.mark.parametrize("start", [1, 2, 7])
def test_a_discriminator_that_starts_later(start: int) -> None:
    generator, discriminator = Trained(), Trained()
    for batch in range(20):
        generator.step()
        generator.scheduler.step()
        if batch >= start:
            discriminator.step()
        discriminator.scheduler.step()
    assert lrs(discriminator.optimizer) == lrs(generator.optimizer)


def test_jumps() -> None:
    trained = Trained()
    # Before the first step, as after a resume by hand.
    trained.scheduler.step(200)
    for batch in range(10):
        trained.step()
        trained.scheduler.step()
        if batch == 4:
            for _ in range(7):
                trained.step()
            trained.scheduler.step(500)
            trained.scheduler.step(20)
    assert trained.scheduler.last_epoch == 25


@pytest.mark.parametrize("with_clock", [False, True])
def test_loads(with_clock: bool) -> None:
    first = Trained(with_clock)
    for _ in range(3):
        first.step()
        first.scheduler.step()
    states = [first.optimizer.state_dict(), first.scheduler.state_dict()]
    later = Trained(with_clock)
    if first.clock is not None and later.clock is not None:
        later.clock.load_state_dict(first.clock.state_dict())
    # Others may use the optimizer before, and it comes back with another rate.
    for _ in range(5):
        train_step(later.optimizer, 0)
    later.optimizer.load_state_dict(states[0])
    later.scheduler.load_state_dict(states[1])
    for _ in range(5):
        later.step()
        later.scheduler.step()
    # Only the optimizer goes back, and its rate with it.
    later.optimizer.load_state_dict(states[0])
    later.step()
    later.scheduler.step()
    assert later.scheduler.last_epoch == 9


@pytest.mark.parametrize("with_clock", [False, True])
def test_copies(with_clock: bool) -> None:
    trained = Trained(with_clock)
    for copied in (copy.deepcopy(trained), pickle.loads(pickle.dumps(trained))):
        for _ in range(5):
            copied.step()
            copied.scheduler.step()
    for _ in range(3):
        trained.step()
        trained.scheduler.step()
    for copied in (copy.deepcopy(trained), pickle.loads(pickle.dumps(trained))):
        for _ in range(5):
            copied.step()
            copied.scheduler.step()
        # It is a copy that notices, too.
        copied.optimizer.param_groups[0]["lr"] = 9.0
        copied.step()
        with pytest.warns(UserWarning, match="from .* to 9.0"):
            copied.scheduler.step()


def test_a_step_more_that_fills_the_state() -> None:
    """As `torch.distributed.checkpoint` makes one, at a rate of 0 that it takes back."""
    from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict

    model = torch.nn.Linear(3, 1)
    for given in (0.5, torch.tensor(0.5)):
        optimizer = Adam(model.parameters(), lr=given)
        scheduler = bind(LinearScheduler(), optimizer, RUN)
        get_optimizer_state_dict(model, optimizer)
        for batch in range(9):
            train_step(optimizer, batch)
            scheduler.step()
        assert float(lrs(optimizer)[0]) == pytest.approx(0.5 * (891 / 900), rel=1e-7)


def test_closures() -> None:
    weight = parameter()
    optimizer = torch.optim.LBFGS([weight], lr=0.5, max_iter=4)
    scheduler = bind(LinearScheduler(), optimizer, RUN)

    def closure() -> float:
        optimizer.zero_grad()
        loss = (weight - 1).square().sum()
        loss.backward()
        return loss.item()

    for _ in range(6):
        optimizer.step(closure)
        scheduler.step()


def test_an_optimizer_on_top_of_another() -> None:
    """Its step and that which it calls have hooks each, but it is one step."""

    class Clipped(SGD):
        def step(self, closure: Any = None) -> Any:
            return super().step(closure)

    SGD([parameter()], lr=1.0)
    trained = Trained(optimizer=Clipped([parameter()], lr=1.0))
    for _ in range(9):
        trained.step()
        trained.scheduler.step()


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


def test_steps_that_are_not_seen() -> None:
    """As those of a CUDA graph are replayed, after some to warm up."""
    trained = Trained()
    for _ in range(11):
        trained.step()
    for _ in range(30):
        (parameter() * 2).sum().backward()
        trained.scheduler.step()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what torch.compile imports
def test_the_optimizers_step_is_compiled() -> None:
    optimizer = SGD([weight := parameter()], lr=torch.tensor(0.5))
    scheduler = bind(LinearScheduler(), optimizer, "8ba")
    step = torch.compile(optimizer.step, backend="eager")
    expected = weight.detach().clone()
    for batch in range(6):
        weight.grad = torch.ones(3)
        step()
        expected -= 0.5 * ((8 - batch) / 8)
        scheduler.step()
    assert torch.allclose(weight, expected)
    # They are counted.
    for _ in range(3):
        step()
    scheduler.step()
    for _ in range(3):
        step()
    with pytest.warns(UserWarning, match="has made 3 steps"):
        scheduler.step()


def test_a_warmup_that_dampens_the_rate_and_takes_it_back() -> None:
    """As `pytorch_warmup` does around each step of the scheduler."""
    trained = Trained()
    undamped = lrs(trained.optimizer)
    for batch in range(9):
        for group in trained.optimizer.param_groups:
            group["lr"] *= (batch + 1) / 10
        trained.step()
        for group, lr in zip(trained.optimizer.param_groups, undamped, strict=True):
            group["lr"] = lr
        trained.scheduler.step()
        undamped = lrs(trained.optimizer)


def test_others_that_only_read_or_write_the_same() -> None:
    trained = Trained(optimizer=sgd(1.0, torch.tensor(0.5)))
    for _ in range(9):
        trained.step()
        first, second = trained.optimizer.param_groups
        # Some make a tensor of the rate, some a number, some write it once more.
        first["lr"] = torch.tensor(first["lr"]) if isinstance(first["lr"], float) else first["lr"]
        second["lr"] = second["lr"].clone()
        trained.scheduler.step()


def stages(optimizer: Optimizer) -> list[LRScheduler]:
    return [bind(schedule, optimizer, RUN) for schedule in (LinearScheduler(), LinearScheduler())]


def test_stages() -> None:
    optimizer = sgd(1.0)
    scheduler: Any = SequentialLR(optimizer, stages(optimizer), [4])
    for batch in range(12):
        train_step(optimizer, batch)
        scheduler.step()
    optimizer = sgd(1.0)
    warmup = LinearLR(optimizer, 0.5, total_iters=3)
    scheduler = SequentialLR(optimizer, [warmup, *stages(optimizer)], [3, 7])
    for batch in range(12):
        train_step(optimizer, batch)
        scheduler.step()
    optimizer = sgd(1.0)
    chained = ChainedScheduler([bind(LinearScheduler(), optimizer, RUN)])
    for batch in range(12):
        train_step(optimizer, batch)
        chained.step()


def test_groups_that_come_and_go() -> None:
    trained = Trained()
    for batch in range(9):
        trained.step()
        if batch == 3:
            trained.optimizer.add_param_group({"params": [parameter()], "lr": 9.0})
        if batch == 6:
            del trained.optimizer.param_groups[0]
        trained.scheduler.step()


def test_the_hooks_of_many_schedulers_are_one() -> None:
    optimizer = sgd(1.0)
    for _ in range(5):
        bind(LinearScheduler(), optimizer, RUN)
    assert len(optimizer._optimizer_step_post_hooks) == 1


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
