"""The clock in one process, without PyTorch."""

import subprocess
import sys
from datetime import timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from epochal import (
    Clock,
    EpochalError,
    LinearScheduler,
    Run,
    Time,
    TimeOverflowError,
    TimeParseError,
    Timestamp,
    TimeUnit,
    UnitError,
)
from hypothesis import given
from hypothesis import strategies as st
from reference import timestamp as reference
from reference.errors import Refusal
from reference.time import LIMIT
from strategies import plain_timestamp

RUN = Run("10ba")
SECOND = timedelta(seconds=1)


def at(clock: Clock, **counters: Any) -> bool:
    """Whether these counters are what they should be, and all others 0."""
    return clock.timestamp == Timestamp(**counters)


def test_a_clock_needs_no_torch() -> None:
    """A fresh interpreter, outside of the repository: the installed package is what is imported."""
    code = """
import sys, epochal
clock = epochal.Clock(epochal.Run("2ba"))
clock.tick(samples=3, tokens=5, seconds=0.5)
clock.next_epoch()
clock.tick(samples=3)
clock.assert_in_sync()
clock.sync()
clock.load_state_dict(clock.state_dict())
assert clock.done and clock.timestamp.sample == 6
assert "torch" not in sys.modules and "numpy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/", timeout=60)


# What a tick counts


def test_a_clock_starts_at_zero() -> None:
    assert at(Clock(RUN))
    assert Clock(RUN).run is RUN


def test_a_tick_counts_one_batch_whatever_it_is_told() -> None:
    clock = Clock(RUN)
    clock.tick()
    assert at(clock, batch=1, batch_in_epoch=1)


@pytest.mark.parametrize("samples", [5, np.int64(5), np.uint8(5), Time("5sp"), "5sp", "5e0 SP"])
@pytest.mark.parametrize("tokens", [2000, np.int32(2000), Time("2000tok"), "2Ktok"])
def test_counts(samples: Any, tokens: Any) -> None:
    clock = Clock(RUN)
    clock.tick(samples, tokens)
    counters = dict.fromkeys(("token", "token_in_epoch", "token_in_iteration"), 2000)
    assert at(clock, batch=1, batch_in_epoch=1, sample=5, sample_in_epoch=5, **counters)
    assert type(clock.timestamp.sample.value) is int


@pytest.mark.parametrize(
    "seconds",
    [1.5 * timedelta(seconds=1), 1.5, np.float64(1.5), np.float32(1.5), Fraction(3, 2)],
)
def test_seconds(seconds: Any) -> None:
    clock = Clock(RUN)
    clock.tick(seconds=seconds)
    wct = 1.5 * SECOND
    counters = dict.fromkeys(("total_wct", "iteration_wct", "epoch_wct", "batch_wct"), wct)
    assert at(clock, batch=1, batch_in_epoch=1, **counters)


def test_whole_seconds_and_microseconds() -> None:
    clock = Clock(RUN)
    for seconds in (3, np.int64(3), 0, 1e-6, 0.4e-6, 0.0):
        clock.tick(seconds=seconds)
    assert clock.timestamp.total_wct == timedelta(seconds=6, microseconds=1)
    assert clock.timestamp.batch_wct == timedelta(0)
    clock.tick(seconds=2)
    clock.tick()
    assert clock.timestamp.batch_wct == timedelta(0)


def test_declared_rates_are_counted_where_nothing_is_told() -> None:
    clock = Clock(Run("10ba", samples_per_batch=4, tokens_per_batch=100))
    # What is told is told, also where it is 0.
    told: list[dict[str, Any]] = [{}, {"samples": 1}, {"tokens": 7}, {"samples": 0, "tokens": 0}]
    for arguments, samples, tokens in zip(told, (4, 5, 9, 9), (100, 200, 207, 207), strict=True):
        clock.tick(**arguments)
        assert [int(clock.timestamp.sample), int(clock.timestamp.token)] == [samples, tokens]
    assert clock.timestamp.batch == 4


def test_counts_are_exact_up_to_the_limit() -> None:
    clock = Clock(RUN)
    clock.tick(samples=2**53, tokens=LIMIT - 1)
    clock.tick(samples=1, tokens=1)
    assert clock.timestamp.sample == 2**53 + 1
    assert clock.timestamp.token == LIMIT
    before = clock.timestamp
    with pytest.raises(TimeOverflowError, match="token"):
        clock.tick(samples=1, tokens=1)
    assert clock.timestamp is before


def test_totals_and_every_change_nothing_for_one_process() -> None:
    options: list[dict[str, Any]] = [{}, {"totals": True}, {"every": 3}, {"every": np.int8(3)}]
    clocks = [Clock(RUN, **chosen) for chosen in options]
    for clock in clocks:
        clock.tick(samples=3, tokens=7, seconds=0.25)
        clock.next_epoch()
        clock.tick(samples=3, tokens=7, seconds=0.25)
    assert len({clock.timestamp for clock in clocks}) == 1
    assert clocks[2].state_dict() == clocks[0].state_dict()


Step = tuple[str, int | None, int | None, int | None]

COUNTS = st.none() | st.integers(0, 100) | st.integers(0, LIMIT)
MICROSECONDS = st.none() | st.integers(0, 10**8) | st.integers(0, LIMIT)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["tick"] * 5 + ["epoch"] * 2 + ["iteration"]), COUNTS, COUNTS, MICROSECONDS
    ),
    max_size=20,
)


@given(STEPS, st.none() | st.integers(1, 50), st.none() | st.integers(1, LIMIT), st.integers(1, 40))
def test_a_naive_model_agrees(
    steps: list[Step], samples_per_batch: int | None, tokens_per_batch: int | None, stop: int
) -> None:
    run = Run(f"{stop}sp", samples_per_batch=samples_per_batch, tokens_per_batch=tokens_per_batch)
    clock, model = Clock(run), reference.timestamp()
    for kind, samples, tokens, microseconds in steps:
        before = clock.timestamp
        try:
            if kind == "epoch":
                model = reference.to_next_epoch(model)
            elif kind == "iteration":
                model = reference.to_next_iteration(model)
            else:
                model = reference.to_next_batch(
                    model,
                    (samples_per_batch or 0) if samples is None else samples,
                    (tokens_per_batch or 0) if tokens is None else tokens,
                    microseconds or 0,
                )
        except Refusal:
            with pytest.raises(TimeOverflowError):
                clock.tick(samples, tokens, duration(microseconds))
            assert clock.timestamp is before
            continue
        if kind == "epoch":
            clock.next_epoch()
        elif kind == "iteration":
            clock.next_iteration()
        else:
            clock.tick(samples, tokens, duration(microseconds))
        assert plain_timestamp(clock.timestamp) == model
        if model["sample"]:
            assert clock.done == (model["sample"] >= stop)


def duration(microseconds: int | None) -> float | timedelta | None:
    """A float where it is exact enough."""
    if microseconds is None:
        return None
    if microseconds < 10**9:
        return microseconds / 10**6
    return timedelta(microseconds=microseconds)


# Bad numbers


@pytest.mark.parametrize(
    ("argument", "value", "error", "text"),
    [
        ("samples", -1, EpochalError, "samples must be zero or above, not -1"),
        ("samples", "-1sp", EpochalError, "samples must be zero or above"),
        ("samples", True, TypeError, "samples must be a whole number, not True"),
        ("samples", 1.0, TypeError, "samples.*1.0"),
        ("samples", np.float64(1.0), TypeError, "samples.*1.0"),
        ("samples", float("nan"), TypeError, "samples.*nan"),
        ("samples", [1], TypeError, "samples.*[1]"),
        ("samples", "5", TimeParseError, "'5' has no unit"),
        ("samples", "5tok", UnitError, "samples must be in 'sp', not '5tok'"),
        ("samples", Time("5tok"), UnitError, "samples must be in 'sp', not '5tok'"),
        ("samples", "0.5dur", UnitError, "samples must be in 'sp', not '0.5dur'"),
        ("samples", 2**63, TimeOverflowError, "samples is out of range.*9223372036854775808"),
        ("tokens", -1, EpochalError, "tokens must be zero or above, not -1"),
        ("tokens", False, TypeError, "tokens must be a whole number, not False"),
        ("tokens", np.float32(2.0), TypeError, "tokens.*2.0"),
        ("tokens", "5sp", UnitError, "tokens must be in 'tok', not '5sp'"),
        ("tokens", 10**30, TimeOverflowError, "tokens is out of range"),
        ("seconds", -1, EpochalError, "seconds must be .*0 or above.*, not -1"),
        ("seconds", -0.25, EpochalError, "seconds .*-0.25"),
        ("seconds", timedelta(-1), EpochalError, "seconds .*days=-1"),
        ("seconds", float("nan"), EpochalError, "seconds must be finite.* not nan"),
        ("seconds", float("inf"), EpochalError, "seconds must be finite.* not inf"),
        ("seconds", -float("inf"), EpochalError, "seconds must be finite.* not -inf"),
        ("seconds", np.float64("nan"), EpochalError, "seconds .*nan"),
        ("seconds", 1e300, EpochalError, "seconds .*1e\\+300"),
        ("seconds", 1e13, EpochalError, "seconds .*292,471 years.*10000000000000.0"),
        ("seconds", 10**400, EpochalError, "seconds .*1000"),
        ("seconds", timedelta.max, EpochalError, "seconds .*999999"),
        ("seconds", True, TypeError, "seconds must be a number or a timedelta, not True"),
        ("seconds", np.True_, TypeError, "seconds .*True"),
        ("seconds", "3", TypeError, "seconds .*'3'"),
        ("seconds", "3sec", TypeError, "seconds .*'3sec'"),
        ("seconds", Time("3sec"), TypeError, "seconds .*3sec"),
        ("seconds", 1j, TypeError, "seconds .*1j"),
        ("seconds", [1.0], TypeError, "seconds .*[1.0]"),
    ],
)
def test_bad_numbers_count_nothing(
    argument: str, value: Any, error: type[Exception], text: str
) -> None:
    clock = Clock(RUN)
    clock.tick(samples=1, tokens=2, seconds=3)
    before = clock.timestamp
    with pytest.raises(error, match=text) as raised:
        clock.tick(**{"samples": 5, "tokens": 5, "seconds": 5, argument: value})
    assert type(raised.value) is error
    assert clock.timestamp is before


def test_sums_out_of_range() -> None:
    clock = Clock(RUN)
    state = clock.state_dict()
    for name in ("batch", "epoch", "iteration"):
        clock.load_state_dict({**state, name: LIMIT})
        before = clock.timestamp
        with pytest.raises(TimeOverflowError, match=name):
            {"batch": clock.tick, "epoch": clock.next_epoch}.get(name, clock.next_iteration)()
        assert clock.timestamp is before
    clock.load_state_dict(state)
    clock.tick(seconds=timedelta(microseconds=LIMIT))
    before = clock.timestamp
    with pytest.raises(TimeOverflowError, match="wct"):
        clock.tick(seconds=1e-6)
    assert clock.timestamp is before


# Bad arguments


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"run": "10ba"}, TypeError, "run must be a Run, not '10ba'"),
        ({"run": LinearScheduler().resolve(RUN)}, TypeError, "run must be a Run"),
        ({"run": None}, TypeError, "run must be a Run, not None"),
        ({"every": 0}, EpochalError, "every must be 1 tick or more, not 0"),
        ({"every": -3}, EpochalError, "every must be 1 tick or more, not -3"),
        ({"every": True}, TypeError, "every must be a whole number of ticks, not True"),
        ({"every": 2.0}, TypeError, "every must be a whole number of ticks, not 2.0"),
        ({"every": "2ba"}, TypeError, "every must be a whole number of ticks, not '2ba'"),
        ({"every": None}, TypeError, "every must be a whole number of ticks, not None"),
        ({"totals": "no"}, TypeError, "totals must be True or False, not 'no'"),
        ({"totals": 1}, TypeError, "totals must be True or False, not 1"),
        ({"group": 5}, TypeError, "group must be a process group .*belongs to, not 5"),
        ({"group": -100}, TypeError, "group must be a process group .*belongs to, not -100"),
        ({"group": "world"}, TypeError, "group must be a process group .*'world'"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text) as raised:
        Clock(**{"run": RUN, **arguments})
    assert type(raised.value) is error


def test_a_run_that_is_assigned_is_checked() -> None:
    clock = Clock(RUN)
    with pytest.raises(TypeError, match="run must be a Run, not '90ep'"):
        clock.run = "90ep"  # type: ignore[assignment]
    assert clock.run is RUN
    clock.run = longer = Run("90ep")
    assert clock.run is longer


def test_the_time_is_not_assigned() -> None:
    clock = Clock(RUN)
    for name in ("timestamp", "done", "time"):
        with pytest.raises(AttributeError):
            setattr(clock, name, Timestamp())


# The end


@pytest.mark.parametrize(
    ("duration", "told", "ticks"),
    [
        ("3ba", {}, 3),
        ("3sp", {"samples": 1}, 3),
        ("3sp", {"samples": 2}, 2),
        ("2Ktok", {"tokens": 999}, 3),
        ("2sec", {"seconds": 0.75}, 3),
        ("2sec", {"seconds": 0.5}, 4),
    ],
)
def test_done(duration: str, told: dict[str, Any], ticks: int) -> None:
    clock, done = Clock(Run(duration)), 0
    while not clock.done:
        clock.tick(**told)
        done += 1
    assert done == ticks
    clock.tick(**told)
    assert clock.done


def test_done_in_epochs_and_iterations() -> None:
    for duration, end in (("2ep", Clock.next_epoch), ("2iter", Clock.next_iteration)):
        clock = Clock(Run(duration))
        for expected in (False, False, True, True):
            assert clock.done is expected
            clock.tick()
            assert clock.done is expected
            end(clock)


def test_done_follows_the_scale_schedule_ratio() -> None:
    clock = Clock(Run("3ep", batches_per_epoch=3, scale_schedule_ratio=0.5))
    clock.tick()
    clock.tick()
    clock.tick()
    clock.next_epoch()
    assert clock.run.duration == Time("4ba")
    assert not clock.done
    clock.tick()
    assert clock.done


def test_a_microsecond_is_missing() -> None:
    clock = Clock(Run("2sec"))
    clock.tick(seconds=timedelta(seconds=1, microseconds=999_999))
    assert not clock.done
    clock.tick(seconds=1e-6)
    assert clock.done


@pytest.mark.parametrize(
    ("duration", "unit", "argument"),
    [("9sp", "sp", "samples"), ("9tok", "tok", "tokens"), ("9h", "sec", "seconds")],
)
def test_a_loop_that_would_never_end(duration: str, unit: str, argument: str) -> None:
    told: dict[str, Any] = {"samples": 1, "tokens": 1, "seconds": 1}
    del told[argument]
    clock = Clock(Run(duration))
    assert not clock.done
    clock.tick(**told)
    text = f"the clock '{unit}' has not moved in 1 batch: .*{argument}="
    for _ in range(2):
        with pytest.raises(UnitError, match=text):
            assert clock.done
    clock.tick(**told)
    with pytest.raises(UnitError, match="in 2 batches"):
        assert clock.done
    clock.tick(**{argument: 9 * 3600})
    assert clock.done


# Clocks that stand still


def test_check_moving() -> None:
    clock = Clock(RUN)
    assert clock.check_moving(["sp", "tok", "sec"]) is False
    clock.tick(samples=1)
    assert clock.check_moving([]) is True
    # These move by themselves, or when their end is told.
    assert clock.check_moving(["iter", "ep", "ba", "sp"]) is True
    assert clock.check_moving([TimeUnit.SAMPLE]) is True
    for unit, argument in (("tok", "tokens"), ("sec", "seconds"), ("TOK", "tokens")):
        text = rf"'{unit.lower()}' has not moved in 1 batch: .*clock.tick\({argument}=...\)"
        with pytest.raises(UnitError, match=text):
            clock.check_moving(["sp", unit])
    clock.tick(tokens=1, seconds=1e-6)
    assert clock.check_moving(["sp", "tok", "sec"]) is True


def test_a_clock_that_stands_still_after_a_load() -> None:
    """What was counted before, and by another program, says nothing of what is counted now."""
    clock = Clock(RUN)
    clock.tick(tokens=5)
    clock.next_epoch()
    later = Clock(RUN)
    later.load_state_dict(clock.state_dict())
    assert later.check_moving(["tok"]) is False
    later.tick()
    with pytest.raises(UnitError, match="'tok' has not moved in 1 batch"):
        later.check_moving(["tok"])
    later.tick(tokens=1)
    assert later.check_moving(["tok"]) is True


@pytest.mark.parametrize("units", ["sp", ["x"], ["sp", ""], [5], 5])
def test_units_that_are_none(units: Any) -> None:
    with pytest.raises((UnitError, TypeError)):
        Clock(RUN).check_moving(units)


def test_repr() -> None:
    clock = Clock(Run("3Ktok"))
    clock.tick(samples=8, tokens=1500, seconds=61.5)
    clock.next_epoch()
    assert repr(clock) == "<Clock at 1ep, 1ba, 8sp, 1500tok, 61sec of 3000tok>"


def test_totals_need_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("epochal._clock.check_group", lambda group: None)
    with pytest.raises(EpochalError, match="totals=True sums nothing up"):
        Clock(RUN, group=object(), totals=True)  # type: ignore[arg-type]
