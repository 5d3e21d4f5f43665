"""Runs: duration, conversions, the timestamp of a batch; as the reference says, errors included."""

import copy
import math
import pickle
from dataclasses import replace
from functools import partial
from typing import Any

import epochal
import numpy as np
import pytest
from epochal import (
    Run,
    ScheduleError,
    Time,
    TimeOverflowError,
    TimeParseError,
    Timestamp,
    UnitError,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import run as reference
from reference import time as reference_time
from reference.parity import agree, error_of
from reference.time import LIMIT, UNITS
from strategies import (
    COUNT_UNITS,
    counts,
    draw_factor,
    plain_time,
    plain_timestamp,
    possible,
    real_run,
    real_time,
    runs,
    times,
)
from torch.utils.data import DataLoader, DistributedSampler

FACTS = ("batches_per_epoch", "samples_per_batch", "tokens_per_batch")
FULL = Run("3ep", batches_per_epoch=100, samples_per_batch=32, tokens_per_batch=7)

possible_runs = runs().filter(possible)


# Duration


@given(runs())
def test_duration(run: reference.Run) -> None:
    agree(lambda: plain_time(real_run(run).duration), lambda: run.duration)


@given(runs(), counts(1), st.data())
def test_duration_of_any_size(run: reference.Run, length: int, data: st.DataObject) -> None:
    ratio = data.draw(st.composite(draw_factor)(length))
    assume(math.isfinite(ratio) and ratio > 0)
    run = replace(
        run,
        max_duration=reference_time.Time(length, run.max_duration.unit),
        ratio=float(ratio),
    )
    agree(lambda: plain_time(real_run(run).duration), lambda: run.duration)


def test_counts_on_the_way_must_be_in_range() -> None:
    too_long = error_of(
        Run, "5901069761263453ep", batches_per_epoch=1563, scale_schedule_ratio=1e-14
    )
    assert type(too_long) is TimeOverflowError
    run = Run("1ba", batches_per_epoch=12, samples_per_batch=2**60)
    assert type(error_of(run.convert, Time(2**62, "ep"), "dur")) is TimeOverflowError
    assert run.convert("120ba", "ep") == 10


def test_a_run_is_never_empty() -> None:
    for text, ratio in (("1ba", 0.5), ("1ep", 0.001)):
        error = error_of(Run, text, batches_per_epoch=100, scale_schedule_ratio=ratio)
        assert type(error) is ScheduleError
        assert f"'{text}'" in str(error)
        assert repr(ratio) in str(error)
    for text in ("0ep", "-5ba"):
        error = error_of(Run, text)
        assert type(error) is ScheduleError
        assert "max_duration" in str(error)
        assert f"'{text}'" in str(error)


# Conversion


@given(possible_runs, times(), st.sampled_from(UNITS))
def test_convert(run: reference.Run, time: reference_time.Time, unit: str) -> None:
    agree(
        lambda: plain_time(real_run(run).convert(real_time(time), unit)),
        lambda: run.convert(time, unit),
    )


@given(runs(complete=True).filter(possible), st.integers(-100, 10**6), st.data())
def test_convert_with_every_rate(run: reference.Run, count: int, data: st.DataObject) -> None:
    unit, into = data.draw(st.sampled_from(UNITS)), data.draw(st.sampled_from(UNITS))
    time = reference_time.Time(count / 100 if unit == "dur" else count, unit)
    agree(
        lambda: plain_time(real_run(run).convert(str(time), into)), lambda: run.convert(time, into)
    )


@pytest.mark.parametrize(("unit", "fact"), [("ep", FACTS[0]), ("sp", FACTS[1]), ("tok", FACTS[2])])
def test_a_missing_fact_is_named(unit: str, fact: str) -> None:
    run = Run("10ba")
    for error in (error_of(run.convert, f"5{unit}", "ba"), error_of(run.convert, "5ba", unit)):
        assert type(error) is UnitError
        assert f"'{unit}' needs {fact}" in str(error)


@pytest.mark.parametrize("unit", ["iter", "sec"])
def test_some_clocks_convert_to_nothing(unit: str) -> None:
    for other in COUNT_UNITS:
        if other != unit:
            assert type(error_of(FULL.convert, f"5{unit}", other)) is UnitError
            assert type(error_of(FULL.convert, f"5{other}", unit)) is UnitError
    assert type(error_of(FULL.convert, f"5{unit}", "dur")) is UnitError
    assert type(error_of(FULL.convert, "0.5dur", unit)) is UnitError


def test_conversion_refuses() -> None:
    assert type(error_of(FULL.convert, "5epp", "ba")) is TimeParseError
    assert type(error_of(FULL.convert, 5, "ba")) is TypeError
    assert type(error_of(FULL.convert, "5ba", 5)) is TypeError
    error = error_of(FULL.convert, "5ba", "bat")
    assert type(error) is UnitError
    assert "'bat'" in str(error)


# The timestamp of a batch


@given(possible_runs, counts(0, 10**6) | counts(0))
def test_at_batch(run: reference.Run, batch: int) -> None:
    agree(lambda: plain_timestamp(real_run(run).at_batch(batch)), lambda: run.at_batch(batch))


@given(runs(complete=True).filter(possible), st.integers(0, 30), st.integers(1, 7))
def test_at_batch_is_where_the_steps_lead(run: reference.Run, batch: int, per_epoch: int) -> None:
    run = replace(run, batches_per_epoch=per_epoch, ratio=1.0)
    timestamp = Timestamp()
    for _ in range(batch):
        timestamp = timestamp.to_next_batch(run.samples_per_batch or 0, run.tokens_per_batch or 0)
        if timestamp.batch_in_epoch == per_epoch:
            timestamp = timestamp.to_next_epoch()
    assert real_run(run).at_batch(batch) == timestamp


def test_at_batch_refuses() -> None:
    assert "-1" in str(error_of(FULL.at_batch, -1))
    assert isinstance(error_of(FULL.at_batch, -1), epochal.EpochalError)
    assert type(error_of(FULL.at_batch, 2.0)) is TypeError
    assert type(error_of(FULL.at_batch, True)) is TypeError
    assert type(error_of(FULL.at_batch, LIMIT + 1)) is TimeOverflowError


# Construction


@given(possible_runs)
def test_attributes(run: reference.Run) -> None:
    real = real_run(run)
    assert plain_time(real.max_duration) == run.max_duration
    assert real.batches_per_epoch == run.batches_per_epoch
    assert real.samples_per_batch == run.samples_per_batch
    assert real.tokens_per_batch == run.tokens_per_batch
    assert real.scale_schedule_ratio == run.ratio
    assert type(real.scale_schedule_ratio) is float


def test_numpy_and_integer_arguments() -> None:
    run = Run("3ep", batches_per_epoch=np.int64(100), scale_schedule_ratio=2)
    assert run == Run(Time("3ep"), batches_per_epoch=100, scale_schedule_ratio=np.float64(2.0))
    assert type(run.batches_per_epoch) is int
    assert type(run.scale_schedule_ratio) is float


@pytest.mark.parametrize("name", FACTS)
def test_facts_refused(name: str) -> None:
    for low in (0, -1):
        error = error_of(Run, "3ba", **{name: low})
        assert type(error) is ScheduleError
        assert name in str(error)
        assert str(low) in str(error)
    assert type(error_of(Run, "3ba", **{name: LIMIT + 1})) is TimeOverflowError
    for wrong in (1.0, "1", True, Time("1ba"), [1]):
        error = error_of(Run, "3ba", **{name: wrong})
        assert type(error) is TypeError
        assert name in str(error)


def test_ratios_refused() -> None:
    for value in (0, 0.0, -0.5, math.nan, math.inf, -math.inf, 10**400):
        error = error_of(Run, "3ba", scale_schedule_ratio=value)
        assert isinstance(error, epochal.EpochalError)
        assert "scale_schedule_ratio" in str(error)
    for wrong in ("1", True, 1j, [1.0]):
        error = error_of(Run, "3ba", scale_schedule_ratio=wrong)
        assert type(error) is TypeError
        assert "scale_schedule_ratio" in str(error)


def test_durations_refused() -> None:
    assert type(error_of(Run, "5epp")) is TimeParseError
    error = error_of(Run, "0.5dur")
    assert type(error) is UnitError
    assert "'0.5dur'" in str(error)
    for wrong in (5, 5.0, None, b"5ep", True):
        error = error_of(Run, wrong)
        assert type(error) is TypeError
        assert "'5ep'" in str(error)
    assert type(error_of(Run)) is TypeError


def test_other_arguments_are_refused_with_what_there_is() -> None:
    error = error_of(Run, "5ep", 100)
    assert type(error) is TypeError
    assert str(error) == (
        "a run's facts are given by name, e.g. batches_per_epoch=100, not by their order, as 100 is"
    )
    for name, told in (
        ("batch_per_epoch", "did you mean 'batches_per_epoch'?"),
        ("scale_schedule", "did you mean 'scale_schedule_ratio'?"),
        (
            "zzz",
            "it has max_duration, batches_per_epoch, samples_per_batch, tokens_per_batch, scale",
        ),
    ):
        wrong: dict[str, Any] = {name: 3}
        for make in (Run, partial(Run.from_dataloader, loader=[0])):
            error = error_of(make, "5ep", **wrong)
            assert type(error) is TypeError
            assert f"a run has no argument '{name}': {told}" in str(error)


# Equality, hash, text, copies


@given(possible_runs, possible_runs)
def test_equality_and_hashing(a: reference.Run, b: reference.Run) -> None:
    for x, y in ((a, b), (a, a)):
        assert (real_run(x) == real_run(y)) is (x == y)
        assert (real_run(x) != real_run(y)) is (x != y)
        assert x != y or hash(real_run(x)) == hash(real_run(y))


def test_every_argument_counts_in_equality() -> None:
    given_as: dict[str, Any] = dict.fromkeys(FACTS, 5)
    same = Run("10ba", **given_as)
    for name in FACTS:
        assert Run("10ba", **given_as | {name: 6}) != same
        assert Run("10ba", **given_as | {name: None}) != same
    assert Run("10ba", **given_as, scale_schedule_ratio=2.0) != same
    assert Run("11ba", **given_as) != same
    assert same != "10ba"
    assert same != Time("10ba")


@given(possible_runs)
def test_repr_rebuilds(run: reference.Run) -> None:
    real = real_run(run)
    assert eval(repr(real)) == real


def test_repr_shows_what_is_declared() -> None:
    assert repr(Run("10ba")) == "Run('10ba')"
    assert repr(Run("10ba", samples_per_batch=5, scale_schedule_ratio=0.5)) == (
        "Run('10ba', samples_per_batch=5, scale_schedule_ratio=0.5)"
    )


@given(possible_runs)
def test_copies(run: reference.Run) -> None:
    real = real_run(run)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(real, protocol)) == real
    assert copy.copy(real) == copy.deepcopy(real) == real


def test_immutable() -> None:
    for name in (*FACTS, "max_duration", "duration", "scale_schedule_ratio", "new"):
        with pytest.raises(AttributeError):
            setattr(FULL, name, 1)


# Dataloaders


@pytest.mark.parametrize(
    ("samples", "settings", "facts", "expected"),
    [
        (320, {}, {}, (40, 8)),
        (320, {}, {"samples_per_batch": 3}, (40, 3)),
        # The last batch is smaller, or is dropped.
        (321, {}, {}, (41, None)),
        (321, {"drop_last": True}, {}, (40, 8)),
        # Gradients are accumulated: over 4 batches, over batches that are left over, over none.
        (320, {}, {"batches_per_epoch": 10}, (10, 32)),
        (320, {}, {"batches_per_epoch": 11}, (11, None)),
        (320, {}, {"batches_per_epoch": 80}, (80, 8)),
        # Of two ranks, each has a half of the samples.
        (320, {"ranks": 2}, {}, (20, 16)),
        (319, {"ranks": 2}, {}, (20, 16)),
        (324, {"ranks": 2}, {}, (21, None)),
        (320, {"ranks": 2}, {"batches_per_epoch": 5}, (5, 64)),
    ],
)
def test_a_run_over_a_dataloader(
    samples: int, settings: dict[str, Any], facts: dict[str, int], expected: tuple[Any, Any]
) -> None:
    data: Any = range(samples)
    more = dict(settings)
    if ranks := more.pop("ranks", None):
        more["sampler"] = DistributedSampler(data, num_replicas=ranks, rank=0)
    run = Run.from_dataloader("320sp", DataLoader(data, batch_size=8, **more), **facts)
    assert (run.batches_per_epoch, run.samples_per_batch) == expected
    if expected[1] is not None:
        assert run.batches == -(-320 // expected[1])


def test_a_run_over_what_is_like_a_dataloader() -> None:
    class Stream:
        batch_size, drop_last = 8, True

    with pytest.raises(TypeError, match="loader must be a dataloader with a length, unless"):
        Run.from_dataloader("3ep", Stream())
    assert Run.from_dataloader("3ep", Stream(), batches_per_epoch=5).samples_per_batch == 8
    assert Run.from_dataloader("3ep", [1, 2, 3]) == Run("3ep", batches_per_epoch=3)
    for facts in ({"batches_per_epoch": 0}, {"batches_per_epoch": -4}):
        with pytest.raises(ScheduleError, match="batches_per_epoch"):
            Run.from_dataloader("3ep", DataLoader(range(8)), **facts)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="batches_per_epoch"):
        Run.from_dataloader("3ep", DataLoader(range(8)), batches_per_epoch="4")  # type: ignore[arg-type]


def test_ranks_without_a_sampler_of_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether each of them has other data is not known."""
    monkeypatch.setattr("epochal._ranks.size", lambda: 2)
    data: Any = range(320)
    assert Run.from_dataloader("3ep", DataLoader(data, batch_size=8)).samples_per_batch is None
