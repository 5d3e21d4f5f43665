"""Curves over arrays of every kind; bad times are refused whole."""

import math
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from curves import (
    COSINE,
    SENTINEL,
    TIMES,
    TWO_CLOCKS,
    AnyArray,
    Floats,
    assert_same_bits,
    every_curve,
    every_shape,
    one_by_one,
)
from epochal import (
    Curve,
    EpochalError,
    LinearScheduler,
    MultiStepScheduler,
    PolynomialScheduler,
    Run,
    ScheduleError,
    Time,
)
from sizes import some

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


@pytest.mark.parametrize("view", VIEWS)
@every_shape
def test_any_layout_and_type(curve: Curve, view: str) -> None:
    for dtype in DTYPES:
        times = VIEWS[view](np.arange(120).astype(dtype))
        before = times.copy()
        values = curve(times)
        try:
            assert_same_bits(values, one_by_one(curve, times.astype(np.float64)))
        except AssertionError as difference:
            difference.add_note(dtype)
            raise
        assert values.flags.writeable, dtype
        np.testing.assert_array_equal(times, before, dtype)


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


@pytest.mark.parametrize("bad", [True, np.True_], ids=repr)
def test_a_bool_in_a_list_is_refused(bad: Any) -> None:
    for times in ([1, bad], [[1.0], (bad,)], (bad, 2)):
        with pytest.raises(TypeError, match="t must be numbers, or an array of ints or floats"):
            COSINE(times)


def test_masked_arrays_are_refused() -> None:
    """Their masked values would be given as if they were valid."""
    masked = np.ma.masked_array([1.0, 2.0, 3.0], mask=[False, True, False])
    with pytest.raises(ScheduleError, match=r"without a mask: .* t\.compressed\(\)"):
        COSINE(masked)
    assert_same_bits(COSINE(masked.compressed()), COSINE([1.0, 3.0]))


def test_ragged_lists_are_refused() -> None:
    ragged: Any = [[1, 2], [3]]
    with pytest.raises((TypeError, ValueError)):
        COSINE(ragged)


# out= and dtype=

PATTERN = np.arange(120)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("view", some(v for v in VIEWS if v != "broadcast"))
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


@every_curve
def test_one_time_out_of_order(curve: Curve) -> None:
    in_order = curve(np.arange(1500))
    for place in (0, 1, 255, 256, 257, 511, 512, 1498, 1499):
        for t in (3, 700, 1490):
            times, want = np.arange(1500), in_order.copy()
            times[place], want[place] = t, in_order[t]
            assert_same_bits(curve(times), want)
            assert_same_bits(curve(times.astype(np.float64)), want)


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


# Bulk work beside other threads and processes


def test_an_array_that_changes_meanwhile() -> None:
    """Its times may be good when they are looked at, and not be when they are used."""
    curve = MultiStepScheduler([f"{i}ba" for i in range(1, 1000)]).resolve("3000ba")
    times = np.full(1_000_000, 5.0)
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            times[500_000:501_000] = np.inf
            for _ in range(3):
                times[:] = 5.0

    writer = threading.Thread(target=write)
    writer.start()
    outcomes = {"refused": 0, "taken": 0}
    try:
        while min(outcomes.values()) < 20:
            try:
                curve(times, threads=1)
                outcomes["taken"] += 1
            except ScheduleError:
                outcomes["refused"] += 1
            assert max(outcomes.values()) < 5000
    finally:
        done.set()
        writer.join()


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


def test_misaligned_out() -> None:
    """As in a buffer behind a header."""
    out = np.zeros(84, dtype=np.uint8)[4:].view(np.float64)
    assert not out.flags.aligned
    curve = LinearScheduler().resolve(Run("10ba"))
    assert curve(np.arange(10.0), out=out) is out
    np.testing.assert_array_equal(out, curve.grid())
