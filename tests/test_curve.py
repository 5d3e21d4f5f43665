"""Curves: every way to ask for a value gives the same bits; bad times are refused whole."""

import copy
import math
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from types import MappingProxyType
from typing import Any, TypeAlias

import epochal
import numpy as np
import numpy.typing as npt
import pytest
from epochal import (
    ConstantScheduler,
    ConstantWithWarmupScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    Curve,
    EpochalError,
    ExponentialScheduler,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    MultiStepWithWarmupScheduler,
    PolynomialScheduler,
    PolynomialWithWarmupScheduler,
    Run,
    Schedule,
    ScheduleError,
    StepScheduler,
    Time,
    Timestamp,
    TimeUnit,
    UnitError,
)
from hypothesis import given, settings
from hypothesis import strategies as st

AnyArray: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]

SCHEDULES: tuple[Schedule, ...] = (
    StepScheduler("7ba", 0.5),
    StepScheduler("1ba", 0.9),
    MultiStepScheduler(["10ba", "0.3dur", "300ba", "10ba", "2ep"], 0.3),
    MultiStepScheduler(["0ba"], 0.3),
    ConstantScheduler(0.25, "0.5dur"),
    LinearScheduler(1.759, 0.03),
    LinearScheduler(0.0, 1.5, "333ba"),
    ExponentialScheduler(0.97, "3ba"),
    ExponentialScheduler(0.5, "1ep"),
    CosineAnnealingScheduler(),
    CosineAnnealingScheduler("3ba", alpha_f=0.1),
    CosineAnnealingWarmRestartsScheduler("10ba"),
    CosineAnnealingWarmRestartsScheduler("10ba", 1.1),
    CosineAnnealingWarmRestartsScheduler("1ba", 3.0, 0.2),
    PolynomialScheduler(2.0),
    PolynomialScheduler(0.37, alpha_f=0.1),
    PolynomialScheduler(5.5, "77ba"),
    MultiStepWithWarmupScheduler("20ba", ["10ba", "30ba"], 0.5),
    ConstantWithWarmupScheduler("20ba", 0.7, "500ba"),
    LinearWithWarmupScheduler("20ba", 1.3, 0.1, scale_warmup=True),
    CosineAnnealingWithWarmupScheduler("0.1dur"),
    CosineAnnealingWithWarmupScheduler("1dur"),
    PolynomialWithWarmupScheduler("20ba", 0.37),
    CosineAnnealingWithWarmupScheduler("20ba") * StepScheduler("100ba", 0.5),
)
RUNS = (
    Run("1000ba", batches_per_epoch=40),
    Run("1000ba", batches_per_epoch=40, scale_schedule_ratio=0.3),
)
CURVES = [
    pytest.param(schedule.resolve(run), id=f"{i}-{type(schedule).__name__}-x{ratio}")
    for i, schedule in enumerate(SCHEDULES)
    for run in RUNS
    for ratio in [run.scale_schedule_ratio]
]
# A few curves of different shape, where the test is about the array and not about the formula.
SHAPES = [
    pytest.param(schedule.resolve(RUNS[1]), id=type(schedule).__name__)
    for schedule in (SCHEDULES[2], SCHEDULES[12], SCHEDULES[20])
]
COSINE = CosineAnnealingWithWarmupScheduler("20ba").resolve(RUNS[0])
TWO_CLOCKS = MultiStepScheduler(["10ba", "500tok"], 0.5).resolve(Run("100ba"))

every_curve = pytest.mark.parametrize("curve", CURVES)
every_shape = pytest.mark.parametrize("curve", SHAPES)

SENTINEL = -7.0


def bits(values: Any) -> npt.NDArray[np.uint64]:
    return np.array(values, dtype=np.float64, order="C").view(np.uint64)


def one_by_one(curve: Curve, times: AnyArray) -> Floats:
    """The array's values by scalar calls."""
    values = [curve(float(t)) for t in times.ravel()]
    return np.array(values, dtype=np.float64).reshape(times.shape)


def assert_same_bits(got: Any, want: Any) -> None:
    assert isinstance(got, np.ndarray)
    assert got.dtype == np.dtype(np.float64)
    assert got.shape == np.shape(want)
    np.testing.assert_array_equal(bits(got), bits(want))


# One result, three ways


@every_curve
def test_scalar_array_and_grid_agree(curve: Curve) -> None:
    whole = np.arange(1200)
    want = one_by_one(curve, whole)
    assert_same_bits(curve(whole), want)
    assert_same_bits(curve(whole.astype(np.float64)), want)
    assert_same_bits(curve.grid(0, 1200), want)
    assert_same_bits(np.array([curve(t) for t in range(1200)]), want)


@every_curve
def test_odd_times_agree_and_are_finite(curve: Curve) -> None:
    times = np.concatenate(
        [
            np.linspace(0, 1000, 777),
            np.nextafter(np.arange(1, 400), 0.0),
            np.nextafter(np.arange(400), np.inf),
            2.0 ** np.arange(-60, 70),
            [0.0, -0.0, 5e-324, 2.0**53 - 1, 2.0**53, 1e300, sys.float_info.max],
        ]
    )
    values = curve(times)
    assert_same_bits(values, one_by_one(curve, times))
    assert np.isfinite(values).all()
    assert (values >= 0).all()


@every_curve
def test_every_short_length_agrees(curve: Curve) -> None:
    """Blocks of any width leave remainders of any length."""
    times = np.linspace(0, 333, 70)
    want = curve(times)
    for n in range(70):
        assert_same_bits(curve(times[:n]), want[:n])
        assert_same_bits(curve(times[n:]), want[n:])


@every_curve
def test_a_large_array_agrees_with_its_pieces(curve: Curve) -> None:
    times = np.linspace(0, 1200, 1_000_003)
    whole = curve(times)
    pieces = [curve(times[i : i + 997]) for i in range(0, len(times), 997)]
    assert_same_bits(whole, np.concatenate(pieces))
    assert_same_bits(whole[::9973], one_by_one(curve, times[::9973]))


@every_curve
def test_a_large_grid_agrees_with_its_pieces(curve: Curve) -> None:
    whole = curve.grid(3, 600_006)
    pieces = [curve.grid(a, min(a + 997, 600_006)) for a in range(3, 600_006, 997)]
    assert_same_bits(whole, np.concatenate(pieces))


def test_many_threads_share_a_curve() -> None:
    times = np.linspace(0, 1000, 400_000)
    want = bits(COSINE(times))
    failures: list[int] = []

    def work(n: int) -> None:
        for _ in range(5):
            if not np.array_equal(bits(COSINE(times)), want):
                failures.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


# Scalars


@pytest.mark.parametrize(
    "t",
    [
        20,
        20.0,
        np.float64(20),
        np.float32(20),
        np.float16(20),
        np.int64(20),
        np.uint64(20),
        np.int8(20),
        np.uint8(20),
        np.dtype(">i4").type(20),
        Time(20, "ba"),
        Time("20ba"),
        "20ba",
        " 20 BA ",
        Timestamp(batch=20),
        Timestamp(batch=20, epoch=7, sample=9),
    ],
    ids=repr,
)
@every_shape
def test_scalars_give_python_floats(curve: Curve, t: Any) -> None:
    value = curve(t)
    assert type(value) is float
    assert value.hex() == one_by_one(curve, np.array([20.0]))[0].item().hex()


def test_scalar_clock_mapping_gives_a_python_float() -> None:
    t: Any
    for t in (50, 50.0, np.int32(50), np.float32(50)):
        value = COSINE({"ba": t})
        assert type(value) is float
        assert value == COSINE(50)


def test_whole_numbers_beyond_float_precision_are_rounded_once() -> None:
    curve = LinearScheduler(t_max=f"{2**60}tok").resolve(Run(f"{2**60}tok"))
    odd = 2**59 + 2**6 + 1  # one above the middle of two floats: rounds up
    assert float(odd) == 2.0**59 + 2**7
    assert curve(odd) == curve(float(odd))
    assert_same_bits(curve(np.array([odd])), [curve(odd)])
    assert_same_bits(curve(np.array([odd], dtype=np.uint64)), [curve(odd)])
    assert curve(Time(odd, "tok")) == curve(odd) == curve(Timestamp(token=odd))
    # Beyond 64 bits as well.
    curve = ExponentialScheduler(0.5, f"{2**62}tok").resolve(Run("1tok"))
    for t in (2**63, 2**64 - 1, 2**64, 10**20, 10**30):
        assert curve(t) == curve(float(t)), t
    assert_same_bits(curve(np.array([2**63], dtype=np.uint64)), [curve(2**63)])


def test_minus_zero_is_zero() -> None:
    for curve in (COSINE, LinearScheduler().resolve(RUNS[0])):
        assert curve(-0.0) == curve(0)
        assert curve(np.array([-0.0]))[0] == curve(0)


@pytest.mark.parametrize(
    "t",
    [True, None, 1j, b"5ba", object(), np.True_, np.complex128(1), [True], [None], [1j], ["5ba"]],
)
def test_what_is_not_a_number_is_refused(t: Any) -> None:
    with pytest.raises(TypeError):
        COSINE(t)
    with pytest.raises(TypeError):
        COSINE({"ba": t})


@pytest.mark.parametrize("t", ["5tok", "1ep", "0.5dur", "5sec"])
def test_a_time_of_another_unit_is_refused(t: str) -> None:
    for time_ in (t, Time(t)):
        with pytest.raises(UnitError, match="ba"):
            COSINE(time_)


@pytest.mark.parametrize("t", ["", "5", "5epp", "ba"])
def test_a_string_that_is_no_time_is_refused(t: str) -> None:
    with pytest.raises(epochal.TimeParseError):
        COSINE(t)


def test_an_int_too_large_for_a_float_is_refused() -> None:
    with pytest.raises(EpochalError):
        COSINE(10**400)


# Timestamps


def test_timestamps_read_the_clock_of_the_curve() -> None:
    stamp = Timestamp(
        iteration=3,
        epoch=5,
        batch=70,
        sample=110,
        token=130,
        total_wct=timedelta(seconds=170),
    )
    for unit, count in (("iter", 3), ("ba", 70), ("sp", 110), ("tok", 130), ("sec", 170)):
        curve = LinearScheduler().resolve(Run(f"400{unit}"))
        assert curve.clocks == (unit,)
        assert curve(stamp) == curve(count) == 1 - count / 400


def test_epochs_are_read_on_the_batch_clock() -> None:
    curve = StepScheduler("1ep", 0.5).resolve(Run("3ep", batches_per_epoch=10))
    assert curve.clocks == (TimeUnit.BATCH,)
    assert [curve(Timestamp(batch=b)) for b in (0, 9, 10, 19, 20)] == [1.0, 1.0, 0.5, 0.5, 0.25]
    # The epoch counter plays no part.
    assert curve(Timestamp(batch=9, epoch=2)) == 1.0


def test_the_wall_clock_is_read_to_the_microsecond() -> None:
    curve = LinearScheduler().resolve(Run("100sec"))
    assert curve.clocks == (TimeUnit.SECOND,)
    for micros in (0, 1, 345_678, 12_345_678, 99_999_999):
        stamp = Timestamp(total_wct=timedelta(microseconds=micros))
        assert curve(stamp).hex() == curve(micros / 10**6).hex()
    assert curve(Timestamp(total_wct=timedelta(microseconds=1))) < 1.0
    assert curve(Timestamp(total_wct=timedelta(microseconds=99_999_999))) > 0.0
    assert curve(Time("25sec")) == curve("25sec") == 0.75


# Arrays of every layout and type

VIEWS: dict[str, Callable[[AnyArray], AnyArray]] = {
    "every second": lambda t: t[::2],
    "reversed": lambda t: t[::-1],
    "reversed by three": lambda t: t[::-3],
    "matrix": lambda t: t.reshape(10, 12),
    "transposed": lambda t: t.reshape(10, 12).T,
    "fortran": lambda t: np.asfortranarray(t.reshape(10, 12)),
    "columns backwards": lambda t: t.reshape(10, 12)[:, ::-1],
    "one column": lambda t: t.reshape(10, 12)[:, 3],
    "cube slices": lambda t: t.reshape(4, 5, 6)[::2, ::-1, 1::2],
    "axes moved": lambda t: t.reshape(4, 5, 6).transpose(1, 2, 0),
    "broadcast": lambda t: np.broadcast_to(t[:7], (3, 7)),
    "empty": lambda t: t[:0],
    "empty matrix": lambda t: t.reshape(10, 12)[:, :0],
    "0-d": lambda t: t[20:21].reshape(()),
    "eight axes": lambda t: t.reshape(1, 2, 1, 3, 4, 1, 5, 1),
}
DTYPES = [
    "float64",
    "float32",
    "float16",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint64",
    "uint32",
    "uint16",
    "uint8",
    ">f8",
    ">f4",
    ">f2",
    ">i8",
    ">i4",
    ">i2",
    ">u8",
    ">u4",
    ">u2",
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("view", VIEWS)
@every_shape
def test_any_layout_and_type(curve: Curve, view: str, dtype: str) -> None:
    base = np.arange(120).astype(dtype)
    times = VIEWS[view](base)
    before = times.copy()
    values = curve(times)
    assert_same_bits(values, one_by_one(curve, times.astype(np.float64)))
    assert values.flags.writeable
    np.testing.assert_array_equal(times, before)


@pytest.mark.parametrize("dtype", ["float64", "int64", "float32"])
def test_read_only_and_unaligned(dtype: str) -> None:
    want = one_by_one(COSINE, np.arange(120))
    frozen = np.arange(120).astype(dtype)
    frozen.flags.writeable = False
    assert_same_bits(COSINE(frozen), want)
    shifted: AnyArray = np.frombuffer(b"\0" + frozen.tobytes(), dtype=dtype, offset=1)
    assert not shifted.flags.aligned
    assert_same_bits(COSINE(shifted), want)


def test_fractions_survive_small_floats() -> None:
    for dtype in ("float16", "float32"):
        times = (np.arange(40) / 3).astype(dtype)
        assert_same_bits(COSINE(times), one_by_one(COSINE, times))


def test_lists_are_arrays() -> None:
    assert_same_bits(COSINE([0, 1, 2.5]), [COSINE(0), COSINE(1), COSINE(2.5)])
    assert_same_bits(COSINE((3, 4)), [COSINE(3), COSINE(4)])
    assert_same_bits(COSINE([[1, 2], [3, 4]]), [[COSINE(1), COSINE(2)], [COSINE(3), COSINE(4)]])
    assert_same_bits(COSINE(range(5)), COSINE.grid(0, 5))
    assert_same_bits(COSINE([]), np.zeros(0))


@pytest.mark.parametrize(
    "dtype", ["bool", "complex128", "object", "S3", "U3", "m8[s]", "M8[s]", "i4,f4"]
)
@pytest.mark.parametrize("shape", [(3,), (), (0,)])
def test_arrays_of_other_types_are_refused(dtype: str, shape: tuple[int, ...]) -> None:
    out = np.full(shape, SENTINEL)
    with pytest.raises(TypeError):
        COSINE(np.zeros(shape, dtype=dtype))
    with pytest.raises(TypeError):
        COSINE(np.zeros(shape, dtype=dtype), out=out)
    assert (out == SENTINEL).all()


def test_ragged_lists_are_refused() -> None:
    ragged: Any = [[1, 2], [3]]
    with pytest.raises((TypeError, ValueError)):
        COSINE(ragged)


# out= and dtype=

TIMES = np.linspace(0, 1100, 120)
PATTERN = np.arange(120)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("view", [v for v in VIEWS if v != "broadcast"])
@every_shape
def test_out_of_any_layout(curve: Curve, view: str, dtype: str) -> None:
    buffer = np.full(120, SENTINEL, dtype=dtype)
    if view == "fortran":
        out = np.asfortranarray(buffer.reshape(10, 12))
    else:
        out = VIEWS[view](buffer)
        assert np.shares_memory(out, buffer) or out.size == 0
    times = np.ascontiguousarray(TIMES[: out.size]).reshape(out.shape)
    want = one_by_one(curve, times).astype(dtype)
    assert curve(times, out=out) is out
    np.testing.assert_array_equal(out, want)
    if view != "fortran":
        # Nothing between the elements of `out` is touched.
        inside = np.zeros(120, dtype=bool)
        inside[VIEWS[view](PATTERN).ravel()] = True
        assert (buffer[~inside] == SENTINEL).all()
        assert out.size == 0 or (buffer[inside] != SENTINEL).all()


@pytest.mark.parametrize("shape", [(119,), (121,), (1,), (), (120, 1), (1, 120), (10, 12), (0,)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_out_of_the_wrong_shape(shape: tuple[int, ...], dtype: type[np.floating[Any]]) -> None:
    out = np.full(shape, SENTINEL, dtype=dtype)
    with pytest.raises(ValueError, match="shape"):
        COSINE(TIMES, out=out)
    assert (out == SENTINEL).all()


@pytest.mark.parametrize("dtype", ["int64", "float16", "complex128", "bool", "object", ">f8"])
def test_out_of_the_wrong_type(dtype: str) -> None:
    out: AnyArray = np.zeros(120, dtype=dtype)
    before = out.copy()
    with pytest.raises(TypeError):
        COSINE(TIMES, out=out)
    with pytest.raises(TypeError):
        COSINE.grid(0, 120, out=out)
    np.testing.assert_array_equal(out, before)


def test_out_that_is_no_array() -> None:
    out: Any
    for out in ([0.0] * 120, bytearray(960), 3.0):
        with pytest.raises(TypeError):
            COSINE(TIMES, out=out)


def test_read_only_out() -> None:
    out = np.full(120, SENTINEL)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only|writ"):
        COSINE(TIMES, out=out)
    with pytest.raises(ValueError, match="read-only|writ"):
        COSINE.grid(0, 120, out=out)
    assert (out == SENTINEL).all()


@every_curve
def test_out_may_be_the_input(curve: Curve) -> None:
    buffer = TIMES.copy()
    assert curve(buffer, out=buffer) is buffer
    assert_same_bits(buffer, curve(TIMES))


OVERLAPS: dict[str, Callable[[Floats], tuple[Floats, Floats]]] = {
    "one ahead": lambda b: (b[:-1], b[1:]),
    "one behind": lambda b: (b[1:], b[:-1]),
    "reversed": lambda b: (b, b[::-1]),
    "both reversed": lambda b: (b[::-1], b[::-1]),
    "transposed": lambda b: (b.reshape(-1, 3)[:3], b.reshape(-1, 3)[:3].T),
    "halves": lambda b: (b[::2], b[: len(b[::2])]),
    "doubling": lambda b: (b[: len(b) // 2], b[: 2 * (len(b) // 2)][::2]),
}


@pytest.mark.parametrize("size", [12, 120, 300_000])
@pytest.mark.parametrize("overlap", OVERLAPS)
def test_out_may_overlap_the_input(overlap: str, size: int) -> None:
    """The result is that of a copied input, as NumPy's functions have it."""
    times, out = OVERLAPS[overlap](np.linspace(0, 1100, size))
    assert np.shares_memory(times, out)
    want = COSINE(times.copy())
    assert COSINE(times, out=out) is out
    assert_same_bits(out, want)


@pytest.mark.parametrize("size", [12, 300_000])
def test_float32_out_may_overlap_the_input(size: int) -> None:
    times = np.linspace(0, 1100, size)
    want = COSINE(times).astype(np.float32)
    for offset in (0, size // 2, size):
        buffer = times.copy()
        out = buffer.view(np.float32)[offset : offset + size]
        COSINE(buffer, out=out)
        np.testing.assert_array_equal(out, want)


@every_curve
def test_float32_is_the_float64_rounded_once(curve: Curve) -> None:
    times = np.linspace(0, 1100, 5003)
    want = curve(times).astype(np.float32)
    for dtype in (np.float32, "float32", np.dtype("f4")):
        got = curve(times, dtype=dtype)
        assert got.dtype == np.dtype(np.float32)
        np.testing.assert_array_equal(got.view(np.uint32), want.view(np.uint32))
        grid = curve.grid(0, 500, dtype=dtype)
        np.testing.assert_array_equal(
            grid.view(np.uint32), curve.grid(0, 500).astype(np.float32).view(np.uint32)
        )
    out = np.full(5003, SENTINEL, dtype=np.float32)
    curve(times, out=out, dtype=np.float32)
    np.testing.assert_array_equal(out.view(np.uint32), want.view(np.uint32))


def test_dtype_and_out_must_agree() -> None:
    for a, b in (("float32", "float64"), ("float64", "float32")):
        out: AnyArray = np.full(120, SENTINEL, dtype=a)
        with pytest.raises((TypeError, EpochalError), match="dtype"):
            COSINE(TIMES, out=out, dtype=b)
        assert (out == SENTINEL).all()


def test_float64_is_the_default() -> None:
    for dtype in (None, float, "float64", np.float64):
        assert_same_bits(COSINE(TIMES, dtype=dtype), COSINE(TIMES))
        assert_same_bits(COSINE.grid(0, 10, dtype=dtype), COSINE.grid(0, 10))
    # Float32 times do not make float32 values.
    assert COSINE(TIMES.astype(np.float32)).dtype == np.float64


@pytest.mark.parametrize("dtype", ["float16", "int64", "complex128", "bool", "object", int])
def test_other_dtypes_are_refused(dtype: Any) -> None:
    with pytest.raises(TypeError):
        COSINE(TIMES, dtype=dtype)
    with pytest.raises(TypeError):
        COSINE.grid(0, 10, dtype=dtype)


# Bad times


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1.0, -5e-324, -1e300])
def test_bad_scalars_are_refused(bad: float) -> None:
    pattern = "(?i)nan" if math.isnan(bad) else "inf" if math.isinf(bad) else "-"
    for t in (bad, np.float64(bad)):
        with pytest.raises(ScheduleError, match=pattern):
            COSINE(t)
        with pytest.raises(ScheduleError, match=pattern):
            COSINE({"ba": t})
    with pytest.raises(ScheduleError, match=pattern):
        COSINE([0.0, bad])


def test_negative_times_are_refused() -> None:
    for t in (-1, np.int8(-1), Time(-1, "ba"), "-1ba", np.array(-1), np.array([3, -1], np.int8)):
        with pytest.raises(ScheduleError, match="-1"):
            COSINE(t)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1.0, -5e-324])
@pytest.mark.parametrize("size", [1, 5, 1000, 300_000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_bad_time_anywhere_leaves_out_untouched(
    bad: float, size: int, dtype: type[np.floating[Any]]
) -> None:
    for place in {0, size // 2, size - 1}:
        times = np.linspace(0, 1100, size)
        times[place] = bad
        out = np.full(size, SENTINEL, dtype=dtype)
        with pytest.raises(ScheduleError):
            COSINE(times, out=out)
        assert (out == SENTINEL).all()
        # A layout that is not one run of memory takes another path.
        wide = np.full(2 * size, SENTINEL, dtype=dtype)
        with pytest.raises(ScheduleError):
            COSINE(times[::-1], out=wide[::2])
        assert (wide == SENTINEL).all()


@pytest.mark.parametrize("size", [5, 300_000])
def test_a_bad_time_leaves_the_input_untouched(size: int) -> None:
    times = np.linspace(0, 1100, size)
    times[-1] = -1.0
    before = times.copy()
    for out in (times, times[::-1]):
        with pytest.raises(ScheduleError, match="-1"):
            COSINE(times, out=out)
        assert_same_bits(times, before)


def test_bad_integers_in_arrays_are_refused() -> None:
    for dtype in ("int8", "int16", "int32", "int64", ">i4"):
        times = np.arange(50).astype(dtype)
        times[31] = -3
        with pytest.raises(ScheduleError, match="-3"):
            COSINE(times)


def test_a_bad_time_on_any_clock_is_refused() -> None:
    good = np.arange(10.0)
    for clock in ("ba", "tok"):
        for bad in (math.nan, math.inf, -1.0):
            clocks = {"ba": good.copy(), "tok": good.copy()}
            clocks[clock][7] = bad
            out = np.full(10, SENTINEL)
            with pytest.raises(ScheduleError):
                TWO_CLOCKS(clocks, out=out)
            assert (out == SENTINEL).all()
            scalars = {"ba": 1.0, "tok": 1.0} | {clock: bad}
            with pytest.raises(ScheduleError):
                TWO_CLOCKS(scalars)


# Mappings of clocks


def test_a_mapping_of_scalars() -> None:
    assert TWO_CLOCKS({"ba": 9, "tok": 499}) == 1.0
    assert TWO_CLOCKS({"ba": 10, "tok": 499}) == 0.5
    assert TWO_CLOCKS({"ba": 9, "tok": 500}) == 0.5
    assert TWO_CLOCKS({"ba": 10.0, "tok": np.int64(500)}) == 0.25
    assert type(TWO_CLOCKS({"ba": 9, "tok": 499})) is float


def test_a_mapping_of_arrays() -> None:
    batch = np.array([[0, 9], [10, 11]])
    token = np.array([[0, 499], [499, 500]], dtype=np.uint16)
    want = [[1.0, 1.0], [0.5, 0.25]]
    assert_same_bits(TWO_CLOCKS({"ba": batch, "tok": token}), want)
    assert_same_bits(TWO_CLOCKS({"tok": token.tolist(), "ba": batch.T.copy().T}), want)
    assert_same_bits(TWO_CLOCKS(MappingProxyType({"ba": batch, "tok": token})), want)
    assert_same_bits(TWO_CLOCKS({TimeUnit.BATCH: batch, TimeUnit.TOKEN: token}), want)
    assert_same_bits(TWO_CLOCKS({"ba": batch[:0], "tok": token[:0]}), np.zeros((0, 2)))
    got = TWO_CLOCKS({"ba": batch, "tok": token}, dtype=np.float32)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, np.array(want, dtype=np.float32))


@pytest.mark.parametrize("size", [12, 300_000])
def test_a_mapping_with_out(size: int) -> None:
    rng = np.random.default_rng(size)
    batch = rng.integers(0, 20, size).astype(np.float64)
    token = rng.integers(0, 1000, size).astype(np.float64)
    want = 0.5 ** ((batch >= 10).astype(np.float64) + (token >= 500))
    assert_same_bits(TWO_CLOCKS({"ba": batch, "tok": token}), want)
    out = np.full(2 * size, SENTINEL)
    view = out[::-2]
    assert TWO_CLOCKS({"ba": batch, "tok": token}, out=view) is view
    assert_same_bits(view, want)
    assert (out[::2] == SENTINEL).all()
    for clock in ("ba", "tok"):
        clocks = {"ba": batch.copy(), "tok": token.copy()}
        TWO_CLOCKS(clocks, out=clocks[clock][::-1])
        assert_same_bits(clocks[clock][::-1], want)


@every_curve
def test_a_mapping_agrees_with_an_array(curve: Curve) -> None:
    times = np.linspace(0, 1100, 1003)
    assert_same_bits(curve({"ba": times}), curve(times))
    # Clocks that the curve does not read are no harm.
    assert_same_bits(curve({"ba": times, "sp": times, "ep": times}), curve(times))


def test_missing_clocks_are_named() -> None:
    cases: list[tuple[dict[str, float], str]] = [
        ({"ba": 1}, "tok"),
        ({"tok": 1}, "ba"),
        ({}, "ba.*tok"),
        ({"sp": 1, "ba": 1}, "tok"),
    ]
    for clocks, missing in cases:
        with pytest.raises(UnitError, match=missing):
            TWO_CLOCKS(clocks)
        with pytest.raises(UnitError, match=missing):
            TWO_CLOCKS({clock: np.zeros(3) for clock in clocks})


@pytest.mark.parametrize("name", ["batch", "foo", "", "dur"])
def test_unknown_clocks_are_refused(name: str) -> None:
    with pytest.raises(EpochalError):
        TWO_CLOCKS({"ba": 1, "tok": 1, name: 1})
    with pytest.raises(EpochalError):
        COSINE({"ba": np.zeros(3), name: np.zeros(3)})


def test_clocks_that_are_no_names_are_refused() -> None:
    clocks: Any = {"ba": 1, "tok": 1, 3: 1}
    with pytest.raises(TypeError):
        TWO_CLOCKS(clocks)


def test_clocks_of_different_shapes_are_refused() -> None:
    out = np.full(3, SENTINEL)
    one, other = np.zeros(3), np.zeros(4)
    for a, b in ((one, other), (one, np.zeros((3, 1))), (one, np.zeros(1)), (one, np.zeros(()))):
        with pytest.raises(ValueError, match="shape"):
            TWO_CLOCKS({"ba": a, "tok": b})
        with pytest.raises(ValueError, match="shape"):
            TWO_CLOCKS({"ba": b, "tok": a}, out=out)
    with pytest.raises(ValueError, match="shape"):
        TWO_CLOCKS({"ba": one, "tok": 3.0})
    assert (out == SENTINEL).all()


# Curves of several clocks

SEVERAL_CLOCKS = [
    pytest.param(
        MultiStepScheduler(["10ba", "500tok"]), Run("100ba"), ("ba", "tok"), id="milestones"
    ),
    pytest.param(
        MultiStepScheduler(["500tok", "10sec", "3sp", "1iter", "2ep", "0.5dur", "500tok"]),
        Run("100tok", batches_per_epoch=5, samples_per_batch=2, tokens_per_batch=10),
        ("iter", "ba", "sp", "tok", "sec"),
        id="milestones on every clock, given rates",
    ),
    pytest.param(
        MultiStepWithWarmupScheduler("100tok", ["10ba"]), Run("100ba"), ("ba", "tok"), id="warmup"
    ),
    pytest.param(
        MultiStepWithWarmupScheduler("100tok", ["10ba"]),
        Run("100ba", tokens_per_batch=10),
        ("ba", "tok"),
        id="warmup, given rates",
    ),
    pytest.param(
        StepScheduler("3ba") * StepScheduler("3tok"), Run("100ba"), ("ba", "tok"), id="product"
    ),
]


@pytest.mark.parametrize(("schedule", "run", "clocks"), SEVERAL_CLOCKS)
def test_several_clocks_refuse_bare_numbers(
    schedule: Schedule, run: Run, clocks: tuple[str, ...]
) -> None:
    curve = schedule.resolve(run)
    assert curve.clocks == clocks
    assert all(isinstance(clock, TimeUnit) for clock in curve.clocks)
    named = ".*".join(clocks)
    for t in (3, 3.0, np.float32(3), np.zeros(3), np.zeros(0), [1, 2], Time("5ba"), "5ba"):
        with pytest.raises(UnitError, match=named):
            curve(t)
    with pytest.raises(UnitError, match=named):
        curve.grid()
    with pytest.raises(UnitError, match=named):
        curve.grid(0, 5)
    start = Timestamp()
    assert curve(start) == curve(dict.fromkeys(clocks, 0.0))


def test_a_warmup_before_milestones_keeps_its_clock() -> None:
    for run in (Run("100ba"), Run("100ba", tokens_per_batch=1000)):
        curve = MultiStepWithWarmupScheduler("100tok", ["10ba"]).resolve(run)
        assert curve({"ba": 50, "tok": 25}) == 0.25
        assert curve({"ba": 5, "tok": 100}) == 1.0
        assert curve({"ba": 10, "tok": 100}) == pytest.approx(0.1, rel=0, abs=0)


def test_a_warmup_on_another_clock_is_converted_by_rates() -> None:
    rates = Run("100ba", tokens_per_batch=10)
    curve = LinearWithWarmupScheduler("200tok", t_max="60ba").resolve(rates)
    assert curve.clocks == (TimeUnit.BATCH,)
    assert [curve(t) for t in (0, 10, 20, 40, 60)] == [0.0, 0.5, 1.0, 0.5, 0.0]
    # 25 tokens are 2.5 batches: real, not truncated.
    curve = LinearWithWarmupScheduler("25tok", t_max="60ba").resolve(rates)
    assert [curve(t) for t in (1, 2)] == [1 / 2.5, 2 / 2.5]
    assert curve(3) < 1.0
    for schedule in (
        LinearWithWarmupScheduler("200tok", t_max="60ba"),
        CosineAnnealingWithWarmupScheduler("200tok", t_max="60ba"),
        PolynomialWithWarmupScheduler("200tok", t_max="60ba"),
    ):
        with pytest.raises(UnitError, match="tokens_per_batch"):
            schedule.resolve(Run("100ba"))


# Grids


@pytest.mark.parametrize(
    ("start", "stop", "step"),
    [
        (0, 10, 1),
        (0, 10, 3),
        (0, 9, 3),
        (0, 1, 0.1),
        (0, 0.3, 0.1),
        (1, 1.3, 0.1),
        (0.5, 10.25, 0.75),
        (0, 100, 1 / 3),
        (3, 3.0000001, 1),
        (2, 5, 1000),
        (5, 5, 1),
        (10, 5, 1),
        (1e15, 1e15 + 10, 0.7),
        (2**53 - 4, 2**53, 1),
        (0, 7000, 0.01),
        (np.int64(1), np.float32(9), np.float64(0.5)),
    ],
)
@every_shape
def test_grids_are_those_of_arange(curve: Curve, start: Any, stop: Any, step: Any) -> None:
    n = len(np.arange(start, stop, step))
    assert n == max(0, math.ceil((stop - start) / step))
    times = start + np.arange(n, dtype=np.float64) * step
    want = curve(times)
    assert_same_bits(curve.grid(start, stop, step), want)
    assert_same_bits(curve.grid(start=start, stop=stop, step=step), want)
    out = np.full(2 * n, SENTINEL)
    assert curve.grid(start, stop, step, out=out[::2]).base is out
    assert_same_bits(out[::2], want)
    assert (out[1::2] == SENTINEL).all()


def test_a_grid_stops_at_the_end_of_the_run() -> None:
    schedule = LinearScheduler()
    for run, n in (
        (Run("100ba"), 100),
        (Run("100tok"), 100),
        (Run("100sec"), 100),
        (Run("100ba", scale_schedule_ratio=0.25), 25),
        (Run("3ep", batches_per_epoch=20), 60),
        (Run("3ep", batches_per_epoch=20, scale_schedule_ratio=0.5), 30),
    ):
        curve = schedule.resolve(run)
        assert_same_bits(curve.grid(), (n - np.arange(n)) / n)
        assert_same_bits(curve.grid(n - 3), curve.grid(n - 3, n))
        assert_same_bits(curve.grid(step=7), curve.grid(0, n, 7))
        assert_same_bits(curve.grid(n + 1), np.zeros(0))


def test_a_grid_on_another_clock_than_the_run() -> None:
    run = Run("1000tok", tokens_per_batch=10)
    assert len(StepScheduler("5ba").resolve(run).grid()) == 100
    assert len(StepScheduler("500tok").resolve(Run("10ba", tokens_per_batch=10)).grid()) == 100
    epochs = Run("2ep", batches_per_epoch=5, samples_per_batch=3)
    assert len(StepScheduler("5sp").resolve(epochs).grid()) == 30


@pytest.mark.parametrize(
    ("schedule", "run", "fact"),
    [
        (StepScheduler("5ba"), Run("1000tok"), "tokens_per_batch"),
        (StepScheduler("5tok"), Run("1000ba"), "tokens_per_batch"),
        (StepScheduler("5sp"), Run("1000ba"), "samples_per_batch"),
        (StepScheduler("5ba"), Run("3ep"), "batches_per_epoch"),
        (StepScheduler("5sec"), Run("1000ba"), "sec"),
    ],
)
def test_a_grid_without_a_known_end(schedule: Schedule, run: Run, fact: str) -> None:
    curve = schedule.resolve(run)
    with pytest.raises(UnitError, match=fact):
        curve.grid()
    with pytest.raises(UnitError, match=fact):
        curve.grid(3, step=2)
    assert_same_bits(curve.grid(0, 20), curve(np.arange(20)))


@pytest.mark.parametrize(
    ("start", "stop", "step"),
    [
        (0, 10, 0),
        (0, 10, 0.0),
        (0, 10, -1),
        (10, 0, -1),
        (0, 10, math.nan),
        (0, 10, math.inf),
        (0, 10, -math.inf),
        (-1, 10, 1),
        (-0.5, 10, 1),
        (math.nan, 10, 1),
        (math.inf, 10, 1),
        (-math.inf, 10, 1),
        (0, math.nan, 1),
        (0, math.inf, 1),
    ],
)
def test_bad_grids_are_refused(start: float, stop: float, step: float) -> None:
    out = np.full(10, SENTINEL)
    with pytest.raises(ScheduleError):
        COSINE.grid(start, stop, step)
    with pytest.raises(ScheduleError):
        COSINE.grid(start, stop, step, out=out)
    assert (out == SENTINEL).all()


@pytest.mark.parametrize(
    ("start", "stop", "step"),
    [
        (0, 1e18, 1),
        (0, 2**62, 1),
        (0, 2**63, 1),
        (0, 2**64, 1),
        (0, 1e300, 1e-300),
        (0, sys.float_info.max, 5e-324),
        (0, 1, 5e-324),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_huge_grids_are_refused(
    start: float, stop: float, step: float, dtype: type[np.floating[Any]]
) -> None:
    with pytest.raises((MemoryError, EpochalError)):
        COSINE.grid(start, stop, step, dtype=dtype)


@pytest.mark.parametrize("bad", ["5ba", True, 1j, [1], np.zeros(2)])
def test_grid_arguments_are_numbers(bad: Any) -> None:
    for arguments in ({"start": bad}, {"stop": bad}, {"step": bad}):
        with pytest.raises(TypeError):
            COSINE.grid(**arguments)


@pytest.mark.parametrize("shape", [(9,), (11,), (10, 1), (), (0,)])
def test_a_grid_into_the_wrong_shape(shape: tuple[int, ...]) -> None:
    out = np.full(shape, SENTINEL)
    with pytest.raises(ValueError, match="shape"):
        COSINE.grid(0, 10, out=out)
    assert (out == SENTINEL).all()


# Curves as values


@every_curve
def test_curves_print_as_code(curve: Curve) -> None:
    schedule = repr(curve.schedule)
    if type(curve.schedule) is Schedule:
        schedule = f"({schedule})"  # a product; a call binds tighter than its operator
    assert repr(curve) == f"{schedule}.resolve({curve.run!r})"
    names = {name: getattr(epochal, name) for name in epochal.__all__}
    again = eval(repr(curve), names)
    assert again == curve
    assert_same_bits(again(TIMES), curve(TIMES))


@every_curve
def test_curves_are_values(curve: Curve) -> None:
    again = curve.schedule.resolve(curve.run)
    assert again is not curve
    assert again == curve
    assert not again != curve
    assert hash(again) == hash(curve)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        loaded = pickle.loads(pickle.dumps(curve, protocol))
        assert isinstance(loaded, Curve)
        assert loaded == curve
        assert hash(loaded) == hash(curve)
        assert repr(loaded) == repr(curve)
        assert_same_bits(loaded(TIMES), curve(TIMES))
    assert copy.copy(curve) == curve
    assert copy.deepcopy(curve) == curve
    assert curve != repr(curve)
    assert curve != curve.schedule


def test_curves_differ_with_schedule_and_run() -> None:
    run, other_run = RUNS
    curves = [StepScheduler("5ba").resolve(run), StepScheduler("6ba").resolve(run)]
    curves += [StepScheduler("5ba").resolve(other_run), LinearScheduler().resolve(run)]
    for i, one in enumerate(curves):
        for j, other in enumerate(curves):
            assert (one == other) is (i == j)
    assert len(set(curves)) == len(curves)


def test_curves_are_immutable() -> None:
    curve: Any = copy.copy(COSINE)
    for name in ("schedule", "run", "clocks", "anything"):
        with pytest.raises(AttributeError):
            setattr(curve, name, None)
    assert curve == COSINE


def test_what_a_curve_holds() -> None:
    schedule, run = StepScheduler("5ba"), RUNS[0]
    curve = schedule.resolve(run)
    assert curve.schedule == schedule
    assert curve.run == run
    assert type(curve.schedule) is StepScheduler


# Bulk work beside other threads and processes


def runs_beside(evaluate: Callable[[], object]) -> bool:
    """Whether this thread runs while another one is in the middle of `evaluate`."""
    span: list[float] = []
    ready, done = threading.Event(), threading.Event()

    def work() -> None:
        ready.set()
        span.append(time.perf_counter())
        evaluate()
        span.append(time.perf_counter())
        done.set()

    worker = threading.Thread(target=work)
    worker.start()
    ready.wait()
    seen = [0.0]
    while not done.is_set():
        now = time.perf_counter()
        if now - seen[-1] > 1e-4:
            seen.append(now)
    worker.join()
    started, finished = span
    quarter = (finished - started) / 4
    return any(started + quarter < now < finished - quarter for now in seen)


def test_the_interpreter_is_released_during_bulk_work() -> None:
    """While the interpreter is held, no other Python thread runs even once.

    So one attempt with progress is proof; several keep a busy machine from failing the test.
    """
    n = 8_000_000
    buffer = np.zeros(n)
    curve = PolynomialScheduler(0.37, f"{n}ba").resolve(Run(f"{n}ba"))
    assert any(runs_beside(lambda: curve.grid(0, n, out=buffer)) for _ in range(10))
    assert any(runs_beside(lambda: curve(buffer, out=buffer)) for _ in range(10))
    clocks = {"ba": buffer}
    assert any(runs_beside(lambda: curve(clocks, out=buffer)) for _ in range(10))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_bulk_work_survives_a_fork() -> None:
    """A pool of threads would be dead in the child, which would wait for it for ever."""
    script = """
        import os
        import sys
        import numpy as np
        from epochal import CosineAnnealingScheduler, Run

        n = 1_000_000
        curve = CosineAnnealingScheduler().resolve(Run(f"{n}ba"))
        before = curve.grid()
        child = os.fork()
        if child == 0:
            same = np.array_equal(curve.grid(), before)
            same = same and np.array_equal(curve(np.arange(n)), before)
            os._exit(0 if same else 3)
        _, status = os.waitpid(child, 0)
        sys.exit(os.waitstatus_to_exitcode(status))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=60, check=False)
    assert done.returncode == 0


# Both ends, and what comes after


@pytest.mark.parametrize("alpha_f", [0.0, 0.1, 1 / 3, 0.7, 1.0, 1.5, 1e-300])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 100, 2**40, 2**53])
def test_both_ends_are_exact(length: int, alpha_f: float) -> None:
    run = Run(f"{length}tok")
    after = (length, length + 1, 2 * length, 3 * length + 0.5, 2.0**60, 1e300)
    for schedule in (
        CosineAnnealingScheduler(alpha_f=alpha_f),
        PolynomialScheduler(2.0, alpha_f=alpha_f),
        PolynomialScheduler(0.37, alpha_f=alpha_f),
        PolynomialScheduler(7.3, alpha_f=alpha_f),
    ):
        curve = schedule.resolve(run)
        assert curve(0) == 1.0
        assert [curve(t) for t in after] == [alpha_f] * len(after)
    for alpha_i in (0.0, 0.3, 1.759):
        linear = LinearScheduler(alpha_i, alpha_f).resolve(run)
        # The formula itself may miss alpha_i by its own rounding.
        assert linear(0) in (alpha_i, alpha_f + (alpha_i - alpha_f))
        assert [linear(t) for t in after] == [alpha_f] * len(after)


def test_the_end_of_a_warmup_is_exact() -> None:
    for warmup, length in ((1, 2), (3, 7), (10, 100), (2**20 + 1, 2**40), (7, 7)):
        run = Run(f"{length}tok")
        for schedule in (
            CosineAnnealingWithWarmupScheduler(f"{warmup}tok", alpha_f=0.1),
            PolynomialWithWarmupScheduler(f"{warmup}tok", 0.37, alpha_f=0.1),
            LinearWithWarmupScheduler(f"{warmup}tok", alpha_f=0.25),
        ):
            curve = schedule.resolve(run)
            assert curve(0) == 0.0
            assert curve(warmup - 1) == (warmup - 1) / warmup
            assert curve(warmup) == 1.0
            # An empty decay has no end to fall to.
            final = 1.0 if warmup == length else schedule.alpha_f
            assert [curve(t) for t in (length, length + 1, 1e300)] == [final] * 3


def test_linear_values_are_those_of_the_formula() -> None:
    curve = LinearScheduler(1.759, 0.03, "977ba").resolve(Run("1000ba"))
    for t in range(1, 1000):
        assert curve(t) == 0.03 + (1.759 - 0.03) * (max(0, 977 - t) / 977), t


# Decays never rise


@st.composite
def decays(draw: st.DrawFn) -> tuple[Curve, float, float, bool]:
    """A cosine or polynomial curve, where its decay starts and ends, and whether it rises."""
    length = draw(st.integers(4, 2**40) | st.integers(4, 2**51))
    ratio = draw(st.sampled_from([1.0, 0.7, 1 / 3, 3.0]))
    alpha_f = draw(st.sampled_from([0.0, 0.1, 1 / 3]) | st.floats(0, 3))
    power = draw(st.sampled_from([0.5, 1.0, 2.0, 3.0]) | st.floats(0.05, 20))
    warmup = draw(st.just(0) | st.integers(0, int(length * ratio)))
    run = Run(f"{length}tok", scale_schedule_ratio=ratio)
    t_max = f"{length}tok"
    choices: list[Schedule] = [
        CosineAnnealingScheduler(t_max, alpha_f),
        PolynomialScheduler(power, t_max, alpha_f),
        CosineAnnealingWithWarmupScheduler(f"{warmup}tok", t_max, alpha_f),
        PolynomialWithWarmupScheduler(f"{warmup}tok", power, t_max, alpha_f),
    ]
    schedule = draw(st.sampled_from(choices))
    start = warmup if "Warmup" in type(schedule).__name__ else 0
    return schedule.resolve(run), float(start), length * ratio, alpha_f > 1


@st.composite
def places(draw: st.DrawFn) -> Callable[[float, float], float]:
    """A point of a decay: anywhere, near the reflection in the middle, near either end."""
    fraction = draw(st.floats(0, 1))
    near = 2.0 ** draw(st.floats(0, 50))
    choices: list[Callable[[float, float], float]] = [
        lambda start, end: start + fraction * (end - start),
        lambda start, end: (start + end) / 2 - min(near, (end - start) / 2),
        lambda start, end: min(start + near, end),
        lambda start, end: max(end - near, start),
        lambda start, end: start,
    ]
    return draw(st.sampled_from(choices))


def assert_monotone(values: AnyArray, rises: bool) -> None:
    steps = np.diff(values)
    assert (steps >= 0).all() if rises else (steps <= 0).all()


@settings(max_examples=400, deadline=None)
@given(decays(), places())
def test_decays_never_rise_over_consecutive_counts(
    decay: tuple[Curve, float, float, bool], place: Callable[[float, float], float]
) -> None:
    curve, start, end, rises = decay
    first = max(math.ceil(start), math.floor(place(start, end)) - 300)
    assert_monotone(curve.grid(first, first + 600), rises)


@pytest.mark.parametrize("length", [3, 1000, 2**40 + 1])
@pytest.mark.parametrize(
    "schedule",
    [
        CosineAnnealingScheduler(),
        LinearScheduler(),
        PolynomialScheduler(0.37),
        PolynomialScheduler(0.5),
        PolynomialScheduler(2.0),
        PolynomialScheduler(3.0),
        PolynomialScheduler(5.5),
    ],
    ids=repr,
)
def test_decays_never_rise_between_neighbouring_floats(schedule: Schedule, length: int) -> None:
    curve = schedule.resolve(Run(f"{length}tok"))
    middles = np.random.default_rng(1).uniform(0, length, 2000)
    windows = (middles.view(np.int64)[:, None] + np.arange(-300, 300)).view(np.float64)
    rises = np.argwhere(np.diff(curve(windows)) > 0)
    assert not len(rises), f"{len(rises)} rises, one after {windows[tuple(rises[0])]!r}"


@settings(max_examples=100, deadline=None)
@given(decays())
def test_decays_never_rise_over_the_whole_run(decay: tuple[Curve, float, float, bool]) -> None:
    curve, start, end, rises = decay
    times = np.unique(np.floor(np.linspace(math.ceil(start), 1.1 * end, 3001)))
    values = curve(times)
    assert_monotone(values, rises)
    low, high = sorted((1.0, values[-1].item()))
    assert (low <= values).all()
    assert (values <= high).all()


# Steps and restarts, right at the boundaries

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")


def sine_squared(u: Fraction) -> Decimal:
    """The square of sin(pi u / 2) by the power series, to about 60 digits."""
    with localcontext() as context:
        context.prec = 75
        x = PI * u.numerator / u.denominator / 2
        term = total = x
        for n in range(1, 40):
            term *= -x * x / (2 * n) / (2 * n + 1)
            total += term
        return total * total


def assert_within_4_ulp(got: float, want: Decimal) -> None:
    assert abs(Decimal(got) - want) <= 4 * Decimal(math.ulp(float(want))), (got, want)


def restarts(t_0: int, t_mult: float = 1.0) -> Curve:
    return CosineAnnealingWarmRestartsScheduler(f"{t_0}ba", t_mult).resolve(Run("10ba"))


def test_restarts_by_three() -> None:
    curve = restarts(1, 3.0)
    boundary, length = 0, 1
    while boundary + length < 2**53:
        assert curve(boundary) == 1.0, boundary
        if length > 1:
            last = boundary + length - 1
            assert_within_4_ulp(curve(last), sine_squared(Fraction(1, length)))
            assert_within_4_ulp(curve(boundary + 1), sine_squared(Fraction(length - 1, length)))
        boundary, length = boundary + length, 3 * length
    assert curve(121) == 1.0


@pytest.mark.parametrize(
    ("t_0", "t_mult"), [(2**20, 1.5), (1, 2.0), (64, 1.25), (3, 4.0), (7, 1.0)]
)
def test_restarts_by_exact_factors(t_0: int, t_mult: float) -> None:
    curve = restarts(t_0, t_mult)
    boundary, length = Fraction(0), Fraction(t_0)
    checked = 0
    for cycle in range(60):
        end = boundary + length
        if end >= 2**53:
            break
        if boundary.denominator == 1:
            assert curve(int(boundary)) == 1.0, boundary
        # Nearer to a whole number than the factor's own precision, a boundary stands for it.
        blur = end * (cycle + 1) / 2**53
        if all(b.denominator == 1 or abs(b - round(b)) > blur for b in (boundary, end)):
            for t in (math.ceil(boundary), math.floor(boundary + length / 3), math.ceil(end) - 1):
                if boundary < t < end:
                    assert_within_4_ulp(curve(t), sine_squared((end - t) / length))
                    checked += 1
        boundary, length = end, length * Fraction(t_mult)
    assert checked > 20


def test_restarts_by_a_factor_that_is_no_binary_fraction() -> None:
    """By the count rule 1000 x 1.1 is 1100, x 1.1 again 1210: the user's own boundaries."""
    curve = restarts(1000, 1.1)
    for boundary, length in ((0, 1000), (1000, 1100), (2100, 1210), (3310, 1331)):
        assert curve(boundary) == 1.0, boundary
        assert curve(boundary + 1) < 1.0
        assert curve(boundary + length - 1) < 1e-5
    # 1331 x 1.1 is 1464.1: the boundary 6105.1 lies between two batches.
    assert curve(4641) == 1.0
    assert curve(6105) < 1e-7
    assert 0.999 < curve(6106) < 1.0


def test_restarts_by_a_factor_next_to_one() -> None:
    """Cycle i begins 1000 i (i - 1) / 2 x 2^-40 later than without the factor."""
    f = 1 + Fraction(1, 2**40)
    curve = restarts(1000, float(f))
    assert curve(1000) == 1.0
    for cycles in (2, 3, 10, 1000, 10_000):
        boundary = 1000 * (f**cycles - 1) / (f - 1)
        assert math.floor(boundary) == 1000 * cycles
        before = sine_squared((boundary - 1000 * cycles) / (1000 * f ** (cycles - 1)))
        assert before < Decimal("1e-8")
        assert_within_4_ulp(curve(1000 * cycles), before)
        after = sine_squared(1 - (1000 * cycles + 1 - boundary) / (1000 * f**cycles))
        assert_within_4_ulp(curve(1000 * cycles + 1), after)


@pytest.mark.parametrize(
    ("t_0", "t_mult", "cycle"),
    [
        (1, 1.0001, 150_000),
        (1000, 1.0001, 80_000),
        (7, 1 + 2.0**-40, 20_000_000),
        (1000, 1 + 2.0**-40, 1_000_000),
        (7, 1 + 2.0**-52, 30_000_000),
        (1, 1.1, 290),
        (1, 1.37, 90),
        (1000, 1.5, 28),
    ],
)
def test_the_middle_of_a_late_cycle_is_exact(t_0: int, t_mult: float, cycle: int) -> None:
    """Whatever a boundary stands for, far from it the curve is that of exact arithmetic."""
    curve = restarts(t_0, t_mult)
    with localcontext() as context:
        context.prec = 75
        f = Decimal(t_mult)
        start, length = t_0 * (f**cycle - 1) / (f - 1), t_0 * f**cycle
        for part in (Decimal("0.3"), Decimal("0.5"), Decimal("0.7")):
            t = math.floor(start + part * length)
            assert start < t < start + length
            assert t < 2**53
            want = sine_squared(Fraction(1 - (t - start) / length))
            assert abs(Decimal(curve(t)) - want) <= Decimal(2.0**-51), (t, want)


@pytest.mark.parametrize("t_0", [1, 2, 3, 7, 1000])
def test_a_million_billion_equal_cycles(t_0: int) -> None:
    curve = restarts(t_0)
    last = 2**53 // t_0
    for n in (0, 1, 10, 10**6, 10**12, 10**15 - 1, 10**15, last - 1, last):
        for part in {0, 1, t_0 // 2, t_0 - 1} - {t_0}:
            t = n * t_0 + part
            if t <= 2**53:
                assert_within_4_ulp(curve(t), sine_squared(Fraction(t_0 - part, t_0)))


@pytest.mark.parametrize("middle", [0, 2**40, 2**50, 2**52 - 200])
def test_halved_cycles_and_steps_at_any_count(middle: int) -> None:
    """The value at t of the run halved is that at 2t: 1.5 batches are as exact as 3."""
    whole, halved = Run("10ba"), Run("10ba", scale_schedule_ratio=0.5)
    times = middle + np.arange(200)
    for schedule in (
        CosineAnnealingWarmRestartsScheduler("3ba"),
        # Slow enough that no count is at the bottom.
        StepScheduler("3ba", 1 - 2.0**-50),
    ):
        assert_same_bits(schedule.resolve(halved)(times), schedule.resolve(whole)(2 * times))


@pytest.mark.parametrize("t_mult", [1.0, 1 + 2.0**-52, 1 + 2.0**-40, 1.0001, 1.1, 2.0, 1e300])
def test_restarts_reach_any_time(t_mult: float) -> None:
    """With one step of a loop a cycle this would not end."""
    curve = restarts(1, t_mult)
    times = np.concatenate([2.0 ** np.arange(54), [1e100, 1e300, sys.float_info.max]])
    values = curve(times)
    assert ((values >= 0) & (values <= 1)).all()
    assert_same_bits(values, one_by_one(curve, times))


def test_steps_at_fractional_boundaries() -> None:
    """3 batches at a ratio of 0.1 are 0.3 of a batch: at batch 3 ten steps are done, not nine."""
    run = Run("1000ba", scale_schedule_ratio=0.1)
    curve = StepScheduler("3ba", 0.5).resolve(run)
    for t in range(100):
        assert curve(t) == 0.5 ** (10 * t // 3), t
    restart = CosineAnnealingWarmRestartsScheduler("3ba").resolve(run)
    for t in range(100):
        left = 1 - Fraction(10 * t % 3, 3)
        # 0.1 is known to half its ulp only, and so the length of every cycle up to here.
        place = t / 0.3 * (math.ulp(0.1) / 2 / 0.1)
        error = 2.0**-51 + place * math.pi / 2
        assert abs(restart(t) - float(sine_squared(left))) <= error, t


@settings(max_examples=300, deadline=None)
@given(
    size=st.integers(1, 10**6),
    n=st.integers(0, 60),
    ratio=st.sampled_from([1.0, 0.5, 0.1, 0.3, 0.7, 2.5, 1.1]),
)
def test_steps_count_whole_periods(size: int, n: int, ratio: float) -> None:
    """The period is the decimal product, since a float ratio is known to its own precision only."""
    curve = StepScheduler(f"{size}ba", 0.5).resolve(Run(f"{10**9}ba", scale_schedule_ratio=ratio))
    boundary = n * size * Fraction(str(ratio))
    first = math.ceil(boundary)
    period = size * Fraction(str(ratio))
    assert curve(first) == 0.5 ** (first // period)
    if first > 0:
        assert curve(first - 1) == 0.5 ** ((first - 1) // period)
