"""The rows of the specification on schedules: its chapters 6 to 9 and 13, in its own words.

The chapter, or the row of a table, stands in the name of each test. Values are such as one works
out by hand; the tests of `core` compare many more with the reference.
"""

from typing import Any, get_args

import epochal
import numpy as np
import pytest
from catalogue import EXAMPLES, FULL, OPERATIONS, every_example
from epochal import (
    Clock,
    CosineAnnealingScheduler,
    Curve,
    ExponentialScheduler,
    FunctionSchedule,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    MultiStepWithWarmupScheduler,
    PiecewiseScheduler,
    PolynomialScheduler,
    Run,
    Schedule,
    ScheduleError,
    StepScheduler,
    Time,
    Timestamp,
    TimeUnit,
    UnitError,
    parse,
)
from epochal._types import Shape

Values = dict[float, float]


def assert_values(curve: Curve, values: Values) -> None:
    """To the formula's own rounding."""
    for t, alpha in values.items():
        assert curve(t) == pytest.approx(alpha, rel=1e-15), t


# 6. Resolving


def test_6_1_dur_is_a_fraction_of_the_scaled_run() -> None:
    run = Run("100ba", scale_schedule_ratio=2.0)
    curve = MultiStepScheduler(["0.5dur"], gamma=0.5).resolve(run)
    assert [curve(99), curve(100)] == [1.0, 0.5]


def test_6_2_lengths_in_epochs_are_kept_in_batches() -> None:
    run = Run("10ep", batches_per_epoch=12)
    curve = StepScheduler("1ep", gamma=0.5).resolve(run)
    assert curve.units == (TimeUnit.BATCH,)
    assert [curve(11), curve(12)] == [1.0, 0.5]
    assert curve(Timestamp(batch=11, epoch=3)) == 1.0


def test_6_2_a_clock_knows_how_long_its_epochs_were() -> None:
    clock = Clock(Run("10ep", batches_per_epoch=12))
    curve = StepScheduler("1ep", gamma=0.5).resolve(clock.run)
    for _ in range(7):  # shorter than declared
        clock.tick()
    clock.next_epoch()
    assert curve(clock) == 0.5
    assert curve(clock.timestamp) == 1.0


@pytest.mark.parametrize(
    ("schedule", "run"),
    [
        (StepScheduler("1ep", 0.5), "1000tok"),
        (StepScheduler("0.25dur", 0.5), "4ep"),
        (MultiStepScheduler(["1ep", "2ep", "3ep"], 0.5), "10ba"),
    ],
    ids=repr,
)
def test_6_2_epochs_of_unknown_length_are_counted_whole(schedule: Schedule, run: str) -> None:
    curve = schedule.resolve(run)
    assert curve.units == (TimeUnit.EPOCH,)
    assert [curve(epoch) for epoch in range(4)] == [1.0, 0.5, 0.25, 0.125]
    assert curve(Timestamp(epoch=2, batch=7, batch_in_epoch=3)) == 0.25


def test_6_3_what_is_not_dur_is_scaled_and_a_warmup_where_it_is_told() -> None:
    run = Run("100ba", scale_schedule_ratio=0.5)
    assert_values(StepScheduler("30ba", 0.5).resolve(run), {14: 1, 15: 0.5})
    assert_values(LinearWithWarmupScheduler("20ba").resolve(run), {10: 0.5, 20: 1, 50: 0})
    scaled = LinearWithWarmupScheduler("20ba", scale_warmup=True)
    assert_values(scaled.resolve(run), {5: 0.5, 10: 1, 50: 0})


def test_6_4_a_step_of_one_and_a_half_batches() -> None:
    curve = StepScheduler("3ba", gamma=0.5).resolve(Run("100ba", scale_schedule_ratio=0.5))
    # Boundaries at 1.5, 3, 4.5, 6.
    assert [curve(t) for t in range(7)] == [1.0, 1.0, 0.5, 0.25, 0.25, 0.125, 0.0625]
    assert [curve(1.4999), curve(1.5)] == [1.0, 0.5]


def test_6_4_a_fraction_of_a_run_is_snapped_to_a_whole_count() -> None:
    curve = MultiStepScheduler(["0.29dur"], gamma=0.5).resolve(Run("100ba"))
    same = MultiStepScheduler(["29ba"], gamma=0.5).resolve(Run("100ba"))
    np.testing.assert_array_equal(curve.grid(0, 100, 0.25), same.grid(0, 100, 0.25))
    run = Run("90ep", batches_per_epoch=12)
    curve = MultiStepScheduler(["0.3dur"], gamma=0.5).resolve(run)
    assert [curve(323), curve(323.9999), curve(324)] == [1.0, 1.0, 0.5]
    line = LinearScheduler(t_max="0.3dur").resolve(run)
    np.testing.assert_array_equal(line.grid(), LinearScheduler(t_max="324ba").resolve(run).grid())


@pytest.mark.parametrize("ratio", [0.5, 4.0])
def test_6_4_the_law_of_scaling(ratio: float) -> None:
    """The value at t with a ratio is that at t / ratio without; 0.5 and 4 divide exactly."""
    t = np.arange(0.0, 1000.0)
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
        np.testing.assert_array_equal(schedule.resolve(scaled)(t), schedule.resolve(run)(t / ratio))


def test_6_5_moments_count_from_the_start_and_lengths_from_their_phase() -> None:
    run = Run("100ba")
    steps = StepScheduler("30ba", 0.5).after_warmup("10ba").resolve(run)
    assert_values(steps, {39: 1, 40: 0.5, 70: 0.25})
    moments = MultiStepScheduler(["30ba"], 0.5).after_warmup("10ba").resolve(run)
    assert_values(moments, {29: 1, 30: 0.5})
    # A warmup lasts from s on; a decay ends at its t_max.
    second = LinearScheduler(t_max="90ba").after_warmup("20ba")
    joined = StepScheduler("1000ba").until("50ba", second).resolve(run)
    assert_values(joined, {49: 1, 50: 0, 60: 0.5, 70: 1, 80: 0.5, 90: 0})


def test_6_6_a_phase_runs_on_the_clock_of_its_main_time() -> None:
    schedule = LinearScheduler(t_max="1000tok").after_warmup("5ba")
    curve = schedule.resolve(Run("100ba", tokens_per_batch=10))
    assert curve.units == (TimeUnit.TOKEN,)
    assert_values(curve, {25: 0.5, 50: 1, 1000: 0})
    with pytest.raises(UnitError, match="tokens_per_batch"):
        schedule.resolve(Run("100ba"))
    # Milestones each keep their own clock.
    curve = MultiStepScheduler(["3ba", "5tok"], 0.5).resolve(Run("10ba"))
    assert curve.units == (TimeUnit.BATCH, TimeUnit.TOKEN)
    assert curve({"ba": 3, "tok": 4}) == curve({"ba": 2, "tok": 5}) == 0.5


def test_6_7_a_phase_that_begins_after_its_end_is_refused_with_both_values() -> None:
    schedule = LinearWithWarmupScheduler("60ba", t_max="50ba")
    with pytest.raises(ScheduleError, match=r"60.*50|50.*60"):
        schedule.resolve(Run("100ba"))
    LinearWithWarmupScheduler("50ba", t_max="50ba").resolve(Run("100ba"))
    with pytest.raises(ScheduleError, match="t_max="):
        LinearWithWarmupScheduler("200ba").resolve(Run("100ba"))


def test_6_7_what_is_not_finite_is_refused() -> None:
    with pytest.raises(ScheduleError, match="finite"):
        ExponentialScheduler(2.0, "1ba").resolve(Run("2000ba"))


# 7.1 The table of the formulas, in a run of 100 batches

FORMULAS: dict[str, tuple[str, Values]] = {
    "StepScheduler": ("Step('30ba', gamma=0.5)", {0: 1, 29: 1, 30: 0.5, 60: 0.25, 100: 0.125}),
    "MultiStepScheduler": (
        "MultiStep(['0.8dur', '30ba'], gamma=0.5)",
        {0: 1, 29: 1, 30: 0.5, 79: 0.5, 80: 0.25, 1e9: 0.25},
    ),
    "ConstantScheduler": ("Constant(0.5, t_max='50ba')", {0: 0.5, 49: 0.5, 50: 1, 1e9: 1}),
    "LinearScheduler": ("Linear(1.5, 0.5)", {0: 1.5, 50: 1, 100: 0.5, 1e9: 0.5}),
    "ExponentialScheduler": (
        "Exponential(0.25, decay_period='20ba')",
        {0: 1, 10: 0.5, 20: 0.25, 30: 0.125},
    ),
    "CosineAnnealingScheduler": (
        "CosineAnnealing(alpha_f=0.5)",
        {0: 1, 50: 0.75, 100: 0.5, 1e9: 0.5},
    ),
    "CosineAnnealingWarmRestartsScheduler": (
        "CosineAnnealingWarmRestarts('20ba', t_mult=2)",
        {0: 1, 10: 0.5, 20: 1, 40: 0.5, 60: 1, 100: 0.5},
    ),
    "PolynomialScheduler": ("Polynomial(2)", {0: 1, 50: 0.25, 75: 0.0625, 100: 0, 1e9: 0}),
    "InverseSquareRootScheduler": (
        "InverseSquareRoot('10ba', alpha_f=0.5)",
        {0: 1, 30: 0.75, 150: 0.625},
    ),
    "PiecewiseScheduler": (
        "Piecewise([('10ba', 0.5), ('30ba', 1), ('50ba', 0)])",
        {0: 0.5, 10: 0.5, 20: 0.75, 30: 1, 40: 0.5, 50: 0, 1e9: 0},
    ),
    "MultiStepWithWarmupScheduler": (
        "MultiStepWithWarmup('10ba', ['30ba'], gamma=0.5)",
        {0: 0, 5: 0.5, 10: 1, 29: 1, 30: 0.5},
    ),
    "ConstantWithWarmupScheduler": (
        "ConstantWithWarmup('10ba', 0.5, '50ba')",
        {0: 0, 5: 0.25, 10: 0.5, 49: 0.5, 50: 1},
    ),
    "LinearWithWarmupScheduler": ("LinearWithWarmup('20ba')", {0: 0, 10: 0.5, 20: 1, 60: 0.5}),
    "CosineAnnealingWithWarmupScheduler": (
        "CosineAnnealingWithWarmup('20ba', warmup_start=0.5)",
        {0: 0.5, 10: 0.75, 20: 1, 60: 0.5, 100: 0},
    ),
    "PolynomialWithWarmupScheduler": (
        "PolynomialWithWarmup('20ba')",
        {0: 0, 10: 0.5, 20: 1, 60: 0.25, 100: 0},
    ),
    "WSDScheduler": ("WSD('20ba', t_decay='40ba')", {0: 0, 20: 1, 60: 1, 80: 0.5, 100: 0}),
    "OneCycleScheduler": (
        "OneCycle('20ba', alpha_i=0.5, alpha_f=0)",
        {0: 0.5, 10: 0.75, 20: 1, 60: 0.5, 100: 0},
    ),
    "InverseSquareRootWithWarmupScheduler": (
        "InverseSquareRootWithWarmup('10ba', t_cooldown='60ba')",
        {0: 0, 5: 0.5, 10: 1, 40: 0.5, 70: 0.25, 100: 0},
    ),
    "CyclicScheduler": (
        "Cyclic('10ba', '30ba', alpha_i=0.5, gamma=0.5)",
        {0: 0.5, 5: 0.75, 10: 1, 25: 0.75, 40: 0.5, 50: 0.75, 80: 0.5, 90: 0.625},
    ),
}


def test_7_1_every_class_has_its_row() -> None:
    assert FORMULAS.keys() == FULL.keys()


@pytest.mark.parametrize("name", FORMULAS)
def test_7_1(name: str) -> None:
    text, values = FORMULAS[name]
    schedule = parse(text)
    assert type(schedule).__name__ == name
    assert_values(schedule.resolve("100ba"), values)


SHAPES: dict[str, float] = {
    "linear": 1 / 2,
    "cosine": 1 / 2,
    "sqrt": 0.5**0.5,
    "1-sqrt": 1 - 0.5**0.5,
    "square": 1 / 4,
    "rex": 2 / 3,
    "exponential": 2**0.5 - 1,
    "geometric": 1 / 3,  # from 1/4 to 1, half of the way is 1/2
    "step": 0,
}


def test_7_1_every_shape_has_its_row() -> None:
    assert list(SHAPES) == list(get_args(Shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_7_1_shapes(shape: Any) -> None:
    """Half of the way up, and half of the way down, which is its mirror image."""
    up, down = [("0ba", 0.25), ("10ba", 1.0)], [("0ba", 1.0), ("10ba", 0.25)]
    middle = 0.25 + 0.75 * SHAPES[shape]
    assert_values(PiecewiseScheduler(up, shape).resolve("10ba"), {0: 0.25, 5: middle, 10: 1})
    fallen = 1.0 if shape == "step" else middle
    assert_values(PiecewiseScheduler(down, shape).resolve("10ba"), {0: 1, 5: fallen, 10: 0.25})


@pytest.mark.parametrize("alpha", [0.0, 0.1, 1 / 3, 0.7, 1.759, 1e-300])
def test_7_1_both_ends_are_exact_to_the_bit(alpha: float) -> None:
    for schedule in (
        LinearScheduler(alpha, alpha),
        CosineAnnealingScheduler(alpha_f=alpha),
        PolynomialScheduler(0.37, alpha_f=alpha),
        epochal.OneCycleScheduler(alpha_i=alpha, alpha_f=alpha),
    ):
        curve = schedule.resolve("977ba")
        assert curve(0) == getattr(schedule, "alpha_i", 1.0)
        assert curve(977) == curve(1e9) == alpha


# 7.2 The table of the operations, in a run of 100 batches

ALGEBRA: list[tuple[str, str, Values]] = [
    ("product", "Linear() * Step('50ba', gamma=0.5)", {0: 1, 40: 0.6, 50: 0.25}),
    ("scale", "0.5 * Linear()", {0: 0.5, 50: 0.25, 100: 0}),
    ("lift", "0.5 + Linear()", {0: 1.5, 50: 1, 100: 0.5}),
    ("lift", "Linear() * Step('50ba', gamma=0.5) * 0.5 + 0.5", {0: 1, 50: 0.625, 100: 0.5}),
    (
        "after_warmup",
        "(Step('30ba', gamma=0.5) * 2).after_warmup('10ba', start=0.5)",
        {0: 1, 5: 1.5, 10: 2, 39: 2, 40: 1},
    ),
    # The top is what the warmup rises to; of milestones it is 1, also inside a product.
    ("after_warmup", "MultiStep(['5ba'], gamma=0.5).after_warmup('10ba')", {5: 0.5, 10: 0.5}),
    (
        "after_warmup",
        "(MultiStep(['5ba'], gamma=0.5) * Constant(0.5)).after_warmup('10ba')",
        {5: 0.25, 8: 0.4, 10: 0.25},
    ),
    ("until", "Linear().until('50ba', Step('20ba', gamma=0.5))", {48: 0.52, 50: 1, 70: 0.5}),
    ("until", "Linear().until('50ba', Step('20ba', gamma=0.5), carry=True)", {50: 0.5, 70: 0.25}),
    ("cooldown", "Constant().cooldown('60ba', alpha_f=0.5)", {60: 1, 80: 0.75, 100: 0.5, 1e9: 0.5}),
    ("cooldown", "Linear().cooldown('50ba', '60ba')", {48: 0.52, 50: 0.5, 55: 0.25, 60: 0}),
    ("clip", "Linear().clip(0.25, 0.75)", {0: 0.75, 50: 0.5, 100: 0.25}),
    ("repeat", "Linear().repeat('20ba')", {0: 1, 10: 0.5, 20: 1, 30: 0.5, 100: 1}),
    ("repeat", "Step('10ba', 0.5).until('50ba', Linear().repeat('20ba'))", {50: 1, 60: 0.5}),
    ("advance", "Linear().advance('10ba')", {0: 0.9, 40: 0.5, 90: 0}),
    ("delay", "Linear().delay('10ba')", {0: 1, 10: 1, 60: 0.5, 110: 0}),
]


def test_7_2_every_operation_has_its_row() -> None:
    assert {operation for operation, _, _ in ALGEBRA} == OPERATIONS.keys()


@pytest.mark.parametrize(
    ("operation", "text", "values"), ALGEBRA, ids=[f"{name}: {text}" for name, text, _ in ALGEBRA]
)
def test_7_2(operation: str, text: str, values: Values) -> None:
    schedule = parse(text)
    assert schedule.to_config()["name"] == operation or f".{operation}(" in text
    assert_values(schedule.resolve("100ba"), values)


def test_7_2_a_shift_is_not_scaled_unless_told() -> None:
    run = Run("100ba", scale_schedule_ratio=2.0)
    assert_values(LinearScheduler().delay("10ba").resolve(run), {10: 1, 110: 0.5})
    assert_values(LinearScheduler().delay("10ba", scale=True).resolve(run), {20: 1, 120: 0.5})


def test_7_2_a_function_may_stand_anywhere() -> None:
    def tokens(state: Any) -> float:
        return float(1 / (1 + state.timestamp.token.value))

    run = Run("100ba", tokens_per_batch=1)
    assert_values((tokens * LinearScheduler()).resolve(run), {0: 1, 1: 0.495})
    with pytest.raises(UnitError, match="tokens_per_batch"):
        FunctionSchedule(tokens, units=("tok",)).resolve("100ba").at_batch(3)


# The worked examples of the chapter


def test_7_half_a_run_has_half_the_milestones() -> None:
    """20 epochs, milestones 10 and 16, at 0.5: 10 epochs, milestones 5 and 8."""
    half = Run("20ep", batches_per_epoch=100, scale_schedule_ratio=0.5)
    short = Run("10ep", batches_per_epoch=100)
    assert half.duration == short.duration
    scaled = MultiStepScheduler(["10ep", "16ep"]).resolve(half)
    written = MultiStepScheduler(["5ep", "8ep"]).resolve(short)
    assert scaled.units == written.units
    np.testing.assert_array_equal(scaled.grid(), written.grid())
    assert_values(scaled, {499: 1, 500: 0.1, 799: 0.1, 800: 0.01})


@pytest.mark.parametrize(("scale", "epochs"), [(False, 4), (True, 2)])
def test_7_a_warmup_of_four_epochs_at_half_the_length(scale: bool, epochs: int) -> None:
    """Milestones at 5 and 10 in both cases; it warms up for 4 epochs, or for 2."""
    run = Run("20ep", batches_per_epoch=100, scale_schedule_ratio=0.5)
    curve = MultiStepWithWarmupScheduler(
        milestones=["10ep", "20ep"], t_warmup="4ep", gamma=0.5, scale_warmup=scale
    ).resolve(run)
    assert [curve(100 * ep) for ep in range(5)] == [min(1.0, ep / epochs) for ep in range(5)]
    assert [curve(t) for t in (499, 500, 999, 1000)] == [1.0, 0.5, 0.5, 0.25]


# 8. Evaluating, and 9. Numbers


@every_example
def test_8_a_number_a_time_an_array_and_a_grid_give_the_same_bits(name: str) -> None:
    run = Run("100ba", batches_per_epoch=10)
    curve = EXAMPLES[name].resolve(run)
    grid = curve.grid()
    assert grid.dtype == np.float64
    assert grid.shape == (100,)
    values = [value.hex() for value in grid.tolist()]
    clocks: dict[Any, Any] = {"ba": np.arange(100), "ep": np.arange(100) // 10}
    for other in (
        curve(np.arange(100)),
        curve(np.arange(100.0).reshape(10, 10)).ravel(),
        curve(clocks),
        np.array([curve(t) for t in range(100)]),
        np.array([curve(run.at_batch(t)) for t in range(100)]),
        np.array([curve(Time(t, "ba")) for t in range(100)]),
    ):
        assert [value.hex() for value in other.tolist()] == values
    small = curve(np.arange(100), dtype=np.float32)
    np.testing.assert_array_equal(small, grid.astype(np.float32))


@pytest.mark.parametrize("bad", [-1, -0.5, float("nan"), float("inf")])
def test_8_times_that_are_none_are_refused(bad: float) -> None:
    curve = LinearScheduler().resolve("100ba")
    for times in (bad, [1.0, bad], {"ba": bad}):
        with pytest.raises(ScheduleError):
            curve(times)


@every_example
def test_8_composers_calling_form(name: str) -> None:
    class State:
        timestamp = Timestamp(batch=7, batch_in_epoch=7)
        max_duration = "50ba"  # already scaled
        dataloader_len = 10

    schedule = EXAMPLES[name]
    curve = schedule.resolve(Run("100ba", batches_per_epoch=10, scale_schedule_ratio=0.5))
    assert schedule(State, ssr=0.5).hex() == curve.at_batch(7).hex()


@every_example
def test_9_no_curve_turns_negative_and_the_final_value_holds(name: str) -> None:
    curve = EXAMPLES[name].resolve(Run("100ba", batches_per_epoch=10))
    far = {"ba": 2.0 ** np.arange(7, 54), "ep": 2.0 ** np.arange(7, 54) // 10}
    assert np.isfinite(curve(far)).all()
    assert (curve(far) >= 0).all()
    assert (curve.grid(0, 500) >= 0).all()


# 13. Errors


def test_13_the_classes_of_errors() -> None:
    for cls in (epochal.TimeParseError, UnitError, ScheduleError, epochal.StateError):
        assert issubclass(cls, epochal.EpochalError)
    assert issubclass(epochal.EpochalError, ValueError)
    assert issubclass(UnitError, RuntimeError)


def test_13_a_message_quotes_the_input_and_names_the_argument() -> None:
    with pytest.raises(ScheduleError, match="^gamma must be .* zero or above, not -0.5$"):
        StepScheduler("3ba", gamma=-0.5)
    with pytest.raises(epochal.TimeParseError, match="step_size.*'5epp'"):
        StepScheduler("5epp")
    with pytest.raises(TypeError, match="^step_size must be a time with a unit, .*, not 5$"):
        StepScheduler(5)  # type: ignore[arg-type]
