"""Python functions as schedules: how they are called, what they may return, their products."""

import copy
import functools
import operator
import pickle
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from epochal import (
    CosineAnnealingScheduler,
    Curve,
    FunctionSchedule,
    LinearScheduler,
    Run,
    ScheduleError,
    StepScheduler,
    Time,
    Timestamp,
    TimeUnit,
    UnitError,
)
from epochal._functions import State, as_schedule

RUN = Run("100ba", batches_per_epoch=10)


def falling(state: State) -> float:
    return 1.0 / (1 + state.timestamp.batch.value)


def stretched(state: State, ssr: float = 1.0) -> float:
    return 1.0 / (1 + state.timestamp.batch.value / ssr)


class Level:
    """A function with an argument of its own, as a class."""

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha

    def __call__(self, state: State) -> float:
        return self.alpha

    def method(self, state: State, ssr: float = 1.0) -> float:
        return self.alpha * ssr


def returning(value: object) -> FunctionSchedule:
    return FunctionSchedule(lambda state: value)


def raising(error: Exception) -> FunctionSchedule:
    def function(state: State) -> float:
        raise error

    return FunctionSchedule(function)


# What a function is called with


def test_the_state_tells_the_time_and_the_run() -> None:
    seen: list[State] = []

    def function(state: State) -> float:
        seen.append(state)
        return 1.0

    run = Run("3ep", batches_per_epoch=7, samples_per_batch=4, tokens_per_batch=5)
    FunctionSchedule(function).resolve(run)(run.at_batch(9))
    (state,) = seen
    assert state.timestamp == run.at_batch(9)
    assert state.timestamp.epoch == 1
    assert state.timestamp.batch_in_epoch == 2
    assert state.timestamp.sample == 36
    assert state.timestamp.token == 45
    assert repr(state.max_duration) == "Time('3ep')"
    assert repr(state.dataloader_len) == "Time('7ba')"
    assert not hasattr(state, "__dict__")


def test_the_state_at_a_number_of_epochs() -> None:
    seen: list[State] = []

    def function(state: State) -> float:
        seen.append(state)
        return 1.0

    curve = FunctionSchedule(function, units=["ep"]).resolve(Run("4ep", batches_per_epoch=10))
    curve(2)
    assert seen[0].timestamp.epoch == 2
    assert seen[0].timestamp.batch == 20


def test_the_state_of_a_run_without_epochs() -> None:
    lengths: list[Time | None] = []

    def function(state: State) -> float:
        lengths.append(state.dataloader_len)
        return 1.0

    FunctionSchedule(function).resolve(Run("100ba"))(Timestamp())
    assert lengths == [None]


def test_the_state_has_the_scaled_duration_and_the_function_the_ratio() -> None:
    seen: list[tuple[str, float]] = []

    def function(state: State, ssr: float) -> float:
        seen.append((str(state.max_duration), ssr))
        return 1.0

    run = Run("3ep", batches_per_epoch=100, scale_schedule_ratio=0.5)
    FunctionSchedule(function).resolve(run)(Timestamp())
    assert seen == [("150ba", 0.5)]


def test_the_ratio_is_told_to_a_keyword_only_parameter() -> None:
    def function(state: State, *, power: float = 3.0, ssr: float = 1.0) -> float:
        return power * ssr

    curve = FunctionSchedule(function).resolve(Run("4ba", scale_schedule_ratio=2.0))
    assert curve(Timestamp()) == 6.0


def test_another_second_parameter_is_not_the_ratio() -> None:
    def function(state: State, power: float = 3.0) -> float:
        return power

    assert FunctionSchedule(function).resolve(RUN)(Timestamp()) == 3.0
    with pytest.raises(ScheduleError, match="ssr"):
        FunctionSchedule(function).resolve(Run("4ba", scale_schedule_ratio=2.0))


def test_a_ratio_that_the_function_does_not_take() -> None:
    run = Run("100ba", scale_schedule_ratio=2.0)
    for schedule in (FunctionSchedule(falling), falling * FunctionSchedule(stretched)):
        with pytest.raises(ScheduleError, match=r"falling.*2\.0.*'ssr'"):
            schedule.resolve(run)
        with pytest.raises(ScheduleError, match=r"falling.*2\.0.*'ssr'"):
            schedule(State(Timestamp(), Time("100ba")), 2.0)
    assert FunctionSchedule(stretched).resolve(run)(Timestamp(batch=2)) == 0.5
    assert FunctionSchedule(falling)(State(Timestamp(batch=3), Time("100ba"))) == 0.25


@pytest.mark.parametrize(
    "function",
    [
        lambda: 1.0,
        lambda state, factor: 1.0,
        lambda state, ssr, factor: 1.0,
        lambda *, state: 1.0,
        lambda ssr: 1.0,
    ],
)
def test_functions_that_cannot_be_called_so(function: Callable[..., float]) -> None:
    with pytest.raises(TypeError, match=r"f\(state, ssr=1.0\) or f\(state\)"):
        FunctionSchedule(function)


def test_functions_of_every_kind() -> None:
    level = Level(0.25)
    kinds: list[Callable[..., Any]] = [
        level,
        level.method,
        functools.partial(lambda alpha, state: alpha, 0.25),
        lambda *arguments: 0.25,
        lambda state, **options: 0.25,
        # Without a signature that Python can read.
        operator.attrgetter("timestamp.batch.value"),
    ]
    curves = [FunctionSchedule(kind).resolve(RUN) for kind in kinds]
    assert [curve(Timestamp()) for curve in curves] == [0.25] * 5 + [0.0]


# What a function may return


@pytest.mark.parametrize(
    "value",
    [0, 1, 0.5, 2, np.float32(0.5), np.int64(3), np.array(0.5), Decimal("0.5"), Fraction(1)],
)
def test_numbers_become_floats(value: Any) -> None:
    alpha = returning(value).resolve(RUN)(Timestamp())
    assert type(alpha) is float
    assert alpha == float(value)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -1e-9,
        -1,
        10**400,
        None,
        True,
        False,
        "0.5",
        b"0.5",
        1j,
        [0.5],
        np.array([0.5, 0.5]),
        Decimal("sNaN"),
    ],
)
def test_values_that_are_no_multipliers(value: object) -> None:
    with pytest.raises(ScheduleError) as error:
        returning(value).resolve(RUN)(Timestamp(batch=7))
    for part in ("<lambda>", "7ba", repr(value)[:100], "finite number, 0 or above"):
        assert part in str(error.value)


def test_a_type_error_of_the_function_becomes_one_of_the_schedule() -> None:
    cause = TypeError("unsupported")
    with pytest.raises(ScheduleError, match=r"raising.*function.*3ba.*unsupported") as error:
        raising(cause).resolve(RUN)(Timestamp(batch=3))
    assert error.value.__cause__ is cause
    assert not isinstance(error.value, TypeError)


def test_a_fraction_of_a_count_in_the_function_is_no_type_error_either() -> None:
    def function(state: State) -> float:
        return 1.0 if state.timestamp.epoch < Time("1.5ep") else 0.5

    with pytest.raises(ScheduleError, match=r"1\.5ep") as error:
        FunctionSchedule(function).resolve(RUN)(Timestamp())
    assert not isinstance(error.value, TypeError)


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), KeyError("x"), UnitError("x")])
def test_other_errors_of_the_function_pass(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        raising(error).resolve(RUN)(Timestamp())
    assert raised.value is error


def test_a_state_without_a_time_is_told_as_such() -> None:
    with pytest.raises(ScheduleError, match="unknown batch"):
        raising(TypeError())(None)


# Curves


def test_the_curve_of_a_function() -> None:
    schedule = FunctionSchedule(falling)
    curve = schedule.resolve(RUN)
    assert isinstance(curve, Curve)
    assert not curve.units
    assert curve.schedule is schedule
    assert curve.run == RUN
    assert [curve(Timestamp(batch=k)) for k in (0, 1, 3)] == [1.0, 0.5, 0.25]
    assert curve.units == (TimeUnit.BATCH,)
    assert repr(curve) == f"FunctionSchedule(falling).resolve({RUN!r})"
    assert curve(3) == curve("3ba") == curve.at_batch(3) == 0.25
    assert curve(np.array([0, 1, 3])).tolist() == [1.0, 0.5, 0.25]
    assert schedule.resolve("4ba").grid().tolist() == [1.0, 0.5, 1 / 3, 0.25]


def by_tokens(state: State) -> float:
    return 1.0 / (1 + state.timestamp.token.value)


def test_numbers_are_in_the_declared_unit_or_batches() -> None:
    run = Run("100ba", tokens_per_batch=10)
    declared = FunctionSchedule(by_tokens, units=["tok"])
    assert declared.units == (TimeUnit.TOKEN,)
    assert declared.resolve(run)(3) == 0.25
    assert declared.resolve("100tok").grid(step=50).tolist() == [1.0, 1 / 51]
    seen = FunctionSchedule(by_tokens).resolve(run)
    for _ in range(2):
        assert seen(1) == 1 / 11
        assert seen([0, 1]).tolist() == [1.0, 1 / 11]


def test_a_clock_that_the_run_does_not_tell_is_refused() -> None:
    for schedule in (FunctionSchedule(by_tokens), by_tokens * LinearScheduler()):
        curve = schedule.resolve("100ba")
        for evaluate in (curve, curve.at_batch, lambda t, curve=curve: curve([t])):
            with pytest.raises(UnitError, match="tokens_per_batch"):
                evaluate(3)
    with pytest.raises(UnitError, match="tokens_per_batch"):
        FunctionSchedule(by_tokens, units=["tok"]).resolve("100ba").at_batch(3)


@pytest.mark.parametrize("units", ["tok", ["dur"], ["step"], [5], 5])
def test_units_are_clocks(units: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="unit"):
        FunctionSchedule(by_tokens, units=units)


def test_functions_see_the_time_of_their_phase() -> None:
    curve = FunctionSchedule(falling).repeat("3ba").resolve("10ba")
    assert curve.grid().tolist() == [1.0, 0.5, 1 / 3] * 3 + [1.0]
    assert FunctionSchedule(falling).delay("2ba").resolve("10ba")(3) == 0.5
    assert FunctionSchedule(falling).advance("2ba").resolve("10ba")(1) == 0.25
    warm = FunctionSchedule(falling).after_warmup("3ba").resolve("10ba")
    assert warm([0, 3, 4]).tolist() == [0.0, 0.25, 0.2]


def test_the_elapsed_part_of_the_run() -> None:
    def part(state: State) -> float:
        return float(state.get_elapsed_duration().value)

    assert FunctionSchedule(part).resolve("10ba")(3) == 0.3


def test_every_read_of_the_time_is_seen() -> None:
    def everything(state: State) -> float:
        now = state.timestamp
        assert now >= "1ep"
        assert now.get("sp") == "30sp"
        assert now.total_wct.total_seconds() == 0
        assert now == Timestamp(epoch=1, batch=3, sample=30)
        return 1.0

    curve = FunctionSchedule(everything).resolve("10ba")
    curve(Timestamp(epoch=1, batch=3, sample=30))
    assert curve.units == (TimeUnit.EPOCH, TimeUnit.SAMPLE, TimeUnit.SECOND)


def test_a_class_that_overrides_the_call_is_honoured() -> None:
    class Half(StepScheduler):
        def __call__(self, state: Any, ssr: Any = 1.0) -> float:
            return 0.5 * super().__call__(state, ssr)

    half = Half("1ba", 0.5)
    assert half.resolve("10ba").grid(stop=3).tolist() == [0.5, 0.25, 0.125]
    assert (half * LinearScheduler()).resolve("10ba")(0) == 0.5
    assert as_schedule(half).resolve("10ba")(1) == 0.25


def test_copies_of_a_curve() -> None:
    curve = (FunctionSchedule(falling) * LinearScheduler()).resolve(RUN)
    for other in (copy.deepcopy(curve), pickle.loads(pickle.dumps(curve))):
        assert other.units == curve.units
        assert other.schedule == curve.schedule
        assert other == curve
        assert other(Timestamp(batch=50)) == curve(Timestamp(batch=50)) == 0.5 / 51


# Products


def test_products_with_schedules_and_functions() -> None:
    line, f, g = LinearScheduler(), FunctionSchedule(falling), FunctionSchedule(stretched)
    at = Timestamp(batch=50)
    a = line.resolve(RUN)(at)
    b = f.resolve(RUN)(at)
    assert stretched * f == g * f
    assert f * stretched == f * g
    assert (f * line).resolve(RUN)(at) == b * a
    assert (line * f).resolve(RUN)(at) == a * b
    assert (f * stretched).resolve(RUN)(at) == b * b
    assert (line * f * line * g).resolve(RUN)(at) == a * b * a * b
    assert (line * line * f).resolve(RUN)(at) == a * a * b


def test_a_product_reads_the_clocks_of_its_factors() -> None:
    f = FunctionSchedule(falling)
    product = StepScheduler("5tok") * f * (StepScheduler("7ba") * StepScheduler("9tok"))
    assert product.resolve(RUN).units == (TimeUnit.BATCH, TimeUnit.TOKEN)
    assert (f * f).resolve(RUN).units == ()
    with pytest.raises(UnitError, match="batches_per_epoch"):
        (f * StepScheduler("5ep")).resolve("100ba")(3)


def test_a_product_is_called_with_a_state_too() -> None:
    state = State(Timestamp(batch=100), Time("200ba"), Time("10ba"))
    product = FunctionSchedule(stretched) * StepScheduler("25ba", gamma=0.5)
    assert product(state, 2.0) == 0.25 / 51
    assert product(state) == 0.0625 / 101
    foreign = SimpleNamespace(
        timestamp=SimpleNamespace(batch=Time("100ba")), max_duration="200ba", dataloader_len=None
    )
    assert product(foreign, 2.0) == 0.25 / 51


@pytest.mark.parametrize("other", ["5ep", None, [0.5]])
def test_other_factors_are_refused(other: Any) -> None:
    with pytest.raises(TypeError):
        FunctionSchedule(falling) * other
    with pytest.raises(TypeError):
        other * FunctionSchedule(falling)


def test_a_class_is_no_factor() -> None:
    with pytest.raises(TypeError, match="LinearScheduler"):
        FunctionSchedule(falling) * LinearScheduler  # type: ignore[operator]


# Values


def test_equality_and_hash() -> None:
    f, g = FunctionSchedule(falling), FunctionSchedule(stretched)
    assert f == FunctionSchedule(falling)
    assert hash(f) == hash(FunctionSchedule(falling))
    assert f != g
    assert f != falling
    assert f * g == FunctionSchedule(falling) * FunctionSchedule(stretched)
    assert hash(f * g) == hash(FunctionSchedule(falling) * stretched)
    assert f * g != g * f
    assert f * g != f


def test_pickle_and_copies() -> None:
    f = FunctionSchedule(falling)
    for schedule in (f, f * CosineAnnealingScheduler(), stretched * f):
        for other in (pickle.loads(pickle.dumps(schedule)), copy.deepcopy(schedule)):
            assert other == schedule
            assert type(other) is type(schedule)


def test_reprs_name_the_function_and_no_address() -> None:
    assert repr(FunctionSchedule(falling)) == "FunctionSchedule(falling)"
    assert repr(FunctionSchedule(Level(1.0).method)) == "FunctionSchedule(Level.method)"
    product = FunctionSchedule(falling) * StepScheduler("2ba")
    assert repr(product) == "FunctionSchedule(falling) * StepScheduler(step_size='2ba', gamma=0.1)"
    product = StepScheduler("2ba") * FunctionSchedule(falling)
    assert repr(product) == "StepScheduler(step_size='2ba', gamma=0.1) * FunctionSchedule(falling)"
    first, second = (repr(FunctionSchedule(Level(alpha))) for alpha in (0.5, 1.0))
    assert first == second
    assert "Level object" in first
    partial = repr(FunctionSchedule(functools.partial(stretched, ssr=2.0)))
    assert "stretched" in partial
    assert " at 0x" not in partial


# What is accepted as a schedule


def test_schedules_stay_as_they_are() -> None:
    line, f = LinearScheduler(), FunctionSchedule(falling)
    assert as_schedule(line) is line
    assert as_schedule(f) is f
    assert as_schedule(falling) == f


@pytest.mark.parametrize(
    "value",
    [
        5,
        "5ep",
        None,
        [LinearScheduler()],
        LinearScheduler,
        LinearScheduler().resolve(RUN),
        FunctionSchedule(falling).resolve(RUN),
    ],
    ids=repr,
)
def test_what_is_no_schedule(value: object) -> None:
    with pytest.raises(TypeError) as error:
        as_schedule(value)
    assert repr(value) in str(error.value)
    assert "f(state, ssr=1.0)" in str(error.value)


def test_neither_torch_nor_numpy_is_imported() -> None:
    code = (
        "import sys, epochal._functions as f; f.FunctionSchedule(lambda state: 1.0);"
        "print([m for m in ('torch', 'numpy') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == "[]"


def test_a_ratio_is_a_number_above_zero() -> None:
    """Of a function that is called as a trainer calls it, too."""
    schedule = FunctionSchedule(lambda state, ssr=1.0: float(ssr))
    state = SimpleNamespace(timestamp=Timestamp(batch=1), max_duration="9ba", dataloader_len=3)
    assert schedule(state, np.float32(0.5)) == 0.5
    wrong: Any
    for wrong in ("2", True, None, np.zeros(2)):
        with pytest.raises(TypeError, match="ssr must be a number, not "):
            schedule(state, wrong)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ScheduleError, match=r"ssr must be (above zero|finite), not "):
            schedule(state, wrong)
    with pytest.raises(TypeError, match="function must be a function, not 5"):
        FunctionSchedule(5)  # type: ignore[arg-type]
