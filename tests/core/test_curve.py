"""Curves: every way to ask for a value gives the same bits."""

import ast
import copy
import pickle
import sys
import threading
from datetime import timedelta
from typing import Any

import epochal
import numpy as np
import pytest
from curves import (
    COSINE,
    CURVES,
    RUNS,
    TIMES,
    assert_same_bits,
    bits,
    every_curve,
    every_shape,
    one_by_one,
)
from epochal import (
    Curve,
    EpochalError,
    ExponentialScheduler,
    LinearScheduler,
    Run,
    StepScheduler,
    Time,
    Timestamp,
    TimeUnit,
    UnitError,
)
from sizes import sized

# For an array of which each curve takes long.
large = pytest.mark.parametrize("curve", sized(CURVES, CURVES[::2]))

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


@large
def test_a_large_array_agrees_with_its_pieces(curve: Curve) -> None:
    times = np.linspace(0, 1200, sized(1_000_003, 300_007))
    whole = curve(times)
    pieces = [curve(times[i : i + 997]) for i in range(0, len(times), 997)]
    assert_same_bits(whole, np.concatenate(pieces))
    assert_same_bits(whole[::9973], one_by_one(curve, times[::9973]))


@large
def test_a_large_grid_agrees_with_its_pieces(curve: Curve) -> None:
    end = sized(600_006, 300_006)
    whole = curve.grid(3, end)
    pieces = [curve.grid(a, min(a + 997, end)) for a in range(3, end, 997)]
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


@pytest.mark.parametrize(("t", "fact"), [("5tok", "tokens_per_batch"), ("5sec", "'sec'")])
def test_a_time_that_the_run_cannot_convert_is_refused(t: str, fact: str) -> None:
    for time_ in (t, Time(t)):
        with pytest.raises(UnitError, match=fact):
            COSINE(time_)


def test_a_time_of_another_unit_is_converted() -> None:
    assert COSINE("1ep") == COSINE(Time("1ep")) == COSINE(40)
    assert COSINE("0.5dur") == COSINE(500)


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
        assert curve.units == (unit,)
        assert curve(stamp) == curve(count) == 1 - count / 400


def test_the_wall_clock_is_read_to_the_microsecond() -> None:
    curve = LinearScheduler().resolve(Run("100sec"))
    assert curve.units == (TimeUnit.SECOND,)
    for micros in (0, 1, 345_678, 12_345_678, 99_999_999):
        stamp = Timestamp(total_wct=timedelta(microseconds=micros))
        assert curve(stamp).hex() == curve(micros / 10**6).hex()
    assert curve(Timestamp(total_wct=timedelta(microseconds=1))) < 1.0
    assert curve(Timestamp(total_wct=timedelta(microseconds=99_999_999))) > 0.0
    assert curve(Time("25sec")) == curve("25sec") == 0.75


# Curves as values


@every_curve
def test_curves_print_as_code(curve: Curve) -> None:
    schedule = repr(curve.schedule)
    if isinstance(ast.parse(schedule, mode="eval").body, ast.BinOp):
        schedule = f"({schedule})"  # a call binds tighter than an operator
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
