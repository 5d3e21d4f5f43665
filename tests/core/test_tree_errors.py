"""What operations refuse, one fault at a time: the class of the error, what it names and quotes."""

import inspect
import math
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from typing import Any

import epochal
import pytest
from configs import PLAIN, REAL
from epochal import (
    ConstantScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWithWarmupScheduler,
    FractionalCountError,
    FunctionSchedule,
    LinearScheduler,
    MultiStepScheduler,
    PiecewiseScheduler,
    Run,
    Schedule,
    ScheduleError,
    StepScheduler,
    TimeParseError,
    Timestamp,
    UnitError,
    from_config,
)
from reference import run as reference_run
from reference.errors import Refusal
from reference.parity import assert_refuses, error_of
from reference.time import Time
from reference.tree import alpha
from sizes import some
from strategies import real_run
from trees import Tree, clocks_at

# Arguments. The expressions are read by the package and by the reference.

BAD_TIMES = ("'5'", "'5epp'", "'1.5ep'", "''", "'-1ba'", "5", "None", "True", "['5ba']")
BAD_NUMBERS = ("-0.1", "-1", "nan", "inf", "'1'", "None", "True", "1j", "[1]")
BAD_FLAGS = ("0", "1", "None", "'no'")
BAD_SHAPES = ("'cubic'", "'Linear'", "''", "None", "5", "True")
BAD_SCHEDULES = ("5", "None", "'5ba'", "LinearScheduler", "[LinearScheduler()]")


def argument_faults() -> list[str]:
    found = [f"a.after_warmup({bad})" for bad in BAD_TIMES]
    found += [f"a.after_warmup('5ba', start={bad})" for bad in BAD_NUMBERS]
    found += [f"a.after_warmup('5ba', shape={bad})" for bad in BAD_SHAPES]
    found += [f"a.after_warmup('5ba', scale={bad})" for bad in BAD_FLAGS]
    found += [f"a.until({bad}, a)" for bad in BAD_TIMES]
    found += [f"a.until('5ba', {bad})" for bad in BAD_SCHEDULES]
    found += [f"a.until('5ba', a, carry={bad})" for bad in BAD_FLAGS]
    found += [f"a.cooldown({bad})" for bad in BAD_TIMES]
    found += [f"a.cooldown('5ba', t_max={bad})" for bad in (*BAD_TIMES, "'0ba'", "'0dur'")]
    found += [f"a.cooldown('5ba', alpha_f={bad})" for bad in BAD_NUMBERS]
    found += [f"a.cooldown('5ba', shape={bad})" for bad in BAD_SHAPES]
    found += [f"a.clip(low={bad})" for bad in BAD_NUMBERS]
    found += [f"a.clip(high={bad})" for bad in BAD_NUMBERS if bad != "None"]
    found += ["a.clip(0.5, 0.25)", "a.clip(low=1, high=0.5)"]
    found += [f"a.repeat({bad})" for bad in (*BAD_TIMES, "'0ba'", "'0dur'")]
    for shift in ("advance", "delay"):
        found += [f"a.{shift}({bad})" for bad in BAD_TIMES]
        found += [f"a.{shift}('5ba', scale={bad})" for bad in BAD_FLAGS]
    for bad in BAD_NUMBERS:
        found += [f"a * {bad}", f"{bad} * a", f"a + {bad}", f"{bad} + a"]
    found += ["a + a", "a * LinearScheduler", "a + LinearScheduler", "a + stretched"]
    return found


@pytest.mark.parametrize("text", some(argument_faults(), 3))
def test_arguments_are_checked_where_they_are_given(text: str) -> None:
    numbers = {"nan": math.nan, "inf": math.inf}
    with pytest.raises(Refusal) as refusal:
        eval(text, PLAIN | numbers | {"a": PLAIN["LinearScheduler"]()})
    assert_refuses(lambda: eval(text, REAL | numbers | {"a": LinearScheduler()}), refusal.value)


# Phases in a run. The reference refuses with the same class and quotes the same texts.

RATES = {"batches_per_epoch": 10, "samples_per_batch": 2, "tokens_per_batch": 7}
LATE = (
    "LinearScheduler(t_max='40ba').after_warmup('50ba')",
    "LinearScheduler(t_max='40ba').after_warmup('0.5dur')",
    "LinearScheduler(t_max='40ba').after_warmup('287tok')",
    "LinearScheduler(t_max='4ep').after_warmup('41ba')",
    "LinearScheduler().after_warmup('101ba')",
    "LinearScheduler().until('50ba', LinearScheduler(t_max='40ba'))",
    "LinearScheduler().until('350tok', PolynomialScheduler(2.0, '49ba'))",
    "StepScheduler('1ba').until('50ba', ConstantScheduler(0.5, '40ba'))",
    "LinearScheduler().cooldown('50ba', '40ba')",
    "LinearScheduler().cooldown('0.5dur', '49ba')",
    "a.until('50ba', a.until('40ba', a))",
    "a.until('50ba', a.cooldown('40ba'))",
    "a.until('40ba', a).after_warmup('50ba')",
    "a.cooldown('40ba').after_warmup('50ba')",
    "a.until('50ba', LinearScheduler(t_max='60ba').after_warmup('11ba'))",
    "WSDScheduler('60ba', '50ba')",
    "WSDScheduler('60ba', '30ba', '0.5dur')",
    "InverseSquareRootWithWarmupScheduler('60ba', t_max='50ba')",
    "InverseSquareRootWithWarmupScheduler('60ba', t_cooldown='5ba', t_max='50ba')",
    "OneCycleScheduler('0.5dur', '49ba')",
    "OneCycleScheduler('50ba', '49ba')",
    "PiecewiseScheduler([('50ba', 1.0), ('280tok', 0.5)])",
    "a.repeat('10ba') * LinearScheduler(t_max='8ba').after_warmup('9ba')",
    "LinearScheduler().after_warmup('11ba').repeat('10ba')",
    "LinearScheduler(t_max='0.5dur').after_warmup('6ba').repeat('10ba')",
    "LinearScheduler(t_max='9ba').after_warmup('10ba').advance('5ba')",
)


@pytest.mark.parametrize("text", LATE)
def test_a_phase_that_begins_after_its_end(text: str) -> None:
    """Both times are quoted, and the way out is told; equal times are accepted."""
    run = reference_run.Run(Time(100, "ba"), *RATES.values())
    names = {"a": PLAIN["StepScheduler"]("1ba")}, {"a": StepScheduler("1ba")}
    with pytest.raises(Refusal) as refusal:
        alpha(eval(text, PLAIN | names[0]), run, lambda clock: Fraction(0))
    assert len(refusal.value.quoted) == 2
    assert_refuses(lambda: eval(text, REAL | names[1]).resolve(real_run(run)), refusal.value)
    message = str(error_of(lambda: eval(text, REAL | names[1]).resolve(real_run(run))))
    assert "give" in message or "must be" in message


@pytest.mark.parametrize(
    "text",
    [
        "LinearScheduler(t_max='40ba').after_warmup('40ba')",
        "LinearScheduler(t_max='40ba').after_warmup('280tok')",
        "LinearScheduler(t_max='40ba').after_warmup('4ep')",
        "LinearScheduler(t_max='40ba').after_warmup('0.4dur')",
        "LinearScheduler().until('40ba', LinearScheduler(t_max='0.4dur'))",
        "LinearScheduler().cooldown('40ba', '280tok')",
        "WSDScheduler('60ba', '40ba')",
        "OneCycleScheduler('40ba', '40ba')",
        "LinearScheduler().after_warmup('10ba').repeat('10ba')",
        "PiecewiseScheduler([('40ba', 1.0), ('280tok', 0.5)])",
    ],
)
def test_an_empty_phase_is_none_the_less_one(text: str) -> None:
    curve = eval(text, REAL).resolve(Run("100ba", **RATES))
    tree, run = Tree(text), reference_run.Run(Time(100, "ba"), *RATES.values())
    for batch in (0, 1, 39, 40, 41, 60, 99, 100, 1000):
        exact = tree.alpha(run, clocks_at(run, batch))
        assert abs(curve.at_batch(batch) - float(exact)) <= 2.0**-51, batch


MISSING = (
    ("StepScheduler('1ba').until('5tok', StepScheduler('1ba'))", "tokens_per_batch"),
    (
        "MultiStepScheduler(['5tok']).until('5ba', StepScheduler('1ba'), carry=True)",
        "tokens_per_batch",
    ),
    ("StepScheduler('5tok').cooldown('5ba')", "tokens_per_batch"),
    ("StepScheduler('1ba').cooldown('5sp')", "samples_per_batch"),
    ("StepScheduler('1ba').after_warmup('5tok')", "tokens_per_batch"),
    ("(StepScheduler('1ba') * StepScheduler('5tok')).after_warmup('5ba')", "tokens_per_batch"),
    ("MultiStepScheduler(['5tok']).repeat('5ba')", "tokens_per_batch"),
    ("MultiStepScheduler(['5tok']).advance('5ba')", "tokens_per_batch"),
    ("MultiStepScheduler(['5tok']).delay('5ba')", "tokens_per_batch"),
    ("LinearScheduler(t_max='5tok').advance('1ba')", "tokens_per_batch"),
    ("LinearScheduler(t_max='1ep').delay('1ba')", "batches_per_epoch"),
    ("PiecewiseScheduler([('1ba', 1.0), ('5sp', 0.5)])", "samples_per_batch"),
    ("WSDScheduler('5tok')", "tokens_per_batch"),
    ("WSDScheduler('5ba', '5tok')", "tokens_per_batch"),
    ("CyclicScheduler('5tok').after_warmup('5ba')", "tokens_per_batch"),
    ("StepScheduler('1ba').cooldown('5sec')", "'sec'"),
    ("StepScheduler('1ba').repeat('5iter')", "'iter'"),
)


@pytest.mark.parametrize(("text", "fact"), MISSING)
def test_a_missing_fact_is_named(text: str, fact: str) -> None:
    error = error_of(lambda: eval(text, REAL).resolve("100ba"))
    assert type(error) is UnitError
    assert fact in str(error)
    with pytest.raises(Refusal) as refusal:
        Tree(text).notes(reference_run.Run(Time(100, "ba")))
    assert refusal.value.kind == "UnitError"


@pytest.mark.parametrize(
    "text",
    [
        # Each reads its own clock, and no place of one is asked for on another.
        "StepScheduler('1ba') * StepScheduler('5tok')",
        "MultiStepScheduler(['5tok', '3ba', '7sec'])",
        "MultiStepScheduler(['5tok']).after_warmup('5ba')",
        "ConstantScheduler(0.5, '90ba').after_warmup('5tok')",
        "StepScheduler('5tok').until('5ba', MultiStepScheduler(['5sec']))",
        "MultiStepScheduler(['5tok']).until('5ba', ConstantScheduler(0.5, '9sec'))",
        "StepScheduler('5sp').until('5ba', FunctionSchedule(stretched), carry=False)",
    ],
)
def test_clocks_that_do_not_meet_need_no_rates(text: str) -> None:
    run = reference_run.Run(Time(100, "ba"))
    curve = eval(text, REAL).resolve("100ba")
    reads = {"ba": 4, "tok": 30, "sp": 12, "sec": 8}
    for shift in (0, 1, 3, 100):
        clocks = {unit: Fraction(max(0, count - shift)) for unit, count in reads.items()}
        exact = Tree(text).alpha(run, clocks)
        timestamp = Timestamp(
            batch=int(clocks["ba"]),
            token=int(clocks["tok"]),
            sample=int(clocks["sp"]),
            total_wct=timedelta(seconds=int(clocks["sec"])),
        )
        assert abs(curve(timestamp) - float(exact)) <= 2.0**-51


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda text: CosineAnnealingWithWarmupScheduler(text), "t_warmup"),
        (lambda text: from_config({"name": "linear", "t_max": text}), "t_max"),
        (lambda text: epochal.parse(f"Step({text!r})"), "step_size"),
        (lambda text: MultiStepScheduler([text]), "each of milestones"),
        (lambda text: PiecewiseScheduler([(text, 1.0)]), "each time of points"),
        (lambda text: LinearScheduler().until(text, LinearScheduler()), "t"),
        (lambda text: LinearScheduler().replace(t_max=text), "t_max"),
        (lambda text: LinearScheduler().resolve(text), "run"),
        (lambda text: LinearScheduler().resolve("5ba")(text), "t"),
        (lambda text: Run(text), "max_duration"),
        (lambda text: Run("5ba").convert(text, "ba"), "time"),
        (lambda text: Timestamp(batch=text), "batch"),
    ],
)
def test_a_time_that_is_not_understood_names_its_argument(
    call: Callable[[str], Any], argument: str
) -> None:
    for text, wrong in (
        ("100", "has no unit: give a unit"),
        ("1e", "has a unit that is not known"),
    ):
        error = error_of(call, text)
        assert type(error) is TimeParseError
        assert str(error).startswith(f"{argument}: time string '{text}' {wrong}")
    fraction = error_of(call, "1.5ep")
    assert type(fraction) is FractionalCountError
    assert str(fraction).startswith(f"{argument}: time string '1.5ep' ")
    # A time by itself is nobody's argument.
    assert str(error_of(epochal.Time, "100")).startswith("time string '100' has no unit")


@pytest.mark.parametrize("name", [n for n in epochal.__all__ if n.endswith("Scheduler")])
def test_arguments_that_a_class_does_not_have(name: str) -> None:
    schedule = getattr(epochal, name)
    (known, *_) = inspect.signature(schedule).parameters
    for wrong, told in (
        (f"{known}s", f"did you mean '{known}'?"),
        ("zzz", "it has "),
        ("num_warmup_steps", "here it is called t_warmup"),
    ):
        error = error_of(schedule, **{wrong: 1})
        assert type(error) is TypeError
        assert str(error).startswith(f"{name} has no argument '{wrong}': {told}")


def test_the_nearest_argument() -> None:
    error = error_of(CosineAnnealingScheduler, alpha_min=0.1)
    assert str(error) == (
        "CosineAnnealingScheduler has no argument 'alpha_min': did you mean 'alpha_f'?"
    )


def test_a_subclass_and_a_class_are_no_schedules() -> None:
    for wrong in (LinearScheduler, StepScheduler, FunctionSchedule):
        with pytest.raises(TypeError, match=wrong.__name__):
            LinearScheduler().until("5ba", wrong)  # type: ignore[arg-type]


def test_a_warmup_that_is_longer_than_the_run() -> None:
    """As in a short trial of a long recipe: the message names the way out, which is one."""
    recipe = CosineAnnealingWithWarmupScheduler("100ba", alpha_f=0.1)
    error = error_of(lambda: recipe.resolve("50ba"))
    assert type(error) is ScheduleError
    for part in ("t_warmup '100ba'", "50ba", "give a later t_max, such as t_max='100ba'"):
        assert part in str(error)
    assert recipe.replace(t_max="100ba").resolve("50ba")(50) == 0.5


def test_a_warmup_that_is_longer_than_the_scaled_run() -> None:
    """It is not scaled, so that it would be longer than its own length as an end, which is."""
    recipe = CosineAnnealingWithWarmupScheduler("50ba", t_max="50ba")
    error = error_of(lambda: recipe.resolve(Run("100ba", scale_schedule_ratio=0.5)))
    assert str(error) == (
        "t_warmup '50ba' is longer than t_max '50ba': 50.0 > 25.0 'ba' in a run of 100ba "
        "(scale_schedule_ratio 0.5); give a later t_max, or a shorter t_warmup"
    )


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (
            LinearScheduler().cooldown("50ba", t_max="20ba"),
            "t '50ba' is after t_max '20ba': 50.0 > 20.0 'ba' in a run of 100ba; "
            "give a later t_max, such as t_max='50ba'",
        ),
        (
            LinearScheduler().cooldown("5ba").after_warmup("10ba"),
            "t_warmup '10ba' is longer than t '5ba': 10.0 > 5.0 'ba' in a run of 100ba; "
            "give a later t, such as t='10ba', or a shorter t_warmup",
        ),
    ],
)
def test_a_phase_that_ends_before_it_begins(schedule: Schedule, message: str) -> None:
    error = error_of(schedule.resolve, "100ba")
    assert type(error) is ScheduleError
    assert str(error) == message


@pytest.mark.parametrize("ratio", [0.01, 0.19, 0.21, 0.3, 1.0, 1.37])
def test_moments_that_only_rounding_parts_are_one(ratio: float) -> None:
    """22 of 31 batches as counts and as a fraction, one after the other and the other way round."""
    run = Run("31ba", tokens_per_batch=1, scale_schedule_ratio=ratio * 100)
    for one, other in (("22ba", f"{22 / 31}dur"), (f"{22 / 31}dur", "22ba")):
        cooled = LinearScheduler(0.5, 0.5).cooldown(one, t_max=other)
        points = PiecewiseScheduler([("0ba", 0.5), (one, 0.5), (other, 0.0)])
        until = LinearScheduler(0.5, 0.5, t_max=other).until(one, ConstantScheduler(0.0))
        for schedule in (cooled, points, until):
            curve = schedule.resolve(run)
            end = 2200 * ratio
            assert (curve(end * 0.999), curve(end * 1.001)) == (0.5, 0.0)
    with pytest.raises(ScheduleError, match="is after t_max"):
        LinearScheduler().cooldown(f"{22 / 31 + 1e-12}dur", t_max="22ba").resolve(run)


def test_trees_are_as_deep_as_that() -> None:
    deepest: Schedule = LinearScheduler()
    for _ in range(63):
        deepest = deepest.delay("1ba")
    assert deepest.resolve("100ba")(0) == 1.0
    with pytest.raises(ScheduleError, match="nested at most 64 levels deep, not 65"):
        deepest.delay("1ba")
