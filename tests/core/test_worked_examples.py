"""The worked examples of the documentation, in its own words."""

import datetime

import numpy as np
import pytest
from epochal import (
    CosineAnnealingScheduler,
    EpochalError,
    ExponentialScheduler,
    FractionalCountError,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    MultiStepWithWarmupScheduler,
    PolynomialScheduler,
    Run,
    ScheduleError,
    StepScheduler,
    Time,
    TimeParseError,
    Timestamp,
    TimeUnit,
    UnitError,
)

# Time strings


def test_counts_are_exact_decimals() -> None:
    assert Time("1.5e3tok").value == 1500
    assert Time("9007199254740993tok").value == 9_007_199_254_740_993
    assert Time("15e9tok").value == 15_000_000_000
    assert Time("2000ba").value == 2000
    assert Time("0.3dur").value == 0.3


def test_a_fraction_of_an_epoch_is_an_error() -> None:
    with pytest.raises(TypeError):
        Time("1.5ep")
    with pytest.raises(TimeParseError, match=r"1\.5ep"):
        Time("1.5ep")
    with pytest.raises(FractionalCountError):
        Time("1.5ep")


def test_the_range_of_counts() -> None:
    assert Time("9223372036854775807tok").value == 2**63 - 1
    assert Time("-9223372036854775807tok").value == 1 - 2**63
    for text in ("9223372036854775808tok", "-9223372036854775808tok", "1e19tok"):
        with pytest.raises(TimeParseError, match=text):
            Time(text)


@pytest.mark.parametrize(
    "text", ["nandur", "infdur", "", "5", "5epp", "\N{ARABIC-INDIC DIGIT FIVE}ep"]
)
def test_texts_that_are_no_times(text: str) -> None:
    with pytest.raises(TimeParseError, match=f"'{text}'"):
        Time(text)


def test_text_over_64_bytes() -> None:
    assert Time("0" * 61 + "5ep").value == 5
    with pytest.raises(TimeParseError):
        Time("0" * 62 + "5ep")


def test_a_bare_number_is_never_a_time() -> None:
    with pytest.raises(TimeParseError, match="give a unit, e.g. '5ep'"):
        Time("5")


def test_hours_minutes_and_seconds() -> None:
    assert Time("36h") == Time(129_600, "sec")
    assert Time("90m") == Time(5400, "sec")
    assert Time("1h20m40s") == Time(4840, "sec")
    assert Time("1h20m40s").unit is TimeUnit.SECOND


def test_multiples_blanks_and_underscores() -> None:
    assert Time("2K tok") == Time(2000, "tok")
    assert Time("1.5M tok") == Time(1_500_000, "tok")
    assert Time("15Bsp") == Time(15 * 10**9, "sp")
    assert Time(" 15T tok ") == Time(15 * 10**12, "tok")
    assert Time("1_000 BA") == Time(1000, "ba")


@pytest.mark.parametrize("text", ["5ep", "0.3dur", "36h", "-7ba", "1e300dur", "2Ktok", "1dur"])
def test_text_of_a_time_parses_back(text: str) -> None:
    time = Time(text)
    assert Time(str(time)) == time
    assert Time(str(time)).unit is time.unit


# Time arithmetic


def test_two_ways_to_write_a_time() -> None:
    assert Time("5ep") == Time(5, "ep") == Time(5, TimeUnit.EPOCH)
    assert repr(Time("5ep")) == "Time('5ep')"
    assert type(Time("5ep").value) is int
    assert type(Time("1dur").value) is float


def test_units_equal_their_suffixes() -> None:
    names = ["ITERATION", "EPOCH", "BATCH", "SAMPLE", "TOKEN", "DURATION", "SECOND"]
    suffixes = ["iter", "ep", "ba", "sp", "tok", "dur", "sec"]
    assert [unit.name for unit in TimeUnit] == names
    assert [str(unit) for unit in TimeUnit] == suffixes
    assert list(TimeUnit) == suffixes


def test_the_count_rule() -> None:
    assert str(Time(100, "ba") * 0.29) == "29ba"
    # The product in floats is below 29.
    assert int(100 * 0.29) == 28
    third = Time(1, "ep") / Time(3, "ep")
    assert str(third * Time(3, "ep")) == "1ep"
    assert str(Time(100, "ba") * 0.295) == "29ba"
    assert Time(2**62 + 1, "tok") * 1 == 2**62 + 1
    with pytest.raises(OverflowError):
        Time(2**62, "tok") * 2


def test_units_do_not_mix() -> None:
    with pytest.raises(UnitError):
        Time("1ep") + Time("1ba")
    with pytest.raises(RuntimeError):
        assert Time("1ep") < Time("1ba")
    assert (Time("1ep") == Time("1ba")) is False
    assert hash(Time("5ep")) == hash(5)
    assert hash(Time("0.25dur")) == hash(0.25)


def test_composers_names() -> None:
    assert Time.from_timestring("5ep").to_timestring() == "5ep"
    assert Time.from_input(5, "ep") == Time.from_epoch(5) == Time("5ep")
    made = [
        Time.from_iteration(1),
        Time.from_epoch(1),
        Time.from_batch(1),
        Time.from_sample(1),
        Time.from_token(1),
        Time.from_duration(1),
        Time.from_second(1),
    ]
    assert [time.unit for time in made] == list(TimeUnit)


def test_operators() -> None:
    assert Time("3ba") + 4 == "7ba"
    assert "3ba" + Time("4ba") == Time("7ba")
    assert Time("7ba") // Time("2ba") == 3
    assert Time("7ba") % Time("2ba") == Time("1ba")
    assert str(Time("7ba") / 2) == "3ba"
    assert Time("1ba") / Time("4ba") == Time("0.25dur")
    assert str(Time("8ba") * Time("0.25dur")) == "2ba"
    assert sum([Time("1ba"), Time("2ba")]) == Time("3ba")
    assert -Time("3ba") == Time("-3ba")
    assert abs(Time("-3ba")) == Time("3ba")
    assert not Time("0ba")


# Runs


def test_the_scaled_length_of_a_run() -> None:
    run = Run("3ep", batches_per_epoch=100, scale_schedule_ratio=0.5)
    assert repr(run.duration) == "Time('150ba')"
    run = Run("20ep", batches_per_epoch=100, scale_schedule_ratio=0.5)
    assert repr(run.duration) == "Time('10ep')"
    run = Run("100ba", scale_schedule_ratio=0.29)
    assert repr(run.duration) == "Time('29ba')"


def test_a_run_is_never_empty() -> None:
    with pytest.raises(EpochalError, match="0"):
        Run("0ep")
    with pytest.raises(EpochalError, match="0"):
        Run("1ba", scale_schedule_ratio=0.5)


def test_a_missing_fact_is_named() -> None:
    with pytest.raises(UnitError, match="'ep' needs batches_per_epoch"):
        Run("100ba").convert("1ep", "ba")
    with pytest.raises(UnitError, match="'ep' needs batches_per_epoch"):
        LinearWithWarmupScheduler("5ba", t_max="1ep").resolve(Run("100ba"))
    assert Run("100ba", batches_per_epoch=7).convert("2ep", "ba") == Time("14ba")


# Resolving


def test_a_fraction_of_a_run_is_snapped_to_a_whole_count() -> None:
    curve = MultiStepScheduler(["0.29dur"], gamma=0.5).resolve(Run("100ba"))
    assert [curve(28), curve(29)] == [1.0, 0.5]
    assert curve == MultiStepScheduler(["0.29dur"], gamma=0.5).resolve(Run("100ba"))
    same = MultiStepScheduler(["29ba"], gamma=0.5).resolve(Run("100ba"))
    np.testing.assert_array_equal(curve.grid(0, 100, 0.25), same.grid(0, 100, 0.25))


def test_a_fraction_of_epochs_is_counted_in_batches() -> None:
    run = Run("90ep", batches_per_epoch=12)
    curve = MultiStepScheduler(["0.3dur"], gamma=0.5).resolve(run)
    assert curve.units == (TimeUnit.BATCH,)
    assert [curve(323), curve(323.9999), curve(324)] == [1.0, 1.0, 0.5]
    line = LinearScheduler(t_max="0.3dur").resolve(run)
    same = LinearScheduler(t_max="324ba").resolve(run)
    np.testing.assert_array_equal(line.grid(), same.grid())


def test_a_step_of_one_and_a_half_batches() -> None:
    curve = StepScheduler("3ba", gamma=0.5).resolve(Run("100ba", scale_schedule_ratio=0.5))
    # Boundaries at 1.5, 3, 4.5, 6.
    assert [curve(t) for t in range(7)] == [1.0, 1.0, 0.5, 0.25, 0.25, 0.125, 0.0625]
    assert [curve(1.4999), curve(1.5)] == [1.0, 0.5]


def test_a_fraction_is_one_of_the_scaled_run() -> None:
    run = Run("100ba", scale_schedule_ratio=2.0)
    curve = MultiStepScheduler(["0.5dur"], gamma=0.5).resolve(run)
    assert [curve(99), curve(100)] == [1.0, 0.5]


# The worked examples of scaling


def test_half_a_run_has_half_the_milestones() -> None:
    """20 epochs, milestones 10 and 16, at 0.5: 10 epochs, milestones 5 and 8."""
    half = Run("20ep", batches_per_epoch=100, scale_schedule_ratio=0.5)
    short = Run("10ep", batches_per_epoch=100)
    assert half.duration == short.duration
    scaled = MultiStepScheduler(["10ep", "16ep"]).resolve(half)
    written = MultiStepScheduler(["5ep", "8ep"]).resolve(short)
    assert scaled.units == written.units
    np.testing.assert_array_equal(scaled.grid(), written.grid())
    assert len(scaled.grid()) == 1000
    assert [scaled(t) for t in (499, 500, 799)] == [1.0, 0.1, 0.1]
    assert scaled(800) == pytest.approx(0.01, rel=1e-15)


def test_a_warmup_is_not_scaled_unless_told() -> None:
    run = Run("20ep", batches_per_epoch=100, scale_schedule_ratio=0.5)
    curve = MultiStepWithWarmupScheduler(
        milestones=["10ep", "20ep"], t_warmup="4ep", gamma=0.5
    ).resolve(run)
    # Warms up for 4 epochs; milestones at 5 and 10.
    assert [curve(100 * ep) for ep in (0, 1, 2, 3, 4)] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert [curve(t) for t in (499, 500, 999, 1000)] == [1.0, 0.5, 0.5, 0.25]
    curve = MultiStepWithWarmupScheduler(
        milestones=["10ep", "20ep"], t_warmup="4ep", gamma=0.5, scale_warmup=True
    ).resolve(run)
    # Warms up for 2 epochs.
    assert [curve(100 * ep) for ep in (0, 1, 2, 3, 4)] == [0.0, 0.5, 1.0, 1.0, 1.0]
    assert [curve(t) for t in (499, 500, 999, 1000)] == [1.0, 0.5, 0.5, 0.25]


def test_scaling_law() -> None:
    """The value at t with ratio s is that at t / s without; 0.5 and 4 divide exactly."""
    t = np.arange(0.0, 1000.0)
    for ratio in (0.5, 4.0):
        run = Run("20ep", batches_per_epoch=50)
        scaled = Run("20ep", batches_per_epoch=50, scale_schedule_ratio=ratio)
        for schedule in (
            StepScheduler("3ba", 0.9),
            MultiStepScheduler(["10ep", "16ep", "0.9dur"]),
            ExponentialScheduler(0.9),
            LinearScheduler(),
            CosineAnnealingScheduler("7ep"),
            PolynomialScheduler(1.7),
            MultiStepWithWarmupScheduler("4ep", ["10ep"], scale_warmup=True),
        ):
            np.testing.assert_array_equal(
                schedule.resolve(scaled)(t), schedule.resolve(run)(t / ratio)
            )


def test_a_warmup_longer_than_t_max_is_refused_with_both_values() -> None:
    schedule = LinearWithWarmupScheduler("60ba", t_max="50ba")
    with pytest.raises(ScheduleError, match=r"60.*50|50.*60"):
        schedule.resolve(Run("100ba"))
    LinearWithWarmupScheduler("50ba", t_max="50ba").resolve(Run("100ba"))


# Timestamps


def test_a_timestamp_of_the_wall_clock() -> None:
    stamp = Timestamp(batch=3, total_wct=datetime.timedelta(seconds=2, microseconds=500_000))
    assert stamp.get("sec") == Time("2sec")
    assert stamp.batch == Time("3ba")
    assert stamp < "4ba"
    curve = LinearScheduler().resolve(Run("10sec"))
    assert curve(stamp) == 0.75
