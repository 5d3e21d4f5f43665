"""What the tests draw: time strings, times, factors, timestamps and runs.

Everything is drawn in the terms of `reference`; `real_…` builds the package's object from it.
"""

import math
import operator
import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from epochal import Run, Time, Timestamp
from hypothesis import strategies as st
from reference import run as reference_run
from reference import time as reference_time
from reference import timestamp as reference_timestamp
from reference.errors import Refusal
from reference.time import LIMIT, UNITS

COUNT_UNITS = tuple(unit for unit in UNITS if unit != "dur")


# The package's objects


def real_time(time: reference_time.Time) -> Time:
    return Time(time.value, time.unit)


def plain_time(time: object) -> reference_time.Time:
    assert isinstance(time, Time), time
    assert type(time.value) is (float if time.unit == "dur" else int)
    return reference_time.Time(time.value, time.unit.value)


def real_timestamp(state: reference_timestamp.Timestamp) -> Timestamp:
    return Timestamp(**state_arguments(state))


def state_arguments(state: Mapping[str, int]) -> dict[str, Any]:
    return {
        name: timedelta(microseconds=value) if name.endswith("_wct") else value
        for name, value in state.items()
    }


def plain_timestamp(timestamp: Timestamp) -> reference_timestamp.Timestamp:
    state = {}
    for name in reference_timestamp.FIELDS:
        value = getattr(timestamp, name)
        if isinstance(value, timedelta):
            state[name] = value // timedelta(microseconds=1)
        else:
            assert value.unit == reference_timestamp.UNIT[name]
            state[name] = value.value
    return state


def real_run(run: reference_run.Run) -> Run:
    return Run(
        real_time(run.max_duration),
        batches_per_epoch=run.batches_per_epoch,
        samples_per_batch=run.samples_per_batch,
        tokens_per_batch=run.tokens_per_batch,
        scale_schedule_ratio=run.ratio,
    )


# Numbers

Draw = Callable[[st.SearchStrategy[Any]], Any]


def around(*centers: int) -> st.SearchStrategy[int]:
    return st.builds(operator.add, st.sampled_from(centers), st.integers(-3, 3))


@cache
def counts(low: int = -LIMIT, high: int = LIMIT) -> st.SearchStrategy[int]:
    """Whole numbers of every size; zero, 2^53 and the ends of the range are visited often."""
    edges = around(0, 100, 2**31, 2**53, -(2**53), LIMIT - 3, -LIMIT + 3)
    return (st.integers(-1000, 1000) | edges | st.integers(low, high)).filter(
        lambda n: low <= n <= high
    )


def steps(x: float, n: int) -> float:
    """The n-th float after x, or before it."""
    for _ in range(abs(n)):
        x = math.nextafter(x, math.copysign(math.inf, n))
    return x


def hundredths() -> st.SearchStrategy[float]:
    return st.integers(-300, 300).map(lambda n: n / 100)


def nearly(values: st.SearchStrategy[float]) -> st.SearchStrategy[float]:
    return st.builds(steps, values, st.integers(-2, 2))


EXTREMES = (0.0, -0.0, 5e-324, -5e-324, 2.0**-1022, 2.0**63, -(2.0**63), 1e300, math.inf, math.nan)

# Strategies are slow to build, so those drawn from inside others are built here.
_WHOLE = st.integers(-(10**6), 10**6)
_SHIFT = st.integers(-2, 2)
_OTHER_FACTORS = st.one_of(nearly(hundredths()), st.sampled_from(EXTREMES), st.floats(), counts())


def draw_factor(draw: Draw, count: int) -> int | float:
    """What multiplies or divides a count: results near a whole number, decimals, extremes."""
    whole = draw(_WHOLE)
    if whole % 3 == 0:
        return steps(whole / (count or 1), draw(_SHIFT))
    if whole % 3 == 1:
        return steps(count / whole, draw(_SHIFT))
    return draw(_OTHER_FACTORS)  # type: ignore[no-any-return]


@st.composite
def products(draw: Draw) -> tuple[int, int | float]:
    """A count and a factor or divisor."""
    count = draw(counts())
    return count, draw_factor(draw, count)


# Time strings

MULTIPLES = {"": 0, "K": 3, "M": 6, "B": 9, "T": 12}


@st.composite
def underscored(draw: st.DrawFn, digits: str) -> str:
    marks = draw(st.lists(st.booleans(), min_size=len(digits) - 1, max_size=len(digits) - 1))
    return digits[0] + "".join(
        ("_" if mark else "") + digit for mark, digit in zip(marks, digits[1:], strict=True)
    )


@st.composite
def numbers_with_unit(draw: st.DrawFn) -> str:
    """A count, its decimal point moved to anywhere and back by an exponent or a multiple."""
    unit = draw(st.sampled_from(UNITS))
    digits = str(draw(counts(0)))
    multiple, zeros = draw(st.sampled_from(sorted(MULTIPLES.items())))
    after = draw(st.integers(0, len(digits) - 1))
    slack = draw(st.integers(0, 3)) if unit != "dur" else draw(st.integers(-330, 330))
    exponent = after - zeros + slack
    text = draw(underscored(digits[: len(digits) - after]))
    if after:
        text += "." + draw(underscored(digits[len(digits) - after :]))
    if exponent or draw(st.booleans()):
        text += f"e{exponent:+}" if draw(st.booleans()) else f"e{exponent}"
    shown = "".join(draw(st.sampled_from([c, c.upper()])) for c in unit)
    return draw(st.sampled_from(["", "+", "-"])) + text + multiple + draw(blank()) + shown


def blank() -> st.SearchStrategy[str]:
    return st.sampled_from(["", "", " "])


@st.composite
def hours_and_minutes(draw: st.DrawFn) -> str:
    letters = draw(st.lists(st.sampled_from("dhms"), min_size=1, unique=True))
    size = 10 ** draw(st.integers(1, 18))
    return "".join(f"{draw(st.integers(0, size))}{c}" for c in sorted(letters))


def accepted(text: str) -> bool:
    try:
        reference_time.parse(text)
    except Refusal:
        return False
    return True


def good_time_strings() -> st.SearchStrategy[str]:
    blanks = st.text(" \t\n\r\f", max_size=2)
    body = numbers_with_unit() | hours_and_minutes()
    return st.builds(lambda a, b, c: a + b + c, blanks, body, blanks).filter(accepted)


NEAR_MISSES = (
    *("", " ", "5", "-5", "5.5", "5e3", "ep", "K", "Kep", "+ep", ".5ep", "5.ep", "1e3", "nan"),
    *("5epp", "5eppp", "5 e p", "5  ep", "5\tep", "5\nep", "5 Ttok", "5kep", "5mtok", "5KKba"),
    *("1.5ep", "1e-1ba", "1.0001Ktok", "1.e3ba", "1E3ba", "1e3.0ba", "1e+ba", "1e ba", "1e_3ba"),
    *("_5ep", "5_ep", "5__0ep", "5_.0ep", "5._0ep", "1_e3ba", "1e3_ba", "++5ep", "+-5ep", "- 5ep"),
    *("nandur", "infdur", "-infdur", "NaNdur", "inf", "1e309dur", "1e999999999dur", "0x5ep"),
    *("9223372036854775808ep", "-9223372036854775808ep", "1e19tok", "10000000Ttok", "1e99999ba"),
    *("1h1h", "1m1h", "1s1m", "1h 30m", "1_0h", "-1h", "+1h", "1.5h", "1H", "1h30", "d", "hms"),
    *("9223372036854775808s", "999999999999999999d", "1d1sec", "1hep", "5ep5ep", "5ep 5ba", "5,ep"),
    *("５ep", "٣ep", "5еp", "5ép", "ſec", "5ſec", "5toK", "5toK", "5ep\0", "\0", "'5ep'", '"5ep"'),  # noqa: RUF001
    *(
        "\\5ep",
        "5\u00a0ep",
        "\u20075ep",
        "\ufeff5ep",
        "\ud8005ep",
        "5\udfffep",
        "5" * 70,
        "5ep" * 40,
    ),
    *("0" * 63 + "ep", "0" * 62 + "ep", " " * 62 + "5ep", "é" * 33, "0." + "0" * 55 + "1e60ba"),
)


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """One to three characters inserted, removed or replaced."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        new = rng.choice(["", *"0159 ._+-eEKMBTdhmsepbatokur'\\\tИ٣\ud800"])
        text = text[:at] + new + text[at + rng.randint(0, 1) :]
    return text


def any_time_strings() -> st.SearchStrategy[str]:
    """Good ones and bad ones; the reference tells them apart."""
    return st.one_of(
        good_time_strings(),
        good_time_strings().flatmap(mutated),
        st.sampled_from(NEAR_MISSES).flatmap(lambda text: st.just(text) | mutated(text)),
        st.text(st.characters(), max_size=80),
        st.text("0123456789_.+-eKMBTdhms iterpbasokuc", max_size=12),
    )


# Times, timestamps, runs


@cache
def times(*units: str) -> st.SearchStrategy[reference_time.Time]:
    finite = st.floats(allow_nan=False, allow_infinity=False)
    fractions = finite | nearly(hundredths())
    values = {True: fractions, False: counts()}
    return st.one_of(
        [
            st.builds(reference_time.Time, values[unit == "dur"], st.just(unit))
            for unit in units or UNITS
        ]
    )


ODD_OPERANDS = (0, 1, -1, LIMIT, -LIMIT, True, "", "5", "5epp", None, 1j, math.nan, math.inf)
_KINDS = st.sampled_from(["same", "same", "other", "text", "factor", "factor", "odd"])
_ODD = st.sampled_from(ODD_OPERANDS)


@st.composite
def operations(draw: Draw) -> tuple[reference_time.Time, Any]:
    """A time and what may stand beside it in an expression; mostly of its own unit."""
    a = draw(times())
    kind = draw(_KINDS)
    if kind == "same":
        return a, draw(times(a.unit))
    if kind == "other":
        return a, draw(times())
    if kind == "text":
        return a, str(draw(times(a.unit)))
    if kind == "odd":
        return a, draw(_ODD)
    return a, draw_factor(draw, int(a.value) if a.unit != "dur" else 1)


def timestamps(high: int = LIMIT) -> st.SearchStrategy[reference_timestamp.Timestamp]:
    # Beyond 10^15 microseconds a float of seconds no longer tells one from the next.
    wall_clock = counts(0, 10**15)
    fields = {
        name: wall_clock if name.endswith("_wct") else counts(0, high)
        for name in reference_timestamp.FIELDS
    }
    return st.fixed_dictionaries({}, optional=fields).map(
        lambda chosen: reference_timestamp.timestamp(**chosen)
    )


def ratios() -> st.SearchStrategy[float]:
    usual = st.sampled_from([1.0, 0.5, 2.0, 0.1, 0.2, 0.3, 0.7, 1.5, 1 / 3, 3.0, 0.01, 10.0])
    return usual | st.integers(1, 300).map(lambda n: n / 100)


@st.composite
def runs(
    draw: Draw,
    ratio: st.SearchStrategy[float] | None = None,
    complete: bool = False,
    units: tuple[str, ...] = COUNT_UNITS,
) -> reference_run.Run:
    """Runs of up to a million counts; with all rates, or with any of them."""

    def rate(*usual: int) -> int | None:
        if not complete and draw(st.booleans()):
            return None
        return draw(st.sampled_from(usual) | st.integers(1, 5000))  # type: ignore[no-any-return]

    length = draw(st.integers(1, 1000) | st.integers(1, 10**6))
    return reference_run.Run(
        reference_time.Time(length, draw(st.sampled_from(units))),
        batches_per_epoch=rate(1, 12, 100, 1563),
        samples_per_batch=rate(1, 32, 2048),
        tokens_per_batch=rate(1, 7, 4096),
        ratio=draw(ratios() if ratio is None else ratio),
    )


def possible(run: reference_run.Run) -> bool:
    """It has a duration."""
    try:
        return run.duration.value > 0
    except Refusal:
        return False
