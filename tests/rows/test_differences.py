"""Where epochal differs from Composer on purpose: chapter 12 of the specification, row by row.

The number of the row stands in the name of each test. Comments say what Composer gives for the same
arguments. Rows about training need PyTorch.
"""

import math
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from epochal import (
    ConstantScheduler,
    ConstantWithWarmupScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
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
    TimeParseError,
    Timestamp,
    TimeUnit,
    UnitError,
)

Train = Callable[..., list[float]]


@pytest.fixture
def train() -> Train:
    """Trains a tiny model at a base rate of 0.5: the rate of each step."""
    pytest.importorskip("torch")
    from training import History, make_trainer

    def rates(**settings: Any) -> list[float]:
        history = History()
        make_trainer(callbacks=history, **settings).fit()
        return history.rates

    return rates


def test_row_01_no_lag(train: Train) -> None:
    # Composer: 0.5, 0.5, 0.375, 0.25.
    assert train(schedulers=LinearScheduler(), max_duration="4ba") == [0.5, 0.375, 0.25, 0.125]


def test_row_02_several_schedules_multiply() -> None:
    run = Run("100ba")
    linear, step = LinearScheduler(), StepScheduler("10ba", 0.5)
    both = (linear * step).resolve(run)
    # Composer, given both: the last one alone, 0.25 at batch 20.
    assert both(20) == 0.8 * 0.25
    t = np.arange(110)
    np.testing.assert_array_equal(both(t), linear.resolve(run)(t) * step.resolve(run)(t))


def test_row_02_several_schedules_multiply_in_the_trainer(train: Train) -> None:
    schedules = [StepScheduler("2ba", gamma=0.5), LinearScheduler()]
    # Composer: the last one alone.
    assert train(schedulers=schedules, max_duration="4ba") == [0.5, 0.375, 0.125, 0.0625]


def test_row_03_scale_warmup_scales_the_end_of_the_ramp_too() -> None:
    stretched = Run("100ba", scale_schedule_ratio=2.0)
    curve = LinearWithWarmupScheduler("10ba", scale_warmup=True).resolve(stretched)
    # Composer at batch 9: 0.45; at 10 it jumps to 1.0.
    assert curve(9) == 9 / 20
    assert curve(10) == 10 / 20
    assert curve(19) == 19 / 20
    assert curve(20) == 1.0
    assert curve(21) == 179 / 180
    shrunk = Run("100ba", scale_schedule_ratio=0.5)
    curve = LinearWithWarmupScheduler("10ba", scale_warmup=True).resolve(shrunk)
    # Composer: 1.0 from batch 5 to batch 10.
    assert curve(4) == 4 / 5
    assert curve(5) == 1.0
    assert [curve(t) for t in (6, 9, 10)] == [44 / 45, 41 / 45, 40 / 45]


@pytest.mark.parametrize(
    "schedule",
    [
        MultiStepWithWarmupScheduler("10ba", ["60ba"], scale_warmup=True),
        ConstantWithWarmupScheduler("10ba", 0.5, "90ba", scale_warmup=True),
        CosineAnnealingWithWarmupScheduler("10ba", scale_warmup=True),
        PolynomialWithWarmupScheduler("10ba", scale_warmup=True),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
def test_row_03_scale_warmup_keeps_the_ramp_whole(schedule: Schedule) -> None:
    plain = schedule.resolve(Run("100ba"))
    stretched = schedule.resolve(Run("100ba", scale_schedule_ratio=2.0))
    # Composer at batch 10 of the stretched run: the top of the ramp, not its middle.
    assert stretched(10) == plain(5) == plain(10) / 2
    t = np.arange(0, 210)
    np.testing.assert_array_equal(stretched(t), plain(t / 2))


def test_row_04_durations_are_not_truncated() -> None:
    curve = MultiStepScheduler(["0.29dur"], 0.5).resolve(Run("100ba"))
    # Composer: 0.5 from batch 28.
    assert [curve(28), curve(29)] == [1.0, 0.5]
    run = Run("90ep", batches_per_epoch=12)
    curve = MultiStepScheduler(["0.3dur"], 0.5).resolve(run)
    # Composer: 0.5 from batch 323.
    assert [curve(323), curve(324)] == [1.0, 0.5]
    halved = Run("100ba", scale_schedule_ratio=0.5)
    curve = StepScheduler("3ba", 0.5).resolve(halved)
    # Composer: a step of 1 batch, so 1.0, 0.5, 0.25, 0.125.
    assert [curve(t) for t in range(4)] == [1.0, 1.0, 0.5, 0.25]


def test_row_05_half_of_three_epochs_is_one_and_a_half() -> None:
    run = Run("3ep", batches_per_epoch=100, scale_schedule_ratio=0.5)
    # Composer: 1 epoch.
    assert run.duration == Time("150ba")
    assert run.duration.unit is TimeUnit.BATCH
    assert len(LinearScheduler().resolve(run).grid()) == 150
    with pytest.raises(UnitError, match="'ep' needs batches_per_epoch"):
        LinearScheduler().resolve(Run("3ep", scale_schedule_ratio=0.5))


def test_row_06_warm_restarts_do_not_truncate_their_cycles() -> None:
    curve = CosineAnnealingWarmRestartsScheduler("10ba", 1.25).resolve(Run("100ba"))
    # Cycles of 10, 12.5 and 15.625 batches. Composer: of 10, 12 and 15, so 1.0 at batches 22, 37.
    assert curve(10) == 1.0
    # The oracle here is the platform's sine: a few of its roundings.
    for t, left in ((22, 0.5 / 12.5), (23, 15.125 / 15.625), (37, 1.125 / 15.625)):
        assert curve(t) == pytest.approx(math.sin(math.pi / 2 * left) ** 2, rel=4e-15)
    assert curve(22) < 0.01
    assert curve(37) < 0.02
    assert curve(39) > 0.99


def test_row_06_warm_restarts_take_constant_time() -> None:
    curve = CosineAnnealingWarmRestartsScheduler("1sp").resolve(Run("100sp"))
    # Composer loops over the cycles: this one call would take it an hour and more.
    assert curve(2**53) == 1.0
    # Composer: a cycle shorter than 1 is cut to 0, and the next call raises.
    shrunk = CosineAnnealingWarmRestartsScheduler("1sp").resolve(
        Run("100sp", scale_schedule_ratio=0.5)
    )
    assert [shrunk(t) for t in (0, 0.25, 0.5, 7)] == [1.0, pytest.approx(0.5), 1.0, 1.0]


@pytest.mark.parametrize("ratio", [1.0, 0.5, 2.0])
def test_row_07_t_max_may_be_shorter_than_the_run(ratio: float) -> None:
    run = Run("100ba", scale_schedule_ratio=ratio)
    # Composer: ValueError for these three at the first batch; without warmup it accepts them.
    for schedule in (
        LinearWithWarmupScheduler("10ba", alpha_f=0.25, t_max="50ba"),
        CosineAnnealingWithWarmupScheduler("10ba", alpha_f=0.25, t_max="50ba"),
        PolynomialWithWarmupScheduler("10ba", alpha_f=0.25, t_max="50ba"),
    ):
        curve = schedule.resolve(run)
        end = 50 * ratio
        assert curve(end - 1) > 0.25
        assert [curve(t) for t in (end, end + 1, 100 * ratio, 1e9)] == [0.25] * 4


def test_row_08_a_warmup_in_batches_with_a_run_in_tokens() -> None:
    run = Run("1000tok", tokens_per_batch=10)
    # Composer: ValueError, the units must be the same.
    for schedule in (
        LinearWithWarmupScheduler("5ba"),
        CosineAnnealingWithWarmupScheduler("5ba"),
        PolynomialWithWarmupScheduler("5ba"),
    ):
        curve = schedule.resolve(run)
        assert curve.units == (TimeUnit.TOKEN,)
        assert [curve(t) for t in (0, 10, 25, 50, 1000)] == [0.0, 0.2, 0.5, 1.0, 0.0]
        with pytest.raises(UnitError, match="tokens_per_batch"):
            schedule.resolve(Run("1000tok"))


def test_row_09_each_kind_is_stepped_by_its_own_default() -> None:
    torch = pytest.importorskip("torch")
    from training import BATCHES, History, make_trainer, model

    parts = model()
    first = torch.optim.SGD(parts[0].parameters(), lr=1.0)
    second = torch.optim.SGD(parts[3].parameters(), lr=1.0)
    history = History()
    make_trainer(
        model=parts,
        optimizers=[first, second],
        schedulers=[LinearScheduler(), torch.optim.lr_scheduler.StepLR(second, 1, gamma=0.5)],
        max_duration="2ep",
        callbacks=history,
    ).fit()
    # Composer: one PyTorch scheduler, and both change at the end of an epoch only.
    batches = 2 * BATCHES
    assert [rates for _, _, rates in history.rows] == [
        [(batches - k) / batches, 1.0 if k < BATCHES else 0.5] for k in range(batches)
    ]


def rates_of(kind: str, ratio: float, **settings: Any) -> list[float]:
    """Of one of PyTorch's own schedulers, in the steps of a run of so many times the length."""
    torch = pytest.importorskip("torch")
    from epochal.torch import scale_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = getattr(torch.optim.lr_scheduler, kind)(optimizer, **settings)
    scale_scheduler(scheduler, ratio)
    rates = []
    for _ in range(20):
        rates += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()
    return rates


def test_row_10_warm_restarts_of_pytorch_are_scaled() -> None:
    rates = rates_of("CosineAnnealingWarmRestarts", 2.0, T_0=4)
    # Composer changes T_0, which no step looks at: 0, 4, 8, 12, 16.
    assert [step for step, rate in enumerate(rates) if rate == 1.0] == [0, 8, 16]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("ConstantLR", {"factor": 0.5, "total_iters": 4}),
        ("LinearLR", {"start_factor": 0.5, "total_iters": 8}),
        ("PolynomialLR", {"total_iters": 8, "power": 1.0}),
        ("CyclicLR", {"base_lr": 0.5, "max_lr": 1.0, "step_size_up": 2, "cycle_momentum": False}),
    ],
    ids=["ConstantLR", "LinearLR", "PolynomialLR", "CyclicLR"],
)
def test_row_10_other_schedulers_of_pytorch_are_scaled(kind: str, settings: dict[str, Any]) -> None:
    plain, doubled = rates_of(kind, 1.0, **settings), rates_of(kind, 2.0, **settings)
    # Composer refuses them.
    assert doubled != plain
    assert doubled[:20:2] == pytest.approx(plain[:10])


@pytest.mark.parametrize("text", ["", "5", "nandur", "-nandur"])
def test_row_11_texts_that_composer_reads_as_times(text: str) -> None:
    # Composer: "" is 0 s, "5" is 50 s, "nandur" is a duration of nan.
    with pytest.raises(TimeParseError):
        Time(text)


@pytest.mark.parametrize(("text", "seconds"), [("24h", 86_400), ("90m", 5400), ("100s", 100)])
def test_row_11_long_wall_clock_times(text: str, seconds: int) -> None:
    # Composer: ValueError, no hour 24, no minute 90, no second 100.
    assert Time(text) == Time(seconds, "sec")


def test_row_11_large_counts_keep_their_last_digit() -> None:
    # Composer: 9007199254740992.
    assert Time("9007199254740993tok").value == 2**53 + 1
    assert Time("9007199254740993tok") != Time("9007199254740992tok")


def test_row_12_equality_across_units_is_false() -> None:
    # Composer: RuntimeError.
    assert (Time("5ep") == Time("5ba")) is False
    assert (Time("5ep") != Time("5ba")) is True
    assert Time("5ba") in [Time("5ep"), Time("5ba")]
    assert Time("5ep") not in [Time("5ba"), Time("1dur")]


def test_row_12_equal_values_have_equal_hashes() -> None:
    # Composer: Time(5, "ep") == 5, but the hashes differ, so the lookup is a KeyError.
    assert Time("5ep") == 5
    assert hash(Time("5ep")) == hash(5)
    assert {5: "five"}[Time("5ep")] == "five"  # type: ignore[index]
    assert hash(Time("0.5dur")) == hash(0.5)
    assert len({Time("5ep"), Time("5ba"), Time("6ep")}) == 3


def test_row_13_strings_are_parsed_once() -> None:
    schedule = CosineAnnealingScheduler("500ba")
    # Composer: the string, parsed at every call.
    assert schedule.t_max == Time("500ba")
    assert isinstance(schedule.t_max, Time)


def test_row_13_bad_arguments_are_found_at_construction() -> None:
    # Composer: accepted here; the first batch raises.
    for text in ("5epp", "", "fish"):
        with pytest.raises(TimeParseError):
            StepScheduler(text)
        with pytest.raises(TimeParseError):
            MultiStepScheduler(["5ep", text])
        with pytest.raises(TimeParseError):
            CosineAnnealingWithWarmupScheduler(text)
    # Composer: ZeroDivisionError at the first batch.
    with pytest.raises(ScheduleError, match="step_size"):
        StepScheduler("0ba")
    # Composer: never found; the values are negative, complex or nan.
    for wrong in (-1.0, math.nan, math.inf):
        with pytest.raises(ScheduleError, match="gamma"):
            ExponentialScheduler(wrong)
        with pytest.raises(ScheduleError, match="alpha"):
            ConstantScheduler(wrong)
        with pytest.raises(ScheduleError, match="power"):
            PolynomialScheduler(wrong)
        with pytest.raises(ScheduleError, match="t_mult"):
            CosineAnnealingWarmRestartsScheduler("1ba", wrong)


def test_row_13_bad_runs_are_found_at_resolve() -> None:
    # Composer: the ramp alone, ending at its top and then jumping.
    with pytest.raises(ScheduleError, match=r"200.*100|100.*200"):
        CosineAnnealingWithWarmupScheduler("200ba").resolve(Run("100ba"))
    # Composer: RuntimeError at the first batch. Here such lengths count whole epochs, which batches
    # do not tell.
    with pytest.raises(UnitError, match="batches_per_epoch"):
        StepScheduler("1ep").resolve(Run("100ba")).at_batch(0)
    # Composer: OverflowError at batch 1024.
    with pytest.raises(EpochalError, match="finite"):
        ExponentialScheduler(2.0, "1ba").resolve(Run("2000ba"))
    ExponentialScheduler(2.0, "1ba").resolve(Run("1000ba"))


def test_row_14_the_wall_clock_is_a_clock_like_the_others() -> None:
    # Composer: ValueError, wall clock time is not allowed.
    curve = LinearScheduler(t_max="2h").resolve(Run("100ba"))
    assert curve.units == (TimeUnit.SECOND,)
    assert curve(Timestamp(batch=70, total_wct=timedelta(minutes=30))) == 0.75
    curve = CosineAnnealingScheduler().resolve(Run("1h"))
    assert curve(3600) == 0.0
    state = SimpleNamespace(
        timestamp=Timestamp(total_wct=timedelta(minutes=15)),
        max_duration="1h",
        dataloader_len=None,
    )
    assert LinearScheduler()(state) == 0.75
    assert MultiStepScheduler(["10m", "20m"], 0.5)(state) == 0.5


def test_row_15_constant_with_warmup_returns_to_one() -> None:
    curve = ConstantWithWarmupScheduler("10ba", alpha=0.5, t_max="50ba").resolve(Run("100ba"))
    assert [curve(t) for t in (0, 5, 10, 49)] == [0.0, 0.25, 0.5, 0.5]
    # Composer: 0.5, for ever (and in this run of 100 batches, ValueError). Its documentation: 1.
    assert [curve(t) for t in (50, 51, 100, 10**9)] == [1.0] * 4
