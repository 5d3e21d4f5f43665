"""The rows of the specification on times: its chapters 2 to 5, in its own words.

The chapter stands in the name of each test.
"""

import json
import pickle
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from epochal import (
    EpochalError,
    FractionalCountError,
    LinearScheduler,
    LinearWithWarmupScheduler,
    Run,
    StateError,
    Time,
    TimeParseError,
    Timestamp,
    TimeUnit,
    UnitError,
)

# Time strings


def test_2_counts_are_exact_decimals() -> None:
    assert Time("1.5e3tok").value == 1500
    assert Time("9007199254740993tok").value == 9_007_199_254_740_993
    assert Time("15e9tok").value == 15_000_000_000
    assert Time("2000ba").value == 2000
    assert Time("0.3dur").value == 0.3


def test_2_a_fraction_of_a_count_is_an_error() -> None:
    with pytest.raises(TypeError):
        Time("1.5ep")
    with pytest.raises(TimeParseError, match=r"1\.5ep"):
        Time("1.5ep")
    with pytest.raises(FractionalCountError):
        Time("1.5ep")


def test_2_the_range_of_counts() -> None:
    assert Time("9223372036854775807tok").value == 2**63 - 1
    assert Time("-9223372036854775807tok").value == 1 - 2**63
    for text in ("9223372036854775808tok", "-9223372036854775808tok", "1e19tok"):
        with pytest.raises(TimeParseError, match=text):
            Time(text)


@pytest.mark.parametrize(
    "text", ["nandur", "infdur", "", "5", "5epp", "\N{ARABIC-INDIC DIGIT FIVE}ep"]
)
def test_2_texts_that_are_no_times(text: str) -> None:
    with pytest.raises(TimeParseError, match=f"'{text}'"):
        Time(text)


def test_2_text_over_64_bytes() -> None:
    assert Time("0" * 61 + "5ep").value == 5
    with pytest.raises(TimeParseError):
        Time("0" * 62 + "5ep")


def test_2_a_bare_number_is_never_a_time() -> None:
    with pytest.raises(TimeParseError, match="give a unit, e.g. '5ep'"):
        Time("5")


def test_2_hours_minutes_and_seconds() -> None:
    assert Time("36h") == Time(129_600, "sec")
    assert Time("90m") == Time(5400, "sec")
    assert Time("1h20m40s") == Time(4840, "sec")
    assert Time("1h20m40s").unit is TimeUnit.SECOND


def test_2_multiples_blanks_and_underscores() -> None:
    assert Time("2K tok") == Time(2000, "tok")
    assert Time("1.5M tok") == Time(1_500_000, "tok")
    assert Time("15Bsp") == Time(15 * 10**9, "sp")
    assert Time(" 15T tok ") == Time(15 * 10**12, "tok")
    assert Time("1_000 BA") == Time(1000, "ba")


def test_2_units_in_any_case_and_seconds_whole() -> None:
    for unit in TimeUnit:
        number = "0.5" if unit is TimeUnit.DURATION else "5"
        assert Time(number + unit.upper()) == Time(f" {number} {unit} ")
        assert Time(number + unit.upper()).unit is unit
    with pytest.raises(TimeParseError):
        Time("1.5sec")


@pytest.mark.parametrize("text", ["5ep", "0.3dur", "36h", "-7ba", "1e300dur", "2Ktok", "1dur"])
def test_2_text_of_a_time_parses_back(text: str) -> None:
    time = Time(text)
    assert Time(str(time)) == time
    assert Time(str(time)).unit is time.unit


# Time arithmetic


def test_3_two_ways_to_write_a_time() -> None:
    assert Time("5ep") == Time(5, "ep") == Time(5, TimeUnit.EPOCH)
    assert repr(Time("5ep")) == "Time('5ep')"
    assert type(Time("5ep").value) is int
    assert type(Time("1dur").value) is float


def test_3_units_equal_their_suffixes() -> None:
    names = ["ITERATION", "EPOCH", "BATCH", "SAMPLE", "TOKEN", "DURATION", "SECOND"]
    suffixes = ["iter", "ep", "ba", "sp", "tok", "dur", "sec"]
    assert [unit.name for unit in TimeUnit] == names
    assert [str(unit) for unit in TimeUnit] == suffixes
    assert list(TimeUnit) == suffixes


@pytest.mark.parametrize(
    ("product", "text"),
    [
        (Time(100, "ba") * 0.29, "29ba"),  # in floats it is below 29
        (Time(100, "ba") * 0.295, "29ba"),
        (Time(1, "ep") / Time(3, "ep") * Time(3, "ep"), "1ep"),
        (Time("1080ba") * Time("0.3dur"), "324ba"),
        (Time("10ba") * 0.25, "2ba"),
        (Time("-10ba") * 0.25, "-2ba"),
        (Time("3ba") / 0.1, "30ba"),
        (Time(2**62 + 1, "tok") * 1, "4611686018427387905tok"),
        (Time(2**53 + 1, "tok") // 1, "9007199254740993tok"),
    ],
)
def test_3_the_count_rule(product: Time, text: str) -> None:
    assert str(product) == text


def test_3_overflow_raises() -> None:
    with pytest.raises(OverflowError):
        Time(2**62, "tok") * 2


def test_3_units_do_not_mix() -> None:
    with pytest.raises(UnitError):
        Time("1ep") + Time("1ba")
    with pytest.raises(RuntimeError):
        assert Time("1ep") < Time("1ba")
    assert (Time("1ep") == Time("1ba")) is False
    assert hash(Time("5ep")) == hash(5)
    assert hash(Time("0.25dur")) == hash(0.25)


def test_3_composers_names() -> None:
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


def test_3_operators() -> None:
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


def test_3_integers_are_numpys_too_and_bools_are_not() -> None:
    assert Time(np.int64(5), "ba") == Time("3ba") + np.int8(2) == Time("5ba")
    for no_number in (True, np.True_):
        with pytest.raises(TypeError):
            Time("3ba") * no_number
        with pytest.raises(TypeError):
            Time(no_number, "ba")


# Timestamps


def test_4_the_wall_clock_is_read_to_the_microsecond() -> None:
    stamp = Timestamp(batch=3, total_wct=timedelta(seconds=2, microseconds=500_000))
    assert stamp.get("sec") == Time("2sec")
    assert stamp.batch == Time("3ba")
    assert stamp < "4ba"
    curve = LinearScheduler().resolve(Run("10sec"))
    assert curve(stamp) == 0.75


def test_4_a_counter_is_given_in_any_form_and_reads_as_a_time() -> None:
    for given in (7, np.int64(7), Time("7ba"), "7ba"):
        assert Timestamp(batch=given).batch == Time("7ba")
    with pytest.raises(UnitError):
        Timestamp(batch="7ep")
    with pytest.raises(EpochalError, match="-1"):
        Timestamp(batch=-1)


def times(*texts: str) -> list[Time]:
    return [Time(text) for text in texts]


def test_4_the_next_batch_epoch_and_iteration() -> None:
    stamp = Timestamp().to_next_batch(32, 4096).to_next_batch(32, 4096)
    assert [stamp.batch, stamp.sample, stamp.token_in_epoch] == times("2ba", "64sp", "8192tok")
    stamp = stamp.to_next_epoch()
    assert [stamp.epoch, stamp.batch_in_epoch, stamp.batch] == times("1ep", "0ba", "2ba")
    stamp = stamp.to_next_iteration()
    assert [stamp.iteration, stamp.epoch_in_iteration] == times("1iter", "0ep")
    assert stamp.epoch == Time("1ep")
    assert stamp.copy(batch=9) == stamp.copy(batch="9ba") != stamp
    assert stamp > "1ba"
    assert stamp <= Time("1ep")


def test_4_a_state_is_plain_and_checked_whole() -> None:
    stamp = Timestamp(batch=7, total_wct=timedelta(seconds=1.5))
    state = stamp.state_dict()
    assert {type(value) for value in state.values()} <= {int, float}
    assert Timestamp.from_state_dict(json.loads(json.dumps(state))) == stamp
    again = pickle.loads(pickle.dumps(stamp))
    assert again == stamp
    assert hash(again) == hash(stamp)
    for wrong in (-1, 1.5, "7", None, True):
        with pytest.raises((StateError, TypeError), match="batch"):
            Timestamp.from_state_dict({**state, "batch": wrong})


# Runs


@pytest.mark.parametrize(
    ("text", "ratio", "scaled"),
    [
        ("20ep", 0.5, "10ep"),
        ("3ep", 0.5, "150ba"),
        ("3ep", 1.0, "3ep"),
        ("30ep", 0.1, "3ep"),
        ("100ba", 0.29, "29ba"),
        ("10ba", 0.25, "2ba"),
    ],
)
def test_5_the_scaled_length_of_a_run(text: str, ratio: float, scaled: str) -> None:
    run = Run(text, batches_per_epoch=100, scale_schedule_ratio=ratio)
    assert repr(run.duration) == f"Time('{scaled}')"


def test_5_half_an_epoch_needs_its_length() -> None:
    with pytest.raises(UnitError, match="'ep' needs batches_per_epoch"):
        Run("3ep", scale_schedule_ratio=0.5)


def test_5_a_fraction_is_converted_by_the_count_rule() -> None:
    assert str(Run("90ep", batches_per_epoch=12).convert("0.3dur", "ba")) == "324ba"
    assert str(Run("100ba").convert("0.29dur", "ba")) == "29ba"


def test_5_a_run_is_never_empty() -> None:
    with pytest.raises(EpochalError, match="0"):
        Run("0ep")
    with pytest.raises(EpochalError, match="0"):
        Run("1ba", scale_schedule_ratio=0.5)


def test_5_a_missing_fact_is_named() -> None:
    with pytest.raises(UnitError, match="'ep' needs batches_per_epoch"):
        Run("100ba").convert("1ep", "ba")
    with pytest.raises(UnitError, match="'ep' needs batches_per_epoch"):
        LinearWithWarmupScheduler("5ba", t_max="1ep").resolve(Run("100ba"))
    assert Run("100ba", batches_per_epoch=7).convert("2ep", "ba") == Time("14ba")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Run("0.5dur"),
        lambda: Run("10ba", scale_schedule_ratio=0),
        lambda: Run("10ba", scale_schedule_ratio=-1),
        lambda: Run("10ba", scale_schedule_ratio=float("inf")),
        lambda: Run("10ba", scale_schedule_ratio=float("nan")),
    ],
)
def test_5_a_run_lasts_counts_and_its_ratio_is_above_zero(make: Callable[[], Run]) -> None:
    with pytest.raises(EpochalError):
        make()


def test_5_a_loader_tells_the_facts_of_a_run() -> None:
    class Loader:
        batch_size = 8
        drop_last = True

        def __len__(self) -> int:
            return 40

    run = Run.from_dataloader("3ep", Loader())
    assert (run.batches_per_epoch, run.samples_per_batch) == (40, 8)
    assert run.batches == len(range(run.batches)) == 120
    assert Run.from_dataloader("3ep", Loader(), tokens_per_batch=7).tokens_per_batch == 7


def test_5_a_time_is_a_run_of_that_length() -> None:
    curve = LinearScheduler().resolve(Run("1000ba"))
    assert LinearScheduler().resolve("1000ba") == LinearScheduler().resolve(Time("1000ba")) == curve
    with pytest.raises(UnitError, match="batches_per_epoch"):
        LinearScheduler().resolve("90ep").at_batch(0)
