"""On several ranks: groups of them, rates, states, and what else a clock is used for."""

import re
from datetime import timedelta

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
    TimeOverflowError,
    Timestamp,
    UnitError,
)
from epochal import _ranks as ranks
from epochal.torch import bind
from on_ranks import (
    LIMIT,
    MICROSECOND,
    RUN,
    assert_equal_on_all,
    check,
    counts,
    microseconds,
    next_time,
    reductions,
    samples,
    tick,
    tokens,
)
from torch import distributed


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
