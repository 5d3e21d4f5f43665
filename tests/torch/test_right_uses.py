"""Right uses are not warned of: warnings are errors here."""

import copy
import pickle
from typing import Any

import pytest
import torch
from epochal import LinearScheduler
from epochal.torch import bind
from optimizers import lrs, parameter, sgd, train_step
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    LinearLR,
    LRScheduler,
    SequentialLR,
)
from trained import RUN, Trained


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
