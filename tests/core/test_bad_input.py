"""Bad input of every kind for every constructor and method: the right error, and never a panic.

Whatever is given, a call returns, or raises an `EpochalError`, a `TypeError`, or what the given
object itself raised. Everything else fails the test, pyo3's `PanicException` above all: it is no
`Exception`, so nothing here catches it.
"""

import math
import operator
import sys
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import epochal
import numpy as np
import pytest
from configs import NAMES, parameters
from epochal import (
    Curve,
    EpochalError,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    Run,
    Schedule,
    StepScheduler,
    Time,
    TimeParseError,
    Timestamp,
    TimeUnit,
)
from hostile import (
    CLOCKS,
    CURVE,
    HUGE_TEXT,
    RUN,
    SCHEDULE,
    SPAN,
    STAMP,
    STATE,
    TIME,
    EndsInTheMiddle,
    SabotageError,
    borderline,
    fail,
    strangers,
)
from hypothesis import given
from hypothesis import strategies as st
from reference import timestamp as reference
from sizes import some

Call = Callable[[Any], object]


# Every place where a value can be given

GOOD = {
    "step_size": "3ba",
    "gamma": 0.5,
    "milestones": ["3ba"],
    "alpha": 0.5,
    "decay_period": "3ba",
    "t_0": "3ba",
    "t_warmup": "3ba",
    "power": 2.0,
    "t_scale": "3ba",
    "t_up": "3ba",
    "points": [("3ba", 0.5)],
}


def keyword(make: Callable[..., object], name: str, **rest: Any) -> Call:
    return lambda value: make(**rest, **{name: value})


def state_with(**changes: Any) -> SimpleNamespace:
    return SimpleNamespace(**{**vars(STATE), **changes})


def before(name: str, ours: object) -> Call:
    return partial(getattr(operator, name), ours)


def after(name: str, ours: object) -> Call:
    return lambda value: getattr(operator, name)(value, ours)


def state_field(name: str) -> Call:
    return lambda value: Timestamp.from_state_dict({**STAMP.state_dict(), name: value})


COMPOSERS = [f"from_{unit.name.lower()}" for unit in TimeUnit]
OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "lt", "le", "gt", "ge")

CALLS: dict[str, Call] = {
    "Time(·)": Time,
    "Time(·, 'ba')": lambda x: Time(x, "ba"),
    "Time(·, 'dur')": lambda x: Time(x, "dur"),
    "Time(5, ·)": lambda x: Time(5, x),
    "from_timestring": Time.from_timestring,
    "from_input(·)": Time.from_input,
    "from_input(·, 'ba')": lambda x: Time.from_input(x, "ba"),
    "from_input(5, ·)": lambda x: Time.from_input(5, x),
    **{name: getattr(Time, name) for name in COMPOSERS},
    **{f"Time {name} ·": before(name, TIME) for name in OPERATORS},
    **{f"dur {name} ·": before(name, SPAN) for name in OPERATORS},
    **{f"· {name} Time": after(name, TIME) for name in OPERATORS},
    "divmod(Time, ·)": lambda x: divmod(TIME, x),
    "divmod(·, Time)": lambda x: divmod(x, TIME),
    **{f"Timestamp({name})": keyword(Timestamp, name) for name in reference.FIELDS},
    **{f"copy({name})": keyword(STAMP.copy, name) for name in reference.FIELDS},
    **{f"state {name}": state_field(name) for name in reference.FIELDS},
    "from_state_dict": Timestamp.from_state_dict,
    "get": STAMP.get,
    "to_next_batch(·)": STAMP.to_next_batch,
    "to_next_batch(0, ·)": lambda x: STAMP.to_next_batch(0, x),
    **{f"Timestamp {name} ·": before(name, STAMP) for name in OPERATORS[-4:]},
    "Run(·)": Run,
    "Run(scale_schedule_ratio)": keyword(Run, "scale_schedule_ratio", max_duration="5ba"),
    "convert(·, 'ba')": lambda x: RUN.convert(x, "ba"),
    "convert('5ba', ·)": lambda x: RUN.convert("5ba", x),
    "at_batch": RUN.at_batch,
    **{
        f"{name}({key})": keyword(
            getattr(epochal, name),
            key,
            **{k: v for k, v in GOOD.items() if k in parameters(name) and k != key},
        )
        for name in NAMES
        for key in parameters(name)
    },
    "Schedule(·)": Schedule,
    "resolve": SCHEDULE.resolve,
    "Schedule * ·": lambda x: SCHEDULE * x,
    "· * Schedule": lambda x: x * SCHEDULE,
    "Schedule + ·": lambda x: SCHEDULE + x,
    "· + Schedule": lambda x: x + SCHEDULE,
    "after_warmup(·)": SCHEDULE.after_warmup,
    **{
        f"after_warmup({name})": keyword(SCHEDULE.after_warmup, name, t_warmup="5ba")
        for name in ("start", "shape", "scale")
    },
    "until(·)": lambda x: SCHEDULE.until(x, SCHEDULE),
    "until(then)": lambda x: SCHEDULE.until("5ba", x),
    "until(carry)": lambda x: SCHEDULE.until("5ba", SCHEDULE, carry=x),
    "cooldown(·)": SCHEDULE.cooldown,
    **{
        f"cooldown({name})": keyword(SCHEDULE.cooldown, name, t="5ba")
        for name in ("t_max", "alpha_f", "shape")
    },
    "clip(low)": lambda x: SCHEDULE.clip(low=x),
    "clip(high)": lambda x: SCHEDULE.clip(high=x),
    "repeat(·)": SCHEDULE.repeat,
    "advance(·)": SCHEDULE.advance,
    "advance(scale)": lambda x: SCHEDULE.advance("5ba", scale=x),
    "delay(·)": SCHEDULE.delay,
    "delay(scale)": lambda x: SCHEDULE.delay("5ba", scale=x),
    "schedule(·)": SCHEDULE,
    "schedule(state, ·)": lambda x: SCHEDULE(STATE, x),
    "curve(·)": CURVE,
    "curve([·])": lambda x: CURVE([x]),
    "curve({'ba': ·})": lambda x: CURVE({"ba": x}),
    "curve({·: 1})": lambda x: CURVE({x: 1}),
    "curve(out=·)": lambda x: CURVE([1.0], out=x),
    "curve(dtype=·)": lambda x: CURVE([1.0], dtype=x),
    "clocks(·)": CLOCKS,
    "clocks({'ba': ·})": lambda x: CLOCKS({"ba": x, "tok": 1}),
    "grid(·)": CURVE.grid,
    "grid(0, ·)": lambda x: CURVE.grid(0, x),
    "grid(0, 5, ·)": lambda x: CURVE.grid(0, 5, x),
    "grid(out=·)": lambda x: CURVE.grid(0, 1, out=x),
    "grid(dtype=·)": lambda x: CURVE.grid(0, 1, dtype=x),
}


def outcome(call: Call, value: Any) -> Exception | None:
    """The error of a call, None if it returns."""
    try:
        call(value)
    except (EpochalError, TypeError, SabotageError) as error:
        return error
    except MemoryError as error:
        # A grid of 2^53 points is no mistake, and has no place.
        assert call in (CALLS["grid(·)"], CALLS["grid(0, ·)"])
        return error
    return None


every_call = pytest.mark.parametrize("name", some(CALLS, 3))


@every_call
def test_strangers_are_refused(name: str) -> None:
    for value in strangers():
        if name in ("Schedule * ·", "· * Schedule", "until(then)") and is_function(value):
            continue
        assert outcome(CALLS[name], value) is not None, type(value)


def is_function(value: object) -> bool:
    """What can be called is a schedule, if it is no class."""
    return callable(value) and not isinstance(value, type)


@every_call
def test_borderline_values_are_taken_or_refused(name: str) -> None:
    for value in borderline():
        error = outcome(CALLS[name], value)
        if isinstance(error, EpochalError):
            # A message quotes what was given, but not all of a million characters.
            assert 0 < len(str(error)) < 2000, type(value)


@pytest.mark.parametrize(
    "ours", [TIME, SPAN, STAMP, RUN, SCHEDULE, CURVE], ids=lambda x: type(x).__name__
)
def test_nothing_strange_is_equal(ours: object) -> None:
    for value in strangers():
        for ask, expected in ((operator.eq, False), (operator.ne, True)):
            try:
                answer = ask(ours, value)
            except SabotageError:
                continue
            assert np.all(answer == expected), type(value)


def test_no_reference_leaks() -> None:
    """A refused object is let go."""
    for value in (object(), 1j, "no such thing at all", [object()]):
        before = sys.getrefcount(value)
        for name, call in CALLS.items():
            outcome(call, value)
            assert sys.getrefcount(value) == before, name


# Numbers that are none


def test_none_is_not_a_default() -> None:
    """Only what is documented as optional may be None."""
    for name in reference.FIELDS:
        assert isinstance(outcome(keyword(Timestamp, name), None), TypeError), name
        assert isinstance(outcome(keyword(STAMP.copy, name), None), TypeError), name
    ratio = keyword(Run, "scale_schedule_ratio", max_duration="5ba")
    assert isinstance(outcome(ratio, None), TypeError)


@pytest.mark.parametrize("no_number", [np.True_, np.False_, True], ids=repr)
def test_booleans_are_no_numbers(no_number: object) -> None:
    for name in ("Time mul ·", "Time truediv ·", "dur add ·", "dur mul ·", "dur lt ·"):
        assert isinstance(outcome(CALLS[name], no_number), TypeError), name
    for name, call in CALLS.items():
        numeric = (
            "gamma",
            "alpha",
            "power",
            "t_mult",
            "_ratio",
            "'dur')",
            "'ba')",
            "curve",
            "grid",
        )
        if name.endswith(("out=·)", "dtype=·)")) or name == "curve({·: 1})":
            continue
        if any(word in name for word in numeric):
            assert isinstance(outcome(call, no_number), TypeError), name


def test_mistaken_text_is_quoted_and_cut() -> None:
    for make in (Time, Run, StepScheduler, RUN.at_batch, STAMP.get):
        error = outcome(make, HUGE_TEXT)
        assert isinstance(error, EpochalError)
        assert "5" * 50 in str(error)
    assert isinstance(outcome(Time, "\ud800"), TimeParseError)


# Nothing half built


def test_a_bad_time_leaves_the_output_alone() -> None:
    for bad in (math.nan, -1.0, math.inf):
        for where in (0, 500, 999):
            times = np.arange(1000.0)
            times[where] = bad
            out = np.full(1000, 7.0)
            assert isinstance(outcome(lambda t: CURVE(t, out=out), times), EpochalError)  # noqa: B023
            assert (out == 7.0).all()


def test_a_failing_iterable_builds_nothing() -> None:
    assert isinstance(outcome(MultiStepScheduler, EndsInTheMiddle()), SabotageError)


def test_instances_cannot_be_made_empty() -> None:
    classes: list[Any] = [Time, Run, Schedule, Curve, StepScheduler, LinearWithWarmupScheduler]
    for cls in classes:
        for new in (cls.__new__, object.__new__):
            with pytest.raises(TypeError):
                new(cls)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(reference.FIELDS), json | st.integers(0, 9)) | json)
def test_states_are_taken_whole_or_refused(changes: Any) -> None:
    state = {**STAMP.state_dict(), **changes} if isinstance(changes, dict) else changes
    try:
        timestamp = Timestamp.from_state_dict(state)
    except (epochal.StateError, TypeError):
        return
    saved = timestamp.state_dict()
    assert saved == pytest.approx(state, abs=1e-6)
    assert all(saved[name] == state[name] for name in reference.UNIT)


# The Composer calling form


@pytest.mark.parametrize("field", ["timestamp", "max_duration", "dataloader_len"])
def test_states_of_a_trainer(field: str) -> None:
    """An attribute that is missing, strange or raises is an error of the caller."""
    half = SimpleNamespace(**{k: v for k, v in vars(STATE).items() if k != field})
    assert isinstance(outcome(SCHEDULE, half), TypeError)
    for value in [*strangers(), *borderline()]:
        outcome(SCHEDULE, state_with(**{field: value}))
    if field == "timestamp":
        for value in strangers():
            assert outcome(SCHEDULE, state_with(timestamp=SimpleNamespace(batch=value))), type(
                value
            )


@pytest.mark.parametrize("field", ["timestamp", "max_duration", "dataloader_len"])
def test_a_raising_state(field: str) -> None:
    """What went wrong inside of the caller's object is not lost."""
    raising = type("State", (SimpleNamespace,), {field: property(fail)})
    others = {name: value for name, value in vars(STATE).items() if name != field}
    error = outcome(SCHEDULE, raising(**others))
    assert any(isinstance(e, SabotageError) for e in (error, getattr(error, "__cause__", None)))
