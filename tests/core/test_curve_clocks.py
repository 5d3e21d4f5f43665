"""Curves of one clock or several, in mappings and over grids."""

import math
import sys
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from curves import (
    COSINE,
    SENTINEL,
    TWO_CLOCKS,
    assert_same_bits,
    every_curve,
    every_shape,
)
from epochal import (
    Clock,
    CosineAnnealingWithWarmupScheduler,
    Curve,
    EpochalError,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    MultiStepWithWarmupScheduler,
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
        StepScheduler("3ba") * StepScheduler("3tok"), Run("100ba"), ("ba", "tok"), id="product"
    ),
]


@pytest.mark.parametrize(("schedule", "run", "clocks"), SEVERAL_CLOCKS)
def test_several_clocks_refuse_bare_numbers(
    schedule: Schedule, run: Run, clocks: tuple[str, ...]
) -> None:
    curve = schedule.resolve(run)
    assert curve.units == clocks
    assert all(isinstance(clock, TimeUnit) for clock in curve.units)
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


def test_several_clocks_are_told_by_the_rates() -> None:
    """A number is a batch then, and a time of any unit is converted."""
    schedules = (
        MultiStepWithWarmupScheduler("100tok", ["25ba"], 0.5),
        StepScheduler("3ba", 0.5) * StepScheduler("70tok", 0.5),
        LinearScheduler(t_max="40ba").until("250tok", StepScheduler("30tok", 0.5), carry=True),
        MultiStepScheduler(["1ep", "20ba", "350tok"], 0.5),
    )
    run = Run("100ba", batches_per_epoch=7, tokens_per_batch=10)
    for schedule in schedules:
        curve = schedule.resolve(run)
        assert curve.units == ("ba", "tok")
        batches = np.arange(100)
        want = [curve.at_batch(k) for k in range(100)]
        assert want == [curve({"ba": k, "tok": 10 * k}) for k in range(100)]
        assert [curve(k) for k in range(100)] == want
        assert_same_bits(curve(batches), want)
        assert_same_bits(curve.grid(), want)
        assert_same_bits(curve.grid(stop=100, step=7), want[::7])
        assert_same_bits(curve.grid("1ep", "300tok"), want[7:30])
        assert [curve("14ba"), curve(Time("140tok")), curve("2ep"), curve("0.14dur")] == [
            want[14]
        ] * 4
        assert curve(2.5) == curve({"ba": 2.5, "tok": 25.0})
    without = schedules[0].resolve(Run("100ba"))
    for ask in (lambda: without(3), lambda: without(np.zeros(3)), without.grid):
        with pytest.raises(UnitError, match="'tok' needs tokens_per_batch"):
            ask()


def test_a_warmup_before_milestones_keeps_its_clock() -> None:
    for run in (Run("100ba"), Run("100ba", tokens_per_batch=1000)):
        curve = MultiStepWithWarmupScheduler("100tok", ["10ba"]).resolve(run)
        assert curve({"ba": 50, "tok": 25}) == 0.25
        assert curve({"ba": 5, "tok": 100}) == 1.0
        assert curve({"ba": 10, "tok": 100}) == pytest.approx(0.1, rel=0, abs=0)


def test_a_warmup_on_another_clock_is_converted_by_rates() -> None:
    rates = Run("100ba", tokens_per_batch=10)
    curve = LinearWithWarmupScheduler("200tok", t_max="60ba").resolve(rates)
    assert curve.units == (TimeUnit.BATCH,)
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


# Epochs as a clock counts them

HALF = [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25]
EPOCHS: list[tuple[Schedule, list[float]]] = [
    (LinearScheduler(), [1.0, 0.95, 0.9, 0.85, 0.5, 0.45, 0.4, 0.35, 0.0]),
    (LinearScheduler(t_max="20ba"), [1 - k / 20 for k in range(9)]),
    (StepScheduler("1ep", 0.5), HALF),
    (StepScheduler("10ba", 0.5), [1.0] * 9),
    (MultiStepScheduler(["1ep", "15ba", "2ep"], 0.5), HALF),
    (LinearScheduler().repeat("1ep"), [1.0, 0.9, 0.8, 0.7, 1.0, 0.9, 0.8, 0.7, 1.0]),
    (LinearScheduler().advance("1ep"), [0.5, 0.45, 0.4, 0.35, *[0.0] * 5]),
]


@pytest.mark.parametrize(("schedule", "want"), EPOCHS, ids=repr)
def test_lengths_in_epochs_follow_the_epochs_of_a_clock(
    schedule: Schedule, want: list[float]
) -> None:
    """Its epochs have 4 batches, after 10 were declared: the run ends with its second epoch."""
    run = Run("2ep", batches_per_epoch=10)
    clock, curve, got = Clock(run), schedule.resolve(run), []
    for _ in range(2):
        for _ in range(4):
            got.append(curve(clock))
            clock.tick()
        clock.next_epoch()
    assert [*got, curve(clock)] == pytest.approx(want, rel=0, abs=2**-51)
    assert clock.done
    # A timestamp is read by its batches, as a number is.
    assert curve(clock.timestamp) == curve(8) == curve.at_batch(8)


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


@pytest.mark.parametrize("bad", [True, 1j, [1], np.zeros(2), b"5ba"])
def test_grid_arguments_are_numbers_or_times(bad: Any) -> None:
    for arguments in ({"start": bad}, {"stop": bad}, {"step": bad}):
        with pytest.raises(TypeError):
            COSINE.grid(**arguments)


def test_a_grid_of_times() -> None:
    run = Run("100ba", batches_per_epoch=8, tokens_per_batch=10)
    curve = LinearScheduler().resolve(run)
    whole = curve.grid()
    assert_same_bits(curve.grid("20ba", Time("30ba"), "2ba"), whole[20:30:2])
    assert_same_bits(curve.grid("1ep", "500tok", "1ep"), whole[8:50:8])
    assert_same_bits(curve.grid("0.25dur", 50), whole[25:50])
    with pytest.raises(UnitError, match="sec"):
        curve.grid("5sec")
    with pytest.raises(EpochalError):
        curve.grid("5")


@pytest.mark.parametrize("shape", [(9,), (11,), (10, 1), (), (0,)])
def test_a_grid_into_the_wrong_shape(shape: tuple[int, ...]) -> None:
    out = np.full(shape, SENTINEL)
    with pytest.raises(ValueError, match="shape"):
        COSINE.grid(0, 10, out=out)
    assert (out == SENTINEL).all()


@pytest.mark.parametrize(
    ("schedule", "run", "message"),
    [
        (LinearScheduler(), Run("1Ktok"), "'tok' needs tokens_per_batch"),
        (LinearScheduler(), Run("9sp"), "'sp' needs samples_per_batch"),
        (LinearScheduler(), Run("1h"), "'sec' has no fixed relation to batches"),
    ],
)
def test_at_batch_needs_the_rates(schedule: LinearScheduler, run: Run, message: str) -> None:
    with pytest.raises(UnitError, match=message):
        schedule.resolve(run).at_batch(1)


def test_at_batch_is_the_rate_of_a_step() -> None:
    run = Run("3ep", batches_per_epoch=4, samples_per_batch=2, tokens_per_batch=10)
    for t_max in ("1dur", "20sp", "100tok", "2ep"):
        curve = LinearScheduler(t_max=t_max).resolve(run)
        assert [curve.at_batch(k) for k in range(14)] == [curve(run.at_batch(k)) for k in range(14)]
    with pytest.raises(TypeError, match="batch must be a whole number, not 1.5"):
        curve.at_batch(1.5)  # type: ignore[arg-type]
    with pytest.raises(EpochalError, match="batch.*-1"):
        curve.at_batch(-1)
