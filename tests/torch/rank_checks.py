"""A program of several ranks: what the clock promises them, one check after the other.

    torchrun --standalone --nproc-per-node 2 tests/torch/rank_checks.py

Each rank prints the name of a check that has passed. All ranks make all checks in one order.
"""

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import torch
from epochal import (
    Clock,
    CosineAnnealingWithWarmupScheduler,
    EpochalError,
    LinearScheduler,
    Run,
    StateError,
    StepScheduler,
    Time,
    TimeOverflowError,
    Timestamp,
    UnitError,
)
from epochal import _ranks as ranks
from epochal.torch import bind
from torch import distributed

LIMIT = 2**63 - 1
RUN = Run("1Mtok")
MICROSECOND = timedelta(microseconds=1)

CHECKS: dict[int, list[Callable[[], None]]] = {2: [], 3: []}


def check(world: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Registers a check for that number of ranks."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        CHECKS[world].append(function)
        return function

    return register


@contextmanager
def reductions(expected: int) -> Iterator[None]:
    """So many all-reduces, each of whole numbers of 64 bits, and no other collective call."""
    done, real = [], distributed.all_reduce

    def counting(tensor: torch.Tensor, *rest: Any, **others: Any) -> Any:
        done.append(tensor.dtype)
        return real(tensor, *rest, **others)

    distributed.all_reduce = counting
    try:
        yield
    finally:
        distributed.all_reduce = real
    assert done == [torch.int64] * expected, done


def on_all(value: Any) -> list[Any]:
    values: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values


def counts(clock: Clock) -> list[int]:
    return [int(clock.timestamp.sample), int(clock.timestamp.token)]


def assert_equal_on_all(value: Any) -> None:
    values = on_all(value)
    assert all(other == value for other in values), values


# What rank r counts in its batch k: uneven, and at times nothing.
def samples(r: int, k: int) -> int:
    return (5 * k + 3 * r) % 7


def tokens(r: int, k: int) -> int:
    return 1 + (37 * k * k + 101 * r) % 211


def microseconds(r: int, k: int) -> int:
    return 10**6 * (k % 3) + 2 * k + 4 * r


def tick(clock: Clock, k: int) -> None:
    r = ranks.rank()
    clock.tick(samples(r, k), tokens(r, k), microseconds(r, k) * MICROSECOND)


def next_time(timestamp: Timestamp, k: int) -> Timestamp:
    """After batch k of all ranks."""
    world = range(ranks.size())
    return timestamp.to_next_batch(
        sum(samples(r, k) for r in world),
        sum(tokens(r, k) for r in world),
        sum(microseconds(r, k) for r in world) // len(world) * MICROSECOND,
    )


@check(2)
def samples_and_tokens_are_summed_and_seconds_averaged() -> None:
    clock, expected = Clock(RUN), Timestamp()
    for k in range(20):
        with reductions(1):
            tick(clock, k)
        expected = next_time(expected, k)
        if k % 6 == 5:
            with reductions(0):
                clock.next_epoch()
            expected = expected.to_next_epoch()
        if k == 12:
            clock.next_iteration()
            expected = expected.to_next_iteration()
        assert clock.timestamp == expected
        assert_equal_on_all(clock.timestamp)
    assert clock.timestamp.epoch == 3
    clock.assert_in_sync()


@check(2)
def forms_of_counts() -> None:
    clock = Clock(RUN)
    if ranks.rank() == 0:
        clock.tick(samples=Time("3sp"), tokens="2Ktok", seconds=1)
    else:
        clock.tick(tokens=5)
    half = timedelta(seconds=0.5)
    assert clock.timestamp == Timestamp().to_next_batch(3, 2005, half)


@check(2)
def large_counts() -> None:
    r = ranks.rank()
    clock = Clock(RUN)
    clock.tick(samples=2**31 + r, tokens=2**53 + 2 * r)
    clock.tick(samples=2**31 - r, tokens=2**53 - 1)
    assert clock.timestamp.sample == 2**33
    assert clock.timestamp.token == 2**55
    clock.tick(samples=2**32 - 1 + r, tokens=1)
    assert clock.timestamp.sample == 2**33 + 2**33 - 1
    assert clock.timestamp.token == 2**55 + 2
    clock = Clock(RUN)
    clock.tick(tokens=(LIMIT - 1) // 2 + r)
    assert clock.timestamp.token == LIMIT


@check(2)
def sums_out_of_range() -> None:
    """The same error on all ranks, which may go on."""
    clock = Clock(RUN)
    clock.tick(samples=1, tokens=1)
    before = clock.timestamp
    for count in (LIMIT, 2**62):
        for name in ("tokens", "samples"):
            text = f"{name} is out of range.* not {2 * count}"
            with pytest.raises(TimeOverflowError, match=text):
                clock.tick(**{name: count})
            assert clock.timestamp is before
            clock.state_dict()
    clock.tick(samples=1, tokens=2)
    assert clock.timestamp.batch == 2
    assert counts(clock) == [4, 6]
    assert_equal_on_all(clock.timestamp)


@check(2)
def bad_numbers_are_refused_before_anything_is_sent() -> None:
    for every in (1, 3):
        clock = Clock(RUN, every=every)
        tick(clock, 1)
        before = clock.timestamp
        bad: list[dict[str, Any]] = [
            {"samples": -1},
            {"tokens": 1.5},
            {"seconds": float("nan")},
            {"samples": True},
        ]
        with reductions(0):
            for told in bad:
                try:
                    clock.tick(**{"samples": 5, "tokens": 5, **told})
                except (EpochalError, TypeError):
                    assert clock.timestamp is before
                else:
                    raise AssertionError(told)
        clock.sync()
        assert clock.timestamp == next_time(Timestamp(), 1)


@check(2)
def every_few_ticks() -> None:
    clock, reference = Clock(Run("1Mtok", batches_per_epoch=100), every=3), Timestamp()
    for k in range(8):
        with reductions(1 if k % 3 == 2 else 0):
            tick(clock, k)
        reference = next_time(reference, k)
        now = clock.timestamp
        assert now.batch == now.batch_in_epoch == k + 1
        if k % 3 == 2:
            for name in ("sample", "token", "token_in_epoch", "sample_in_epoch"):
                assert getattr(now, name) == getattr(reference, name)
            assert clock.state_dict() == now.state_dict()
            held = now
            assert clock.check_moving(["tok", "sp"])
        else:
            assert now.token == (held.token if k > 2 else 0)
            assert now.sample == (held.sample if k > 2 else 0)
            assert now.total_wct == (held.total_wct if k > 2 else timedelta(0))
            assert not clock.check_moving(["tok"])
            with pytest.raises(StateError, match=rf", {k % 3 + 1} so far: call clock.sync.."):
                clock.state_dict()
    with reductions(1):
        clock.sync()
    with reductions(0):
        clock.sync()
    assert clock.timestamp.token == reference.token
    assert clock.state_dict()["token"] == int(reference.token)
    # The sum was in between: the next one is three ticks later again.
    for k in (8, 9, 10):
        with reductions(1 if k == 10 else 0):
            tick(clock, k)
        reference = next_time(reference, k)
    assert clock.timestamp.token == reference.token
    assert_equal_on_all(clock.timestamp)


@check(2)
def the_end_of_an_epoch_sums_up() -> None:
    for name in ("next_epoch", "next_iteration"):
        clock, expected = Clock(RUN, every=100), Timestamp()
        for k in range(5):
            tick(clock, k)
            expected = next_time(expected, k)
        with reductions(1):
            getattr(clock, name)()
        expected = getattr(expected, f"to_{name}")()
        # All that was counted belongs to the epoch before.
        for counter in ("epoch", "sample", "token", "total_wct", "token_in_iteration"):
            assert getattr(clock.timestamp, counter) == getattr(expected, counter), counter
        assert clock.timestamp.token > 0
        assert clock.timestamp.token_in_epoch == 0
        assert clock.timestamp.sample_in_epoch == 0
        assert clock.timestamp.epoch_wct == timedelta(0)
        assert clock.state_dict()["token"] == int(expected.token)


@check(2)
def seconds_are_averaged() -> None:
    r = ranks.rank()
    clock = Clock(RUN)
    clock.tick(seconds=1.0 + r)
    assert clock.timestamp.total_wct == clock.timestamp.batch_wct == timedelta(seconds=1.5)
    clock.tick(seconds=r * MICROSECOND)  # half a microsecond is none
    assert clock.timestamp.total_wct == timedelta(seconds=1.5)
    clock.tick(seconds=2 * r)
    assert clock.timestamp.epoch_wct == timedelta(seconds=2.5)
    # Of several ticks, the time of a batch is their mean.
    clock = Clock(RUN, every=2)
    clock.tick(seconds=1)
    clock.tick(seconds=2 + 2 * r)
    assert clock.timestamp.total_wct == timedelta(seconds=4)
    assert clock.timestamp.batch_wct == timedelta(seconds=2)


@check(2)
def totals_are_not_summed() -> None:
    with reductions(0):
        clock, expected = Clock(RUN, totals=True), Timestamp()
        for k in range(5):
            clock.tick(10 * k, 7 * k, 0.5)
            expected = expected.to_next_batch(10 * k, 7 * k, timedelta(seconds=0.5))
        clock.next_epoch()
    assert clock.timestamp == expected.to_next_epoch()
    clock.assert_in_sync()


@check(2)
def declared_rates_are_of_all_ranks() -> None:
    run = Run("1Mtok", samples_per_batch=8, tokens_per_batch=1000)
    for every in (1, 2):
        clock = Clock(run, every=every)
        for _ in range(4):
            clock.tick()
        assert clock.timestamp == run.at_batch(4).copy(
            batch_in_epoch=4, sample_in_epoch=32, token_in_epoch=4000
        )
        # What is told is of this rank.
        clock.tick(samples=ranks.rank())
        clock.tick(tokens=5)
        assert counts(clock) == [32 + 1 + 8, 5000 + 10]
        assert_equal_on_all(clock.timestamp)


@check(2)
def groups() -> None:
    r = ranks.rank()
    alone = [distributed.new_group([0]), distributed.new_group([1])]
    clock = Clock(RUN, group=alone[r])
    clock.tick(samples=10 + r, tokens=20 + r, seconds=1 + r)
    assert clock.timestamp == Timestamp().to_next_batch(10 + r, 20 + r, timedelta(seconds=1 + r))
    clock.assert_in_sync()
    with pytest.raises(TypeError, match="group must be a process group .* belongs to"):
        Clock(RUN, group=alone[1 - r])
    with pytest.raises(EpochalError, match="totals=True"):
        Clock(RUN, group=alone[r], totals=True)
    for group in (distributed.group.WORLD, distributed.new_group([0, 1])):
        clock = Clock(RUN, group=group)
        with reductions(1):
            clock.tick(samples=10 + r, tokens=20 + r)
        assert counts(clock) == [21, 41]


@check(2)
def clocks_that_differ() -> None:
    r = ranks.rank()
    clock = Clock(RUN)
    tick(clock, 1)
    state = clock.state_dict()
    clock.assert_in_sync()
    for name, values in (
        ("token", [5, 6]),
        ("batch", [7, 2**53]),
        ("iteration", [0, 1]),
        ("token_in_epoch", [LIMIT, LIMIT - 1]),
        ("epoch_wct", [0.25, 0.5]),
    ):
        clock.load_state_dict({**state, name: values[r]})
        # On both of them, and nothing hangs after it.
        text = f"clocks of the ranks differ: {name} is {values}"
        with pytest.raises(StateError, match=re.escape(text)):
            clock.assert_in_sync()
    clock.load_state_dict(state)
    clock.assert_in_sync()
    told = Clock(RUN, totals=True)
    told.tick(tokens=3 + r)
    with pytest.raises(StateError, match=r"token is \[3, 4\]"):
        told.assert_in_sync()


@check(2)
def rates_are_those_of_one_process_that_trains_on_all() -> None:
    r, both = ranks.rank(), range(2)
    run = Run("2Ktok", scale_schedule_ratio=0.5)
    for schedule in (
        CosineAnnealingWithWarmupScheduler("100tok"),
        LinearScheduler(t_max="30sp"),
        StepScheduler("2sec", 0.5),
    ):
        rates: list[list[float]] = []
        for clock in (Clock(run), Clock(run, totals=True)):
            optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
            scheduler = bind(schedule, optimizer, clock)
            optimizer.step()
            seen = []
            for k in range(12):
                if len(rates):
                    clock.tick(
                        sum(samples(other, k) for other in both),
                        sum(tokens(other, k) for other in both),
                        sum(microseconds(other, k) for other in both) // 2 * MICROSECOND,
                    )
                else:
                    clock.tick(samples(r, k), tokens(r, k), microseconds(r, k) * MICROSECOND)
                scheduler.step()
                seen.append(optimizer.param_groups[0]["lr"])
            rates.append(seen)
            assert clock.done
        assert rates[0] == rates[1]
        assert len(set(rates[0])) > 2
        assert_equal_on_all(rates)


@check(2)
def rates_stand_still_while_ticks_wait() -> None:
    run = Run("2Ktok")
    clock = Clock(run, every=3)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler = bind(LinearScheduler(), optimizer, clock)
    optimizer.step()
    rates = []
    for _ in range(6):
        clock.tick(tokens=100 + ranks.rank())
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    first, second = ((2000 - total) / 2000 * 0.5 for total in (603, 1206))
    assert rates == [0.5, 0.5, first, first, first, second]
    # Not counted at all is found when the ticks are summed up.
    clock = Clock(run, every=2)
    scheduler = bind(LinearScheduler(), optimizer, clock)
    clock.tick(samples=1)
    scheduler.step()
    assert not clock.done
    clock.tick(samples=1)
    with pytest.raises(UnitError, match="'tok' has not moved in 2 batches"):
        scheduler.step()
    with pytest.raises(UnitError, match="'tok' has not moved in 2 batches"):
        assert clock.done


@check(2)
def micro_batches_are_taken_along() -> None:
    """Each rank counts as often as it likes; one all-reduce a tick."""
    r = ranks.rank()
    for every in (1, 2):
        clock = Clock(Run("1Mtok", samples_per_batch=8), every=every)
        for k in range(1, 5):
            with reductions(0):
                for _ in range(r + 1):
                    clock.count(tokens=10, seconds=1)
            with pytest.raises(StateError, match="tokens, seconds have been counted|ticks wait"):
                clock.state_dict()
            with reductions(1 if k % every == 0 else 0):
                clock.tick(tokens=1 if k == 4 else None)
        # 10 tokens of one rank and 20 of the other a batch, and 1 of each with the last tick.
        assert counts(clock) == [4 * 8, 4 * 30 + 2]
        assert clock.timestamp.total_wct == timedelta(seconds=6)
        assert_equal_on_all(clock.state_dict())


@check(2)
def a_clock_that_follows() -> None:
    r = ranks.rank()
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    for clock in (Clock(Run("1Mtok")), Clock(Run("1Mtok"), totals=True)):
        clock.follow(optimizer)
        clock.count(samples=3 + r)
        with reductions(0 if clock.totals else 1):
            optimizer.step()
        assert counts(clock) == ([3 + r, 0] if clock.totals else [7, 0])
        clock.follow(None)
        # Of all ranks already, so nothing of it is elsewhere.
        clock.count(samples=1)
        if clock.totals:
            assert clock.state_dict()["counted_sample"] == 1


@check(2)
def states_are_loaded() -> None:
    clock, expected = Clock(RUN), Timestamp()
    for k in range(5):
        tick(clock, k)
    state = clock.state_dict()
    assert_equal_on_all(state)
    later = Clock(RUN, every=4)
    for k in range(3):
        tick(later, k)
    # What waits belongs to the time that is left.
    later.load_state_dict(state)
    assert later.timestamp == clock.timestamp
    with reductions(0):
        later.sync()
    expected = clock.timestamp
    for k in range(5, 9):
        tick(later, k)
        expected = next_time(expected, k)
    assert later.timestamp.token == expected.token
    assert later.timestamp.sample == expected.sample


@check(2)
def the_first_rank_counts_nothing() -> None:
    clock = Clock(Run("100tok"))
    if ranks.rank() == 0:
        clock.tick()
    else:
        clock.tick(tokens=100)
    assert clock.check_moving(["tok"])
    assert clock.done


@check(2)
def collective_calls() -> None:
    r = ranks.rank()
    assert (ranks.has_ranks(), ranks.size(), r) == (True, 2, distributed.get_rank())
    assert ranks.gather({"rank": r}) == [{"rank": 0}, {"rank": 1}]
    with reductions(1):
        assert ranks.total([r, 2**32 - 1, LIMIT, 0]) == [1, 2**33 - 2, 2 * LIMIT, 0]


@check(3)
def a_group_of_some_ranks() -> None:
    r = ranks.rank()
    pair, alone = distributed.new_group([0, 2]), distributed.new_group([1])
    group = alone if r == 1 else pair
    clock = Clock(RUN, group=group)
    for _ in range(2):
        with reductions(0 if r == 1 else 1):
            clock.tick(samples=10**r, tokens=7 + r, seconds=1 + r)
    assert counts(clock) == ([20, 16] if r == 1 else [202, 32])
    assert clock.timestamp.total_wct == timedelta(seconds=4)
    # The groups differ, but each of them agrees.
    clock.assert_in_sync()
    if r == 2:
        clock.load_state_dict({**clock.state_dict(), "batch": 9})
    if r == 1:
        clock.assert_in_sync()
    else:
        with pytest.raises(StateError, match=r"batch is \[2, 9\]"):
            clock.assert_in_sync()
    with pytest.raises(TypeError, match="belongs to"):
        Clock(RUN, group=pair if r == 1 else alone)


@check(3)
def a_sum_that_wraps_around_to_a_count() -> None:
    """In 64 bits, three times the largest count is a positive number."""
    clock = Clock(RUN)
    with pytest.raises(TimeOverflowError, match=f"tokens is out of range.*{3 * LIMIT}"):
        clock.tick(tokens=LIMIT)
    assert clock.timestamp == Timestamp()
    clock.tick(seconds=1 + ranks.rank())
    assert clock.timestamp.total_wct == timedelta(seconds=2)


def main() -> None:
    torch.set_num_threads(1)
    # A rank that waits in vain fails soon.
    distributed.init_process_group("gloo", timeout=timedelta(seconds=40))
    for function in CHECKS[distributed.get_world_size()]:
        function()
        print(f"\nrank {distributed.get_rank()} passed {function.__name__}", flush=True)
    # What holds a group must be gone, or Gloo's threads may abort the process at its end.
    gc.collect()
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
