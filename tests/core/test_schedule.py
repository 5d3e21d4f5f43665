"""Schedules as values, and what is refused."""

import copy
import inspect
import math
import pickle
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import epochal
import pytest
from cases import Cases
from catalogue import (
    FULL,
    build,
    every_schedule,
    normal,
)
from configs import NAMES, REQUIRED, configs, parameters
from epochal import (
    ConstantScheduler,
    CosineAnnealingScheduler,
    CosineAnnealingWarmRestartsScheduler,
    EpochalError,
    ExponentialScheduler,
    InverseSquareRootScheduler,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    PiecewiseScheduler,
    PolynomialScheduler,
    Run,
    Schedule,
    ScheduleError,
    StepScheduler,
    Time,
    TimeParseError,
    Timestamp,
    UnitError,
    _core,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from reference.arguments import LENGTHS, MOMENTS
from reference.errors import Refusal, shown
from reference.named import NAMES as PLAIN
from reference.parity import agree, error_of
from sizes import costly
from strategies import (
    possible,
    real_run,
    runs,
)

# Construction


@every_schedule
def test_arguments_their_order_and_defaults(name: str) -> None:
    """Composer's, where the class is Composer's."""
    real, plain = inspect.signature(getattr(epochal, name)), inspect.signature(PLAIN[name])
    for ours, theirs in zip(real.parameters.values(), plain.parameters.values(), strict=True):
        assert (ours.name, ours.kind, ours.default) == (theirs.name, theirs.kind, theirs.default)
    assert list(FULL[name]) == list(real.parameters)


@every_schedule
@costly
@given(st.data())
def test_attributes(name: str, data: st.DataObject) -> None:
    config = data.draw(configs(name))
    real = config.real()
    assert isinstance(real, Schedule)
    assert type(real) is getattr(epochal, name)
    for key, default in parameters(name).items():
        value = getattr(real, key)
        expected = normal(key, config.arguments.get(key, default))
        assert value == expected
        assert type(value) is type(expected)
        assert key in dir(real)


@every_schedule
@costly
@given(st.data())
def test_repr_rebuilds(name: str, data: st.DataObject) -> None:
    real = data.draw(configs(name)).real()
    assert eval(repr(real), vars(epochal)) == real
    assert repr(eval(repr(real), vars(epochal))) == repr(real)


@every_schedule
def test_repr_has_every_argument(name: str) -> None:
    """But for what is given by keyword only, where it is the default."""
    for arguments in (FULL[name], {k: v for k, v in FULL[name].items() if required(name, k)}):
        defaults = {k: v for k, v in parameters(name).items() if not k.startswith("warmup_")}
        text = ", ".join(f"{k}={written(v)}" for k, v in (defaults | arguments).items())
        assert repr(build(name, arguments)) == f"{name}({text})"


def written(value: object) -> str:
    return shown(value) if type(value) is float else repr(value)


def required(name: str, key: str) -> bool:
    return parameters(name)[key] is REQUIRED


@every_schedule
def test_positional_and_normalized_arguments(name: str) -> None:
    arguments = FULL[name]
    schedule = build(name, arguments)
    named = {key: value for key, value in arguments.items() if key.startswith("warmup_")}
    in_order = [value for key, value in arguments.items() if key not in named]
    assert getattr(epochal, name)(*in_order, **named) == schedule
    times = {key: normal(key, value) for key, value in arguments.items()}
    assert build(name, times) == schedule
    whole = {k: int(v) if type(v) is float and v == int(v) else v for k, v in arguments.items()}
    assert build(name, whole) == schedule


@every_schedule
def test_every_argument_counts_in_equality(name: str) -> None:
    schedule = build(name, FULL[name])
    assert schedule == build(name, FULL[name])
    assert hash(schedule) == hash(build(name, FULL[name]))
    for key, value in FULL[name].items():
        changed = build(name, FULL[name] | {key: another(key, value)})
        assert changed != schedule
        assert not changed == schedule
        assert hash(changed) != hash(schedule)
    for different in ("", None, 0, FULL[name], Time("3ba")):
        assert schedule != different


def another(key: str, value: Any) -> Any:
    """Another good value of an argument."""
    if key == "milestones":
        return [*value, "7ba"]
    if key == "points":
        return [*value[:-1], ("8ba", value[-1][1])]
    if key == "shape" and isinstance(value, list):
        return ["step", *value[1:]]
    if key in (*LENGTHS, *MOMENTS):
        return "9ba" if key == "t_max" else "1ba"
    if isinstance(value, str):
        return "rex"
    return False if value is True else value / 2


@every_schedule
@costly
@given(st.data())
def test_copies(name: str, data: st.DataObject) -> None:
    real = data.draw(configs(name)).real()
    made = [pickle.loads(pickle.dumps(real, n)) for n in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    for again in (*made, copy.copy(real), copy.deepcopy(real)):
        assert again == real
        assert hash(again) == hash(real)
        assert type(again) is type(real)
        assert repr(again) == repr(real)


def test_milestones_are_any_iterable_in_any_order() -> None:
    expected = MultiStepScheduler(["5ba", "3ba", "3ba"])
    assert MultiStepScheduler(("5ba", "3ba", "3ba")) == expected
    assert MultiStepScheduler(text for text in ["5ba", "3ba", "3ba"]) == expected
    assert MultiStepScheduler([Time("5ba"), "3ba", Time("3ba")]) == expected
    run = Run("10ba")
    for order in (["3ba", "3ba", "5ba"], ["3ba", "5ba", "3ba"]):
        curve = MultiStepScheduler(order, 0.5).resolve(run)
        assert [curve(t) for t in (2, 3, 4, 5)] == [1.0, 0.25, 0.25, 0.125]
    empty = MultiStepScheduler([]).resolve(run)
    assert empty(0) == empty(100) == 1.0


# Errors at construction

NUMBERS: list[Any] = [-1, -0.001, 0, 0.5, 1, math.nan, math.inf, -math.inf, "1", True, None]
TIMES: list[Any] = ["0ba", "-1ba", "0dur", "-0.1dur", "1ba", "5", "5epp", "1.5ep", "", 5, None]
LISTS: list[Any] = ["3ba", 5, None, ["3ba", "-1ba"], ["x"], ["3ba", 5], [None], [], ["0ba"]]
FLAGS: list[Any] = [True, False, 0, 1, "no", None]
SHAPES: list[Any] = ["linear", "geometric", "step", "cubic", "Linear", "", 5, None, True]
MANY_SHAPES: list[Any] = [*SHAPES, [], ["rex"], ["rex"] * 3, ["rex", "cubic"], ["rex", 5], ("rex",)]
ROWS: list[Any] = [
    *("3ba", 5, None, [], [5], ["3ba"], [("3ba",)], [("3ba", 1.0, 1.0)], [(1.0, "3ba")]),
    *([(time, 1.0)] for time in TIMES),
    *([("3ba", 1.0), ("5ba", alpha)] for alpha in NUMBERS),
    [("5ba", 1.0), ("3ba", 1.0)],
    [("0.5dur", 1.0), ("0.25dur", 1.0)],
    [("3ba", 1.0), ("3ba", 0.5), ("3ba", 0.0)],
    [("5ba", 1.0), ("3tok", 1.0)],
]


def values(name: str, key: str) -> list[Any]:
    """What is tried for an argument."""
    if key in (*LENGTHS, *MOMENTS):
        return TIMES
    if key == "shape" and name == "PiecewiseScheduler":
        return MANY_SHAPES
    return {"milestones": LISTS, "points": ROWS, "scale_warmup": FLAGS}.get(
        key, SHAPES if key.endswith("shape") else NUMBERS
    )


def check_argument(name: str, key: str, value: Any) -> None:
    arguments = FULL[name] | {key: value}
    if key == "points":
        arguments["shape"] = "linear"

    def expected() -> None:
        PLAIN[name](**arguments)

    def real() -> None:
        build(name, arguments)

    agree(real, expected)


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_checked_at_construction(name: str) -> None:
    """The class of the error; the message names the argument and quotes the value."""
    with Cases() as cases:
        for key in parameters(name):
            for value in values(name, key):
                cases.try_one(f"{key}={value!r}", partial(check_argument, name, key, value))


@every_schedule
def test_missing_and_unknown_arguments(name: str) -> None:
    for key in FULL[name]:
        if required(name, key):
            rest = {k: v for k, v in FULL[name].items() if k != key}
            assert type(error_of(build, name, rest)) is TypeError
    assert type(error_of(build, name, FULL[name] | {"new": 1})) is TypeError
    assert type(error_of(getattr(epochal, name), *FULL[name].values(), 1)) is TypeError


def test_a_long_integer_is_quoted_as_given() -> None:
    for name, key in (("LinearScheduler", "alpha_i"), ("StepScheduler", "gamma")):
        error = error_of(build, name, FULL[name] | {key: 10**400})
        assert type(error) is ScheduleError
        assert key in str(error)
        assert str(10**40) in str(error)


def test_bare_numbers_are_told_to_take_a_unit() -> None:
    assert str(error_of(LinearScheduler, t_max=5)) == (
        "t_max must be a time with a unit, e.g. '5ep', not 5"
    )
    assert "give a unit, e.g. '5ep'" in str(error_of(LinearScheduler, t_max="5"))


# Errors at resolve, and clocks


@every_schedule
@costly
@given(st.data())
def test_clocks_and_missing_facts(name: str, data: st.DataObject) -> None:
    """Which clocks a curve reads, or why it cannot be: a fact is missing, a warmup too long."""
    config, run = data.draw(configs(name)), data.draw(runs().filter(possible))
    assume(config.arguments.get("milestones") != [])  # no clock at all

    def expected() -> list[str]:
        try:
            return config.clocks(run)
        except Refusal as refusal:
            # Of several faults any may be named.
            raise Refusal("EpochalError") if len(times) > 2 else refusal from None

    times = [key for key in parameters(name) if key in (*LENGTHS, *MOMENTS, "milestones", "points")]
    agree(lambda: [str(unit) for unit in config.real().resolve(real_run(run)).units], expected)


def test_a_missing_fact_is_named() -> None:
    for schedule, run, fact in (
        (
            LinearWithWarmupScheduler("1ba", t_max="1ep"),
            Run("10ba"),
            "'ep' needs batches_per_epoch",
        ),
        (LinearWithWarmupScheduler("1ba"), Run("10ep"), "'ep' needs batches_per_epoch"),
        (LinearWithWarmupScheduler("1tok"), Run("10ba"), "'tok' needs tokens_per_batch"),
        (LinearWithWarmupScheduler("1ba"), Run("10sp"), "'sp' needs samples_per_batch"),
        (StepScheduler("1ba").after_warmup("1sec"), Run("10ba"), "'sec'"),
        (StepScheduler("1ba").advance("1iter"), Run("10ba"), "'iter'"),
        (PiecewiseScheduler([("1ba", 1.0), ("1tok", 0.5)]), Run("10ba"), "tokens_per_batch"),
    ):
        error = error_of(schedule.resolve, run)
        assert type(error) is UnitError
        assert fact in str(error)


def test_a_long_warmup_is_refused_and_an_equal_one_is_not() -> None:
    run = Run("10ba", tokens_per_batch=7)
    for warmup, t_max in (("5ba", "4ba"), ("0.5dur", "4ba"), ("29tok", "4ba"), ("5ba", "0.4dur")):
        error = error_of(LinearWithWarmupScheduler(warmup, t_max=t_max).resolve, run)
        assert type(error) is ScheduleError
        assert f"'{warmup}'" in str(error)
        assert f"'{t_max}'" in str(error)
    for warmup, t_max in (("4ba", "4ba"), ("0.4dur", "4ba"), ("28tok", "4ba")):
        curve = LinearWithWarmupScheduler(warmup, alpha_f=0.5, t_max=t_max).resolve(run)
        assert [curve(t) for t in (0, 2, 4, 5, 99)] == [0.0, 0.5, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.7, 1 / 3, 0.01, 1.1, 2.0])
def test_equal_lengths_stay_equal(ratio: float) -> None:
    """On two clocks and scaled alike, a warmup as long as t_max is not longer, nor shorter."""
    for n, tokens in product(range(1, 60), (3, 7, 12, 100)):
        run = Run("10000ba", tokens_per_batch=tokens, scale_schedule_ratio=ratio)
        curve = LinearWithWarmupScheduler(
            f"{n * tokens}tok", t_max=f"{n}ba", alpha_f=0.25, scale_warmup=True
        ).resolve(run)
        assert curve(1000) == 1.0


def test_what_is_not_finite_within_the_run_is_refused() -> None:
    for schedule in (
        StepScheduler("1ba", 10),
        ExponentialScheduler(10, "1ba"),
        MultiStepScheduler([f"{n}ba" for n in range(1000)], 10),
        LinearScheduler(1e308) * LinearScheduler(1e308),
        LinearScheduler(1e308) * 10,
        LinearScheduler(1e308) + 1.7e308,
        LinearScheduler(1e308).after_warmup("1ba", start=10.0),
    ):
        assert type(error_of(schedule.resolve, Run("1000ba"))) is ScheduleError
    assert StepScheduler("1ba", 10).resolve(Run("300ba"))(300) == 1e300


@pytest.mark.parametrize(
    "huge",
    [
        ConstantScheduler(1e200),
        CosineAnnealingScheduler(alpha_f=1e200),
        CosineAnnealingWarmRestartsScheduler("100ba", alpha_f=1e200),
        ExponentialScheduler(1e200, "1dur"),
        InverseSquareRootScheduler("1ba", alpha_f=1e200),
        LinearScheduler(1.0, 1e200),
        MultiStepScheduler(["500ba"], 1e200),
        PiecewiseScheduler([("0ba", 1.0), ("500ba", 1e200)]),
        PolynomialScheduler(2.0, alpha_f=1e200),
        StepScheduler("300ba", 1e90),
    ],
    ids=repr,
)
def test_a_product_that_is_too_large_is_refused(huge: Schedule) -> None:
    """When it is resolved or when it is evaluated, and each of its factors is not."""
    assert huge.resolve("1000ba").grid().max() > 1e180
    assert type(error_of(lambda: (huge * huge).resolve("1000ba").grid())) is ScheduleError


def test_what_is_not_finite_is_no_value() -> None:
    """Where only evaluating tells, it is refused there, alone and among others."""
    huge = ConstantScheduler(1e200)
    curve = huge.until("500ba", huge, carry=True).resolve("600ba")
    assert curve(499) == 1e200
    calls: list[Callable[[], object]] = [
        lambda: curve(550),
        lambda: curve(Timestamp(batch=550)),
        lambda: curve.at_batch(550),
        lambda: curve([1, 550]),
        lambda: curve({"ba": [1, 550]}),
        lambda: curve.grid(),
        lambda: epochal.evaluate([curve], [1, 550]),
    ]
    for call in calls:
        assert type(error_of(call)) is ScheduleError


def test_resolve_takes_a_run_or_its_length() -> None:
    curve = LinearScheduler().resolve(Run("10ba"))
    assert LinearScheduler().resolve("10ba") == LinearScheduler().resolve(Time("10ba")) == curve
    for wrong in (None, 10, 0.5, LinearScheduler()):
        assert type(error_of(LinearScheduler().resolve, wrong)) is TypeError
    assert type(error_of(LinearScheduler().resolve, "10")) is TimeParseError
    for no_length in ("0.5dur", "0ba", "-5ba"):
        assert isinstance(error_of(LinearScheduler().resolve, no_length), EpochalError)


def test_minus_zero_is_zero() -> None:
    schedule = ConstantScheduler(-0.0)
    assert repr(schedule) == "ConstantScheduler(alpha=0.0, t_max='1dur')"
    assert math.copysign(1.0, schedule.resolve(Run("1ba"))(0)) == 1.0


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_core_wants_all_arguments_of_a_node(count: int) -> None:
    with pytest.raises(ScheduleError, match=rf"'Step' has 2 arguments, not {count}"):
        _core.build("Step", ["1ba", 0.5, 1.0][:count])
