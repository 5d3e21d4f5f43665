"""A clock that counts micro-batches, follows an optimizer, and is shared by threads."""

import copy
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import pytest
import torch
from epochal import (
    Clock,
    EpochalError,
    LinearScheduler,
    Run,
    StateError,
    Time,
    TimeOverflowError,
    Timestamp,
    UnitError,
)
from epochal.torch import bind
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

RUN = Run("10ba")
DECLARED = Run("10ba", samples_per_batch=4, tokens_per_batch=100)


def counts(clock: Clock) -> list[int]:
    now = clock.timestamp
    return [int(now.batch), int(now.sample), int(now.token)]


# Micro-batches


def test_the_next_tick_takes_along_what_was_counted() -> None:
    clock = Clock(RUN)
    before = clock.timestamp
    clock.count(samples=3, tokens="2Ktok", seconds=0.5)
    clock.count(samples=Time("4sp"), seconds=timedelta(seconds=1))
    assert clock.timestamp is before
    clock.tick(tokens=5, seconds=1)
    assert clock.timestamp == Timestamp().to_next_batch(7, 2005, timedelta(seconds=2.5))
    clock.tick(samples=1)
    assert counts(clock) == [2, 8, 2005]


@pytest.mark.parametrize(
    ("counted", "told", "samples", "tokens"),
    [
        ([], {}, 4, 100),
        ([{}], {}, 4, 100),
        ([{"samples": 1}], {}, 1, 100),
        ([{"samples": 1}, {"samples": 2}], {}, 3, 100),
        ([{"samples": 0}], {}, 0, 100),
        ([{"tokens": 7}], {"samples": 9}, 9, 7),
        ([{"tokens": 7}], {"tokens": 1}, 4, 8),
        ([{"seconds": 1}], {}, 4, 100),
    ],
)
def test_what_is_declared_holds_where_nothing_is_told(
    counted: list[dict[str, Any]], told: dict[str, Any], samples: int, tokens: int
) -> None:
    clock = Clock(DECLARED)
    for numbers in counted:
        clock.count(**numbers)
    clock.tick(**told)
    assert counts(clock) == [1, samples, tokens]
    # It was for one batch.
    clock.tick()
    assert counts(clock) == [2, samples + 4, tokens + 100]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 10**6), st.integers(0, 10**8)), max_size=9)
)
def test_any_parts_are_one_batch(parts: list[tuple[int, int, int]]) -> None:
    clock = Clock(RUN)
    for samples, tokens, microseconds in parts:
        clock.count(samples, tokens, timedelta(microseconds=microseconds))
    clock.tick()
    samples, tokens, microseconds = (sum(part[i] for part in parts) for i in range(3))
    whole = timedelta(microseconds=microseconds)
    assert clock.timestamp == Timestamp().to_next_batch(samples, tokens, whole)


@pytest.mark.parametrize(
    ("told", "error", "text"),
    [
        ({"samples": -1}, EpochalError, "samples must be zero or above, not -1"),
        ({"tokens": 1.5}, TypeError, "tokens.*1.5"),
        ({"tokens": False}, TypeError, "tokens must be a whole number, not False"),
        ({"samples": "5tok"}, UnitError, "samples must be in 'sp', not '5tok'"),
        ({"tokens": 2**63 - 3}, TimeOverflowError, "token"),
        ({"seconds": float("nan")}, EpochalError, "seconds must be finite"),
    ],
)
def test_bad_numbers_count_nothing(told: dict[str, Any], error: type[Exception], text: str) -> None:
    for call in (Clock.count, Clock.tick):
        clock = Clock(RUN)
        clock.count(samples=2, tokens=3)
        with pytest.raises(error, match=text):
            call(clock, **{"samples": 1, "seconds": 1, **told})
        clock.tick()
        assert counts(clock) == [1, 2, 3]
        assert clock.timestamp.total_wct == timedelta(0)


def test_what_was_counted_is_part_of_the_state() -> None:
    """A step that was skipped, and then a checkpoint."""
    clock = Clock(DECLARED)
    clock.tick(samples=1)
    plain = clock.state_dict()
    clock.count(samples=3, seconds=0.25)
    state = clock.state_dict()
    assert {**plain, "counted_sample": 3, "counted_total_wct": 0.25} == state
    for later in (Clock(DECLARED), copy.copy(clock), pickle.loads(pickle.dumps(clock))):
        later.count(samples=50)
        later.load_state_dict(state)
        assert later.state_dict() == state
        later.tick()
        assert counts(later) == [2, 4, 200]
        assert later.timestamp.batch_wct == timedelta(seconds=0.25)
        later.load_state_dict(plain)
        later.tick()
        assert counts(later) == [2, 5, 200]


@pytest.mark.parametrize("value", [-1, 1.5, "3", None, True])
def test_a_bad_state_of_what_was_counted(value: Any) -> None:
    clock = Clock(RUN)
    clock.count(tokens=3)
    before = clock.state_dict()
    with pytest.raises(StateError, match="counted for the next batch is not valid: token"):
        clock.load_state_dict({**before, "batch": 7, "counted_token": value})
    assert clock.state_dict() == before


# Steps of an optimizer


def sgd(groups: int = 1) -> torch.optim.SGD:
    return torch.optim.SGD(
        [{"params": [torch.zeros(2, requires_grad=True)]} for _ in range(groups)], lr=0.5
    )


def test_each_step_is_a_tick() -> None:
    clock, optimizer = Clock(DECLARED), sgd()
    clock.follow(optimizer)
    scheduler = bind(LinearScheduler(t_max="500tok"), optimizer, clock)
    rates = []
    for tokens in (100, 50, 150, None):
        rates.append(optimizer.param_groups[0]["lr"])
        if tokens is not None:
            clock.count(tokens=tokens)
        optimizer.step()
        scheduler.step()
    assert counts(clock) == [4, 16, 400]
    assert rates == [0.5, 0.5 * 0.8, 0.5 * 0.7, 0.5 * 0.4]


def test_ticks_by_hand_are_refused_while_it_follows() -> None:
    clock, optimizer = Clock(RUN), sgd()
    clock.follow(optimizer)
    with pytest.raises(EpochalError, match=r"follows an optimizer.*clock.count\(...\)"):
        clock.tick(samples=3)
    optimizer.step()
    assert counts(clock) == [1, 0, 0]
    # The way to tell samples is named as it is now.
    with pytest.raises(UnitError, match=r"clock.count\(samples=...\)"):
        clock.check_moving(["sp"])
    clock.follow(None)
    clock.tick(samples=3)
    optimizer.step()
    assert counts(clock) == [2, 3, 0]
    clock.follow(None)


def test_it_follows_one_optimizer() -> None:
    clock, first, second = Clock(RUN), sgd(), sgd()
    clock.follow(first)
    clock.follow(first)
    first.step()
    assert counts(clock) == [1, 0, 0]
    clock.follow(second)
    first.step()
    assert counts(clock) == [1, 0, 0]
    second.step()
    assert counts(clock) == [2, 0, 0]
    with pytest.raises(TypeError, match="optimizer must be a torch.optim.Optimizer, not 5"):
        clock.follow(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not <class"):
        clock.follow(torch.optim.SGD)  # type: ignore[arg-type]
    second.step()
    assert counts(clock) == [3, 0, 0]


def test_a_step_that_fails_is_none() -> None:
    clock, optimizer = Clock(RUN), sgd()
    clock.follow(optimizer)
    optimizer.param_groups[0]["params"][0].grad = torch.ones(2)
    optimizer.param_groups[0]["lr"] = "fast"
    with pytest.raises(Exception, match="fast|str"):
        optimizer.step()
    assert counts(clock) == [0, 0, 0]
    with pytest.raises(EpochalError, match="follows"):
        clock.tick()


class Wrapper(torch.optim.Optimizer):
    """As Accelerate's: an Optimizer by its class, but it has no hooks."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.optimizer.step(closure)


def test_a_wrapped_optimizer() -> None:
    clock, inner = Clock(RUN), sgd()
    wrapper = Wrapper(inner)
    clock.follow(Wrapper(wrapper))
    wrapper.step()
    inner.step()
    assert counts(clock) == [2, 0, 0]


def test_a_closure_is_one_step() -> None:
    parameter = torch.ones(2, requires_grad=True)
    clock, optimizer = Clock(RUN), torch.optim.LBFGS([parameter])
    clock.follow(optimizer)
    calls = []

    def closure() -> Tensor:
        calls.append(1)
        optimizer.zero_grad()
        loss = parameter.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert len(calls) > 1
    assert counts(clock) == [1, 0, 0]


class Scaler(torch.amp.GradScaler):
    """One that works without a GPU, and finds what it is told to find."""

    def __init__(self) -> None:
        super().__init__("cpu")
        self.infinite = False

    def _unscale_grads_(self, *args: Any) -> Any:
        return {torch.device("cpu"): torch.tensor(float(self.infinite))}


@pytest.mark.parametrize("fused", [False, True])
def test_a_step_that_a_scaler_skips(fused: bool) -> None:
    """It is not made, or made without effect by an optimizer that was told to skip it."""
    parameter = torch.ones(2, requires_grad=True)
    clock, scaler = Clock(RUN), Scaler()
    optimizer = torch.optim.SGD([parameter], lr=0.5, fused=fused)
    clock.follow(optimizer)
    for infinite in (False, True, True, False):
        scaler.infinite = infinite
        clock.count(tokens=10)
        optimizer.zero_grad()
        scaler.scale(parameter.sum()).backward()
        before = parameter.detach().clone()
        scaler.step(optimizer)
        scaler.update()
        assert torch.equal(before, parameter) == infinite
    # Data that was read for a skipped step is taken along.
    assert counts(clock) == [2, 0, 40]


@pytest.mark.parametrize("make", [torch.optim.AdamW, torch.optim.SGD])
@pytest.mark.parametrize("lr", [0.5, torch.tensor(0.5)])
def test_the_step_by_which_a_checkpoint_sets_up_an_optimizer(make: Any, lr: Any) -> None:
    from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict

    module = nn.Linear(2, 1)
    clock, optimizer = Clock(RUN), make(module.parameters(), lr=lr)
    clock.follow(optimizer)
    get_optimizer_state_dict(module, optimizer)
    assert counts(clock) == [0, 0, 0]
    # The first step of a warmup is at the rate 0 too.
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    module(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert counts(clock) == [1, 0, 0]


def test_copies_follow_nothing() -> None:
    clock, optimizer = Clock(RUN), sgd()
    clock.follow(optimizer)
    for other in (copy.copy(clock), copy.deepcopy(clock), pickle.loads(pickle.dumps(clock))):
        optimizer.step()
        assert counts(other) == [0, 0, 0]
        other.tick()
        other.follow(optimizer)
        other.follow(None)
        clock.load_state_dict(Clock(RUN).state_dict())
    optimizer.step()
    copy.deepcopy(optimizer).step()
    assert counts(clock) == [1, 0, 0]


class Named(Clock):
    """With an attribute of its own."""

    name = "none"


def test_copies_of_a_subclass() -> None:
    clock = Named(RUN)
    clock.name = "first"
    clock.count(samples=3)
    for other in (copy.copy(clock), copy.deepcopy(clock)):
        other.tick()
        assert (type(other), other.name, counts(other)) == (Named, "first", [1, 3, 0])


def test_totals_are_known() -> None:
    assert [Clock(RUN).totals, Clock(RUN, totals=True).totals] == [False, True]
    with pytest.raises(AttributeError):
        Clock(RUN).totals = True  # type: ignore[misc]


# Threads


@contextmanager
def switching_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def in_threads(call: Callable[[int], None], number: int = 4) -> None:
    threads = [threading.Thread(target=call, args=(i,)) for i in range(number)]
    with switching_often():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def test_threads_lose_no_tick() -> None:
    clock, ticks = Clock(RUN), 3000

    def work(number: int) -> None:
        for _ in range(ticks):
            clock.count(samples=1)
            clock.count(samples=1)
            clock.tick(tokens=number)
            if number == 0:
                clock.next_epoch()

    in_threads(work)
    assert clock.timestamp.epoch == ticks
    clock.tick()  # what was counted after the last tick
    assert counts(clock) == [4 * ticks + 1, 8 * ticks, (1 + 2 + 3) * ticks]


def test_the_threads_are_enough_to_lose_one() -> None:
    """So the test above says something."""

    class Unlocked(Clock):
        __slots__ = ()

        def _begin(self) -> None:
            super()._begin()
            self._lock: Any = _Nothing()

    clock = Unlocked(RUN)

    def work(number: int) -> None:
        for _ in range(3000):
            clock.tick()

    for times in range(1, 21):
        in_threads(work)
        if clock.timestamp.batch != 4 * 3000 * times:
            return
    pytest.skip("this Python switches threads too rarely")


class _Nothing:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


# Epochs


@pytest.mark.parametrize("lengths", [(10, 6, 6, 6), (10, 12), (3, 25, 1), (20,)])
def test_epochs_that_differ_from_what_was_declared(lengths: tuple[int, ...]) -> None:
    """The run ends with its last epoch, and a schedule in epochs with it."""
    run = Run(f"{len(lengths)}ep", batches_per_epoch=10)
    clock, curve, starts = Clock(run), LinearScheduler().resolve(run), []
    for length in lengths:
        assert not clock.done
        starts.append(curve(clock))
        for _ in range(length):
            clock.tick()
            assert not clock.done or len(lengths) == 1
        clock.next_epoch()
    assert clock.done
    n = len(lengths)
    assert starts == [(n - k) / n for k in range(n)]
    assert curve(clock) == 0


@pytest.mark.parametrize("lengths", [(10, 6, 6, 6), (10, 12), (3, 25, 1)])
def test_rates_in_epochs_that_differ(lengths: tuple[int, ...]) -> None:
    run = Run(f"{len(lengths)}ep", batches_per_epoch=10)
    clock, optimizer = Clock(run), sgd()
    clock.follow(optimizer)
    scheduler = bind(LinearScheduler(), optimizer, clock)
    for epoch, length in enumerate(lengths):
        n = len(lengths)
        assert optimizer.param_groups[0]["lr"] == 0.5 * ((n - epoch) / n)
        for _ in range(length):
            optimizer.step()
            scheduler.step()
        clock.next_epoch()
        scheduler.step()
    assert clock.done
    assert optimizer.param_groups[0]["lr"] == 0


def test_without_a_length_epochs_are_counted() -> None:
    clock = Clock(Run("3ep"))
    curve = LinearScheduler().resolve(Run("3ep"))
    alphas = []
    for length in (4, 1, 7):
        for _ in range(length):
            assert not clock.done
            alphas.append(curve(clock))
            clock.tick()
        clock.next_epoch()
    assert clock.done
    assert alphas == [1.0] * 4 + [2 / 3] + [1 / 3] * 7
    assert curve(clock) == 0


@pytest.mark.parametrize(("epochs", "batches"), [(12, 60), (10, 50), (3, 50), (1, 50)])
def test_epochs_that_nobody_ends(epochs: int, batches: int) -> None:
    """Told once it is longer than epochs are, and found where the run should have ended."""
    clock = Clock(Run(f"{epochs}ep", batches_per_epoch=5))
    text = rf"in one epoch, and a run of {epochs}ep .* 5 in each: call clock.next_epoch\(\)"
    for batch in range(1, batches + 1):
        clock.tick()
        with pytest.warns(UserWarning, match=f"11ba {text}") if batch == 11 else nullcontext():
            assert not clock.done
    clock.tick()
    text = f"{batches + 1}ba {text}"
    with pytest.raises(UnitError, match=text):
        assert clock.done


@pytest.mark.parametrize("ends", [False, True])
def test_a_scheduler_tells_of_epochs_that_nobody_ends(ends: bool) -> None:
    clock, optimizer = Clock(Run("3ep", batches_per_epoch=10)), sgd()
    clock.follow(optimizer)
    scheduler = bind(LinearScheduler(), optimizer, clock)
    for batch in range(1, 41):
        optimizer.step()
        if ends and batch == 20:
            clock.next_epoch()
        told = batch == 21 and not ends
        with pytest.warns(UserWarning, match="rates wait there") if told else nullcontext():
            scheduler.step()
