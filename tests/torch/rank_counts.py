"""On several ranks: how the clock counts, sums and refuses."""

from datetime import timedelta
from typing import Any

import pytest
from epochal import (
    Clock,
    EpochalError,
    Run,
    StateError,
    Time,
    TimeOverflowError,
    Timestamp,
)
from epochal import _ranks as ranks
from on_ranks import (
    LIMIT,
    MICROSECOND,
    RUN,
    assert_equal_on_all,
    check,
    counts,
    next_time,
    reductions,
    tick,
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
