"""Timestamps: counters, their steps, comparison, state; as the reference says, errors included."""

import copy
import datetime
import json
import operator
import pickle
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from epochal import (
    EpochalError,
    StateError,
    Time,
    TimeOverflowError,
    TimeParseError,
    Timestamp,
    TimeUnit,
    UnitError,
)
from hypothesis import given
from hypothesis import strategies as st
from reference import time as reference_time
from reference import timestamp as reference
from reference.errors import Refusal
from reference.parity import agree, assert_refuses, error_of
from reference.time import LIMIT, UNITS
from strategies import (
    COUNT_UNITS,
    counts,
    plain_time,
    plain_timestamp,
    real_time,
    real_timestamp,
    state_arguments,
    times,
    timestamps,
)

State = reference.Timestamp
MICROSECOND = timedelta(microseconds=1)
FULL = Timestamp(*range(1, 11), *(timedelta(seconds=n, microseconds=n) for n in range(11, 15)))


# Construction


@given(timestamps())
def test_construction(state: State) -> None:
    timestamp = real_timestamp(state)
    assert plain_timestamp(timestamp) == state
    assert plain_timestamp(Timestamp(*state_arguments(state).values())) == state
    as_text: dict[str, Any] = {
        name: f"{state[name]}{unit}" for name, unit in reference.UNIT.items()
    }
    as_time: dict[str, Any] = {name: Time(text) for name, text in as_text.items()}
    walls = {name: state_arguments(state)[name] for name in reference.WALL_CLOCKS}
    assert Timestamp(**as_text, **walls) == Timestamp(**as_time, **walls) == timestamp


def test_defaults_and_numpy_integers() -> None:
    assert plain_timestamp(Timestamp()) == reference.timestamp()
    assert Timestamp(batch=np.int64(5)) == Timestamp(batch=5)


@pytest.mark.parametrize("name", reference.UNIT)
def test_counters_refused(name: str) -> None:
    other = "ep" if reference.UNIT[name] != "ep" else "ba"
    for value in (f"5{other}", Time(5, other), "0.5dur"):
        error = error_of(Timestamp, **{name: value})
        assert type(error) is UnitError
        assert name in str(error)
        assert f"'{value}'" in str(error)
    for negative in (-1, f"-1{reference.UNIT[name]}", Time(-1, reference.UNIT[name])):
        for make in (Timestamp, FULL.copy):
            error = error_of(make, **{name: negative})
            assert isinstance(error, EpochalError)
            assert name in str(error)
            assert "-1" in str(error)
    assert type(error_of(Timestamp, **{name: LIMIT + 1})) is TimeOverflowError
    for wrong in (1.0, True, timedelta(1), np.float64(1), [1]):
        error = error_of(Timestamp, **{name: wrong})
        assert type(error) is TypeError
        assert name in str(error)


@pytest.mark.parametrize("name", reference.WALL_CLOCKS)
def test_wall_clocks_refused(name: str) -> None:
    for make in (Timestamp, FULL.copy):
        error = error_of(make, **{name: -MICROSECOND})
        assert isinstance(error, EpochalError)
        assert name in str(error)
    assert type(error_of(Timestamp, **{name: timedelta.max})) is TimeOverflowError
    for wrong in (1, 1.0, "1sec", True):
        error = error_of(Timestamp, **{name: wrong})
        assert type(error) is TypeError
        assert name in str(error)


# Reading


@given(timestamps(), st.sampled_from(UNITS))
def test_get(state: State, unit: str) -> None:
    agree(
        lambda: plain_time(real_timestamp(state).get(unit)),
        lambda: reference_time.Time(int(reference.clock(state, unit)), unit),
    )
    agree(
        lambda: plain_time(real_timestamp(state).get(TimeUnit(unit))),
        lambda: reference_time.Time(int(reference.clock(state, unit)), unit),
    )


@given(timestamps(), times())
def test_comparison_with_a_time(state: State, time: reference_time.Time) -> None:
    real = real_timestamp(state)
    for given_as in (real_time(time), str(time)):
        if time.unit == "dur":
            assert real != given_as
            for compare in (Timestamp.__lt__, Timestamp.__le__, Timestamp.__gt__, Timestamp.__ge__):
                assert type(error_of(compare, real, given_as)) is UnitError
            continue
        clock = reference.clock(state, time.unit)
        assert (real < given_as) is (clock < time.value)
        assert (real <= given_as) is (clock <= time.value)
        assert (real > given_as) is (clock > time.value)
        assert (real >= given_as) is (clock >= time.value)
        assert (real == given_as) is (clock == time.value)
        assert (real != given_as) is (clock != time.value)
        # From the other side.
        assert (given_as == real) is (clock == time.value)
        assert (given_as > real) is (clock < time.value)


@given(timestamps(), st.sampled_from(COUNT_UNITS))
def test_comparison_at_the_clock_itself(state: State, unit: str) -> None:
    real, clock = real_timestamp(state), real_timestamp(state).get(unit)
    whole = reference.clock(state, unit).denominator == 1
    assert (real == clock) is whole
    assert real >= clock
    assert (real <= clock) is whole
    assert clock.value == LIMIT or real < clock + 1


# Steps

moves = st.one_of(
    st.sampled_from(["epoch", "iteration"]),
    st.tuples(st.integers(0, 100), st.integers(0, 10**6), st.integers(0, 10**9)),
    st.tuples(counts(0), counts(0), st.integers(0, 10**15)),
)


def step(timestamp: Timestamp, move: Any) -> Timestamp:
    if move == "epoch":
        return timestamp.to_next_epoch()
    if move == "iteration":
        return timestamp.to_next_iteration()
    samples, tokens, duration = move
    return timestamp.to_next_batch(samples, f"{tokens}tok", duration=duration * MICROSECOND)


def expected_step(state: State, move: Any) -> State:
    if move == "epoch":
        return reference.to_next_epoch(state)
    if move == "iteration":
        return reference.to_next_iteration(state)
    return reference.to_next_batch(state, *move)


@given(timestamps(), st.lists(moves, min_size=1, max_size=8))
def test_steps(state: State, path: list[Any]) -> None:
    """Ends early at the first step that overflows."""
    timestamp = real_timestamp(state)
    for move in path:
        try:
            after = expected_step(state, move)
        except Refusal as refusal:
            assert_refuses(lambda: step(timestamp, move), refusal)  # noqa: B023
            assert plain_timestamp(timestamp) == state
            return
        stepped = step(timestamp, move)
        assert plain_timestamp(timestamp) == state
        assert plain_timestamp(stepped) == after
        timestamp, state = stepped, after


def test_step_arguments() -> None:
    assert FULL.to_next_batch() == FULL.to_next_batch(0, 0, None)
    assert FULL.to_next_batch().batch_wct == timedelta(0)
    wrong: list[tuple[tuple[Any, ...], type[Exception], str]] = [
        ((-1,), EpochalError, "samples"),
        ((0, -1), EpochalError, "tokens"),
        ((0, 0, -MICROSECOND), EpochalError, "duration"),
        (("5tok",), UnitError, "samples"),
        ((0, "5sp"), UnitError, "tokens"),
        ((1.0,), TypeError, "samples"),
        ((0, True), TypeError, "tokens"),
        ((0, 0, 1.5), TypeError, "duration"),
        ((LIMIT + 1,), TimeOverflowError, "samples"),
    ]
    for arguments, kind, name in wrong:
        error = error_of(FULL.to_next_batch, *arguments)
        assert isinstance(error, kind)
        assert name in str(error)
    for step in (FULL.to_next_epoch, FULL.to_next_iteration):
        with pytest.raises(EpochalError, match="duration must be zero or above"):
            step(-MICROSECOND)


@given(timestamps(), timestamps())
def test_copy_with_changes(state: State, changes: State) -> None:
    chosen = {name: value for name, value in changes.items() if value}
    copied = real_timestamp(state).copy(**state_arguments(chosen))
    assert plain_timestamp(copied) == state | chosen
    assert real_timestamp(state).copy() == real_timestamp(state)


def test_copy_refuses_unknown_names() -> None:
    error = error_of(FULL.copy, batches=1)
    assert type(error) is TypeError
    assert "'batches'" in str(error)


# State


@given(timestamps())
def test_state_goes_through_json(state: State) -> None:
    timestamp = real_timestamp(state)
    saved = timestamp.state_dict()
    assert tuple(saved) == reference.FIELDS
    for name, value in saved.items():
        assert type(value) is (float if name.endswith("_wct") else int)
        expected = state[name] / 10**6 if name.endswith("_wct") else state[name]
        assert value == expected
    assert plain_timestamp(Timestamp.from_state_dict(json.loads(json.dumps(saved)))) == state
    assert Timestamp.from_state_dict(dict(reversed(saved.items()))) == timestamp


@pytest.mark.parametrize("name", reference.FIELDS)
def test_states_refused(name: str) -> None:
    good = FULL.state_dict()
    missing = {key: value for key, value in good.items() if key != name}
    error = error_of(Timestamp.from_state_dict, missing)
    assert type(error) is StateError
    assert f"'{name}'" in str(error)
    bad: list[Any] = [
        -1,
        True,
        None,
        "1",
        [1],
        1j,
        float("nan"),
        float("inf"),
        -0.5,
        1e300,
        10**400,
    ]
    bad += [LIMIT + 1] if name in reference.UNIT else []
    bad += [1.0, timedelta(1)]
    for value in bad:
        if name in reference.WALL_CLOCKS and value == 1.0 and value is not True:
            continue
        error = error_of(Timestamp.from_state_dict, good | {name: value})
        assert type(error) is StateError, value
        assert name in str(error)


def test_unknown_fields_are_refused() -> None:
    error = error_of(Timestamp.from_state_dict, FULL.state_dict() | {"steps": 1})
    assert type(error) is StateError
    assert "'steps'" in str(error)
    wrong: list[Any] = [5, None, "state", [("batch", 1)], FULL]
    for state in wrong:
        assert type(error_of(Timestamp.from_state_dict, state)) is TypeError


# Equality, hash, text, copies


@given(timestamps(), timestamps())
def test_equality_and_hashing(a: State, b: State) -> None:
    for x, y in ((a, b), (a, a)):
        assert (real_timestamp(x) == real_timestamp(y)) is (x == y)
        assert (real_timestamp(x) != real_timestamp(y)) is (x != y)
        assert x != y or hash(real_timestamp(x)) == hash(real_timestamp(y))


@pytest.mark.parametrize("name", reference.FIELDS)
def test_every_field_counts_in_equality(name: str) -> None:
    more = getattr(FULL, name) + (MICROSECOND if name.endswith("_wct") else 1)
    assert FULL.copy(**{name: more}) != FULL
    assert hash(FULL.copy(**{name: more})) != hash(FULL)


def test_equality_never_raises() -> None:
    others: list[object] = ["", "5epp", "5dur", "\ud800", 0, None, 1.0, {}, Time("1dur"), object()]
    for other in others:
        assert not Timestamp() == other
        assert Timestamp() != other


def test_ordering_refuses_what_is_no_time() -> None:
    for wrong in (5, 5.0, None, FULL, timedelta(1)):
        assert type(error_of(operator.lt, FULL, wrong)) is TypeError
        assert type(error_of(operator.ge, FULL, wrong)) is TypeError
    assert type(error_of(operator.lt, FULL, "5epp")) is TimeParseError


@given(timestamps())
def test_repr_rebuilds(state: State) -> None:
    timestamp = real_timestamp(state)
    text = repr(timestamp)
    assert eval(text, {"Timestamp": Timestamp, "datetime": datetime}) == timestamp
    assert all((f"{name}=" in text) is bool(state[name]) for name in reference.UNIT if "_" in name)


def test_repr() -> None:
    assert repr(Timestamp()) == "Timestamp()"
    assert repr(Timestamp(epoch=2, batch=120)) == "Timestamp(epoch=2, batch=120)"
    assert repr(Timestamp(batch_wct=timedelta(seconds=5))) == (
        "Timestamp(batch_wct=datetime.timedelta(seconds=5))"
    )


@given(timestamps())
def test_copies(state: State) -> None:
    timestamp = real_timestamp(state)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert plain_timestamp(pickle.loads(pickle.dumps(timestamp, protocol))) == state
    assert copy.copy(timestamp) == copy.deepcopy(timestamp) == timestamp


def test_immutable() -> None:
    for name in (*reference.FIELDS, "new"):
        with pytest.raises(AttributeError):
            setattr(FULL, name, 0)
