"""Times: text, arithmetic, comparison, hashing, copies; as the reference says, errors included."""

import copy
import itertools
import math
import operator
import pickle
import re
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import epochal
import numpy as np
import pytest
from cases import Cases
from epochal import (
    EpochalError,
    FractionalCountError,
    StepScheduler,
    Time,
    TimeOverflowError,
    TimeParseError,
    TimeUnit,
    TimeZeroDivisionError,
    UnitError,
)
from hypothesis import example, given
from hypothesis import strategies as st
from reference import time as reference
from reference.errors import Refusal
from reference.parity import agree, error_of
from reference.time import LIMIT, UNITS
from sizes import some
from strategies import (
    COUNT_UNITS,
    NEAR_MISSES,
    ODD_OPERANDS,
    any_time_strings,
    counts,
    good_time_strings,
    operations,
    plain_time,
    products,
    real_time,
    times,
)

# Text


@given(any_time_strings())
def test_text_is_read_as_the_reference_reads_it(text: str) -> None:
    agree(lambda: plain_time(Time(text)), lambda: reference.parse(text))


@given(good_time_strings())
def test_good_text_gives_a_time(text: str) -> None:
    assert plain_time(Time(text)) == reference.parse(text)


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("1kba", "write '1Kba'"),
        ("2Gtok", "write '2Btok'"),
        ("10min", "write '10m'"),
        ("100steps", "write '100ba'"),
        ("5 epochs", "write '5ep'"),
        ("3hours", "write '3h'"),
        ("10k", "give a unit, e.g. '10Kba'"),
        ("5", "give a unit, e.g. '5ep'"),
        ("1.5ep", "write it in batches, e.g. '150ba', or as a fraction of the run, e.g. '0.3dur'"),
    ],
)
def test_what_was_meant_is_said(text: str, mend: str) -> None:
    with pytest.raises(TimeParseError, match=re.escape(mend) + "$") as caught:
        Time(text)
    assert f"time string '{text}' " in str(caught.value)
    # What is offered is a time.
    for offered in re.findall("'([^']*)'", mend):
        Time(offered)


def test_the_way_out_is_said_in_python() -> None:
    with pytest.raises(
        UnitError, match="'5ep' and '2ba': their units differ; Run.convert converts"
    ):
        Time("5ep") + "2ba"
    with pytest.raises(UnitError, match="cannot subtract '2ba' from '5ep'"):
        Time("5ep") - "2ba"
    both = (StepScheduler("2ba") * StepScheduler("5tok")).resolve("9ba")
    with pytest.raises(UnitError, match="'tok' needs tokens_per_batch; give a Timestamp, or a map"):
        both(1)


@pytest.mark.parametrize("text", some(NEAR_MISSES, 3), ids=ascii)
def test_near_misses(text: str) -> None:
    agree(lambda: plain_time(Time(text)), lambda: reference.parse(text))


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("5TOK", 5, "tok"),
        ("5BBA", 5 * 10**9, "ba"),
        ("-0ep", 0, "ep"),
        ("9223372036854775807tok", LIMIT, "tok"),
        ("-9223372036854775807tok", -LIMIT, "tok"),
        ("300e-3DUR", 0.3, "dur"),
        ("1e-400dur", 0.0, "dur"),
        ("4.9e-324dur", 5e-324, "dur"),
        ("1d", 86400, "sec"),
        (" \t\r\n\f5ep ", 5, "ep"),
    ],
)
def test_text_at_its_edges(text: str, value: float, unit: str) -> None:
    time = Time(text)
    assert (time.value, time.unit) == (value, unit)
    assert type(time.value) is (float if unit == "dur" else int)


def test_errors_say_how_to_mend_the_text() -> None:
    assert "give a unit, e.g. '5ep'" in str(error_of(Time, "5"))
    assert "give a unit, e.g. '5ep'" in str(error_of(Time, "-1_0.5e3"))
    for text in ("5epp", "", "nandur"):
        message = str(error_of(Time, text))
        assert f"'{text}'" in message
        assert "expected" in message
        assert all(unit in message for unit in UNITS)


def test_text_errors_are_composers_too() -> None:
    assert issubclass(TimeParseError, EpochalError)
    assert issubclass(EpochalError, ValueError)
    assert issubclass(FractionalCountError, TimeParseError)
    assert issubclass(FractionalCountError, TypeError)
    assert issubclass(UnitError, RuntimeError)
    assert issubclass(TimeOverflowError, OverflowError)
    assert issubclass(TimeZeroDivisionError, ZeroDivisionError)


# Two shortest texts are equally near here.
@example(reference.Time(2067327418756326.25, "dur"))
@given(times())
def test_text_reads_back(time: reference.Time) -> None:
    real = real_time(time)
    assert str(real) == real.to_timestring() == str(time)
    assert repr(real) == f"Time('{time}')"
    assert eval(repr(real)) == real
    again = Time(str(real))
    assert plain_time(again) == time
    assert math.copysign(1, again.value) == math.copysign(1, real.value)


# Construction


@given(times())
def test_construction(time: reference.Time) -> None:
    value, unit = time
    real = Time(value, unit)
    assert plain_time(real) == time
    assert real.unit is TimeUnit(unit)
    assert Time(real) == real
    same: list[Time] = [
        Time(value, TimeUnit(unit)),
        Time(value, unit.upper()),
        Time.from_input(value, unit),
        Time.from_input(str(time)),
        Time.from_input(str(time), "ba"),
        Time.from_input(real, "ba"),
        Time.from_timestring(str(time)),
        getattr(Time, FROM[unit])(value),
    ]
    assert same == [real] * len(same)


FROM = {
    "iter": "from_iteration",
    "ep": "from_epoch",
    "ba": "from_batch",
    "sp": "from_sample",
    "tok": "from_token",
    "dur": "from_duration",
    "sec": "from_second",
}


def test_units_are_strings_with_composers_names() -> None:
    names = ["ITERATION", "EPOCH", "BATCH", "SAMPLE", "TOKEN", "DURATION", "SECOND"]
    assert {unit.name: unit.value for unit in TimeUnit} == dict(zip(names, UNITS, strict=True))
    assert all(unit == unit.value == str(unit) for unit in TimeUnit)
    for unit in TimeUnit:
        assert TimeUnit(unit) is TimeUnit(unit.upper()) is pickle.loads(pickle.dumps(unit)) is unit


@pytest.mark.parametrize("wrong", [np.array(["ba"]), ["ba"], None, 5, b"ba"], ids=repr)
def test_only_text_is_a_unit(wrong: Any) -> None:
    with pytest.raises(TypeError, match="value must be a unit such as 'ep', not "):
        TimeUnit(wrong)


@pytest.mark.parametrize("unit", COUNT_UNITS)
@pytest.mark.parametrize("value", [LIMIT + 1, -LIMIT - 1, 10**400])
def test_counts_out_of_range(value: int, unit: str) -> None:
    for error in (error_of(Time, value, unit), error_of(getattr(Time, FROM[unit]), value)):
        assert type(error) is TimeOverflowError
        assert str(value)[:40] in str(error)


def test_numpy_numbers() -> None:
    assert Time(np.int64(5), "ep") == Time("5ep") == Time(np.uint8(5), "ep")
    assert type(Time(np.int64(5), "ep").value) is int
    assert Time(np.float64(0.5), "dur") == Time("0.5dur") == Time(np.float32(0.5), "dur")
    assert Time("5ep") + np.int64(1) == Time("6ep")
    assert Time("5ep") * np.int32(2) == Time("10ep")
    assert Time("5ep") * np.float64(0.4) == Time("2ep")
    assert Time("5ep") == np.int64(5)


def test_pattern_matching() -> None:
    match Time("5ep"):
        case Time(value, unit):
            assert (value, unit) == (5, "ep")


# Arithmetic

Operator = Callable[[Any, Any], Any]
Expected = Callable[[Any, Any], Any]

BINARY: dict[str, tuple[Operator, Expected]] = {
    "+": (operator.add, reference.add),
    "-": (operator.sub, reference.subtract),
    "*": (operator.mul, reference.multiply),
    "/": (operator.truediv, reference.divide),
    "//": (operator.floordiv, reference.floor_divide),
    "%": (operator.mod, reference.modulo),
    "<": (operator.lt, lambda a, b: reference.compare(a, b) < 0),
    "<=": (operator.le, lambda a, b: reference.compare(a, b) <= 0),
    ">": (operator.gt, lambda a, b: reference.compare(a, b) > 0),
    ">=": (operator.ge, lambda a, b: reference.compare(a, b) >= 0),
    "==": (operator.eq, reference.equal),
    "!=": (operator.ne, lambda a, b: not reference.equal(a, b)),
}


def real_operand(value: Any) -> Any:
    return real_time(value) if isinstance(value, reference.Time) else value


def plain_result(value: Any) -> Any:
    return plain_time(value) if isinstance(value, Time) else value


@pytest.mark.parametrize("sign", BINARY)
@given(operations())
def test_time_and_operand(sign: str, operation: tuple[reference.Time, Any]) -> None:
    real, expected = BINARY[sign]
    a, b = operation
    agree(lambda: plain_result(real(real_time(a), real_operand(b))), lambda: expected(a, b))


@pytest.mark.parametrize("sign", BINARY)
@given(operations().filter(lambda operation: not isinstance(operation[1], reference.Time)))
def test_operand_and_time(sign: str, operation: tuple[reference.Time, Any]) -> None:
    """The reflected operators: numbers and strings on the left."""
    real, expected = BINARY[sign]
    b, a = operation

    def reflected() -> Any:
        if sign in ("*", "==", "!="):
            return expected(b, a)
        if sign in ("/", "//") and not isinstance(a, str):
            raise Refusal("TypeError")
        if sign == "%" and isinstance(a, str):
            raise Refusal("TypeError")  # Python's own formatting of strings comes first
        return expected(reference.time(a, b.unit), b)

    agree(lambda: plain_result(real(a, real_time(b))), reflected)


@pytest.mark.parametrize("sign", BINARY)
def test_odd_operands(sign: str) -> None:
    real, expected = BINARY[sign]

    def check(text: str, odd: object) -> None:
        agree(
            lambda: plain_result(real(Time(text), odd)),
            lambda: expected(reference.parse(text), odd),
        )

    with Cases() as cases:
        for text, odd in itertools.product(("7ep", "0ep", "0.5dur"), ODD_OPERANDS):
            cases.try_one(f"'{text}' {sign} {odd!r:.25}", partial(check, text, odd))


@pytest.mark.parametrize("sign", BINARY)
def test_huge_integers(sign: str) -> None:
    """No count, but a factor or a divisor like any other; a fraction of the run takes them all."""
    real, expected = BINARY[sign]

    def compare(time: reference.Time, huge: int) -> None:
        agree(lambda: plain_result(real(real_time(time), huge)), lambda: expected(time, huge))

    for text in ("7ep", "0ep", "0.5dur"):
        for huge in (LIMIT + 1, -LIMIT - 1, 10**30, 10**400):
            compare(reference.parse(text), huge)


@given(operations())
def test_divmod(operation: tuple[reference.Time, Any]) -> None:
    a, b = operation
    agree(
        lambda: tuple(map(plain_result, divmod(real_time(a), real_operand(b)))),
        lambda: (reference.floor_divide(a, b), reference.modulo(a, b)),
    )


@given(times())
def test_unary_operators(time: reference.Time) -> None:
    real, (value, unit) = real_time(time), time
    assert plain_time(-real) == reference.Time(-value, unit)
    assert plain_time(+real) == time
    assert plain_time(abs(real)) == reference.Time(abs(value), unit)
    assert bool(real) == bool(value)
    assert int(real) == int(value)
    assert float(real) == float(value)


@given(st.lists(counts(-1000, 1000), max_size=9), st.sampled_from(COUNT_UNITS))
def test_sum(values: list[int], unit: str) -> None:
    assert sum([Time(value, unit) for value in values], Time(0, unit)) == sum(values)
    assert sum(Time(value, unit) for value in [0, *values]) == Time(sum(values), unit)


# The count rule


@given(products())
@example((2**53 + 1, 1.0))
@example((-LIMIT, -1.0))
@example((LIMIT, 5e-324))
def test_products_and_quotients(operation: tuple[int, int | float]) -> None:
    """As `test_time_and_operand`, but every example is near a whole number or an extreme."""
    count, factor = operation
    a = reference.Time(count, "ba")
    agree(lambda: plain_time(real_time(a) * factor), lambda: reference.multiply(a, factor))
    agree(lambda: plain_time(factor * real_time(a)), lambda: reference.multiply(a, factor))
    agree(lambda: plain_time(real_time(a) / factor), lambda: reference.divide(a, factor))


@given(counts(-(2**52), 2**52), counts(1, 2**52), st.sampled_from(COUNT_UNITS))
def test_a_ratio_times_its_divisor_is_the_dividend(a: int, b: int, unit: str) -> None:
    ratio = Time(a, unit) / Time(b, unit)
    assert ratio.unit is TimeUnit.DURATION
    assert ratio.value == float(Fraction(a, b))
    assert ratio * Time(b, unit) == Time(b, unit) * ratio == Time(a, unit)


# Comparison and hashing


@given(times(), times())
def test_equality_and_hashing(a: reference.Time, b: reference.Time) -> None:
    for x, y in ((a, b), (a, a)):
        equal = x == y
        assert (real_time(x) == real_time(y)) is equal
        assert (real_time(x) != real_time(y)) is not equal
        assert not equal or hash(real_time(x)) == hash(real_time(y))
    assert hash(real_time(a)) == hash(a.value)
    assert real_time(a) == a.value
    assert a.value == real_time(a)
    assert {a.value: "found"}[real_time(a)] == "found"  # type: ignore[index]


def test_equality_never_raises() -> None:
    time = Time("5ep")
    unequal: list[object] = ["5epp", "", "\ud800", "5ba", "5.0ep2", None, 5j, object(), 10**400]
    unequal += [math.nan, math.inf, True, [], Time("5ba"), Time("5dur"), TimeUnit.EPOCH]
    for other in unequal:
        assert not time == other
        assert time != other
        assert not other == time
        assert other != time
    for other in ("5ep", " 5 EP ", "0.5e1ep", 5, 5.0, Fraction(5).numerator, np.float64(5)):
        assert time == other
        assert other == time


# Copies


@given(times())
def test_copies(time: reference.Time) -> None:
    real = real_time(time)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert plain_time(pickle.loads(pickle.dumps(real, protocol))) == time
    assert plain_time(copy.copy(real)) == plain_time(copy.deepcopy(real)) == time


def test_immutable() -> None:
    time = Time("5ep")
    for name in ("value", "unit", "new"):
        with pytest.raises(AttributeError):
            setattr(time, name, 1)
    with pytest.raises(TypeError):
        type("Sub", (epochal.Time,), {})
