"""The thirteen schedules: construction, errors, and every value against the exact one."""

import copy
import decimal
import inspect
import math
import operator
import pickle
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import epochal
import pytest
from epochal import (
    Curve,
    ExponentialScheduler,
    LinearScheduler,
    LinearWithWarmupScheduler,
    MultiStepScheduler,
    Run,
    Schedule,
    ScheduleError,
    StepScheduler,
    Time,
    UnitError,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import run as reference_run
from reference.arguments import check
from reference.errors import Refusal
from reference.parity import agree, error_of
from reference.schedules import Moment, precisely
from reference.time import UNITS, snapped_quotient
from reference.time import Time as PlainTime
from strategies import (
    NAMES,
    Config,
    boundaries,
    configs,
    parameters,
    possible,
    real_run,
    runs,
)

every_schedule = pytest.mark.parametrize("name", NAMES)
complete_runs = runs(complete=True).filter(possible)
REQUIRED = inspect.Parameter.empty

# One of each, with every argument given.
FULL: dict[str, dict[str, Any]] = {
    "StepScheduler": {"step_size": "3ba", "gamma": 0.5},
    "MultiStepScheduler": {"milestones": ["3ba", "5ep"], "gamma": 0.5},
    "ConstantScheduler": {"alpha": 0.5, "t_max": "3ba"},
    "LinearScheduler": {"alpha_i": 0.5, "alpha_f": 0.25, "t_max": "3ba"},
    "ExponentialScheduler": {"gamma": 0.5, "decay_period": "3ba"},
    "CosineAnnealingScheduler": {"t_max": "3ba", "alpha_f": 0.25},
    "CosineAnnealingWarmRestartsScheduler": {"t_0": "3ba", "t_mult": 2.0, "alpha_f": 0.25},
    "PolynomialScheduler": {"power": 3.0, "t_max": "3ba", "alpha_f": 0.25},
    "MultiStepWithWarmupScheduler": {
        "t_warmup": "2ba",
        "milestones": ["3ba", "0.5dur"],
        "gamma": 0.5,
        "scale_warmup": True,
    },
    "ConstantWithWarmupScheduler": {
        "t_warmup": "2ba",
        "alpha": 0.5,
        "t_max": "3ba",
        "scale_warmup": True,
    },
    "LinearWithWarmupScheduler": {
        "t_warmup": "2ba",
        "alpha_i": 0.5,
        "alpha_f": 0.25,
        "t_max": "3ba",
        "scale_warmup": True,
    },
    "CosineAnnealingWithWarmupScheduler": {
        "t_warmup": "2ba",
        "t_max": "3ba",
        "alpha_f": 0.25,
        "scale_warmup": True,
    },
    "PolynomialWithWarmupScheduler": {
        "t_warmup": "2ba",
        "power": 3.0,
        "t_max": "3ba",
        "alpha_f": 0.25,
        "scale_warmup": True,
    },
}


def build(name: str, arguments: dict[str, Any]) -> Schedule:
    return Config(name, arguments).real()


def normal(name: str, value: object) -> object:
    """An argument as an attribute gives it."""
    if isinstance(value, list | tuple):
        return tuple(Time(milestone) for milestone in value)
    return Time(value) if isinstance(value, str) else value


# Construction


@every_schedule
def test_arguments_and_defaults_are_composers(name: str) -> None:
    signature = inspect.signature(getattr(epochal, name))
    given_defaults = {key: value.default for key, value in signature.parameters.items()}
    assert list(given_defaults.items()) == list(parameters(name).items())
    assert list(FULL[name]) == list(given_defaults)


@every_schedule
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
@given(st.data())
def test_repr_rebuilds(name: str, data: st.DataObject) -> None:
    real = data.draw(configs(name)).real()
    assert eval(repr(real), vars(epochal)) == real
    assert repr(eval(repr(real), vars(epochal))) == repr(real)


@every_schedule
def test_repr_has_every_argument(name: str) -> None:
    for arguments in (FULL[name], {k: v for k, v in FULL[name].items() if required(name, k)}):
        shown = parameters(name) | arguments
        text = ", ".join(f"{key}={value!r}" for key, value in shown.items())
        assert repr(build(name, arguments)) == f"{name}({text})"


def required(name: str, key: str) -> bool:
    return parameters(name)[key] is REQUIRED


@every_schedule
def test_positional_and_normalized_arguments(name: str) -> None:
    arguments = FULL[name]
    schedule = build(name, arguments)
    assert getattr(epochal, name)(*arguments.values()) == schedule
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
        other: Any = [*value, "7ba"] if isinstance(value, list) else "1ba"
        if isinstance(value, float | bool):
            other = False if value is True else value + 1
        changed = build(name, FULL[name] | {key: other})
        assert changed != schedule
        assert not changed == schedule
        assert hash(changed) != hash(schedule)
    for different in ("", None, 0, FULL[name], Time("3ba")):
        assert schedule != different


def test_schedules_of_one_shape_are_equal_only_to_their_own_kind() -> None:
    schedules = [build(name, FULL[name]) for name in NAMES]
    assert len(set(schedules)) == len(NAMES)
    assert all(a != b for i, a in enumerate(schedules) for b in schedules[:i])


@every_schedule
@given(st.data())
def test_copies(name: str, data: st.DataObject) -> None:
    real = data.draw(configs(name)).real()
    made = [pickle.loads(pickle.dumps(real, n)) for n in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    for again in (*made, copy.copy(real), copy.deepcopy(real)):
        assert again == real
        assert hash(again) == hash(real)
        assert type(again) is type(real)
        assert repr(again) == repr(real)


@every_schedule
def test_immutable(name: str) -> None:
    schedule = build(name, FULL[name])
    before = repr(schedule)
    for key in (*FULL[name], "new", "resolve"):
        with pytest.raises(AttributeError):
            setattr(schedule, key, 1)
        with pytest.raises(AttributeError):
            delattr(schedule, key)
    assert repr(schedule) == before
    assert not hasattr(schedule, "no_such_argument")


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


def cases() -> list[Any]:
    found = []
    for name in NAMES:
        for key in parameters(name):
            values = NUMBERS
            if key == "milestones":
                values = LISTS
            elif key.startswith(("t_w", "t_m", "t_0", "step", "decay")) and key != "t_mult":
                values = TIMES
            elif key == "scale_warmup":
                values = [True, False, 0, 1, "no", None]
            found += [
                pytest.param(name, key, value, id=f"{name}-{key}-{str(value)[:12]}")
                for value in values
            ]
    return found


@pytest.mark.parametrize(("name", "key", "value"), cases())
def test_arguments_are_checked_at_construction(name: str, key: str, value: Any) -> None:
    """The class of the error; the message names the argument and quotes the value."""

    def expected() -> None:
        check({key: value})

    def real() -> None:
        build(name, FULL[name] | {key: value})

    agree(real, expected)


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
@given(st.data())
def test_clocks_and_missing_facts(name: str, data: st.DataObject) -> None:
    """Which clocks a curve reads, or why it cannot be: a fact is missing, a warmup too long."""
    config, run = data.draw(configs(name)), data.draw(runs().filter(possible))
    assume(config.arguments.get("milestones") != [])  # no clock at all
    agree(
        lambda: [str(unit) for unit in config.real().resolve(real_run(run)).clocks],
        lambda: config.clocks(run),
    )


def test_a_missing_fact_is_named() -> None:
    for schedule, run, fact in (
        (StepScheduler("1ep"), Run("10ba"), "'ep' needs batches_per_epoch"),
        (LinearScheduler(), Run("10ep"), "'ep' needs batches_per_epoch"),
        (LinearWithWarmupScheduler("1tok"), Run("10ba"), "'tok' needs tokens_per_batch"),
        (LinearWithWarmupScheduler("1ba"), Run("10sp"), "'sp' needs samples_per_batch"),
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
    ):
        assert type(error_of(schedule.resolve, Run("1000ba"))) is ScheduleError
    assert StepScheduler("1ba", 10).resolve(Run("300ba"))(300) == 1e300


def test_resolve_takes_a_run() -> None:
    for wrong in ("10ba", None, 10, Time("10ba")):
        assert type(error_of(LinearScheduler().resolve, wrong)) is TypeError


# Values


def read(curve: Curve, t: float) -> float:
    """α where every clock reads t."""
    value: object = curve({unit: t for unit in UNITS if unit != "dur"})
    assert isinstance(value, float)
    if len(curve.clocks) == 1:
        assert value == curve(t)
    return value


def scale(config: Config) -> float:
    """The largest α."""
    alphas = [float(v) for k, v in config.arguments.items() if k.startswith("alpha")]
    return max([1.0, *alphas])


def allowed(config: Config, run: reference_run.Run, exact: Decimal) -> Decimal:
    """How far α may be from the exact value."""
    absolute = Decimal(scale(config)) / 2**51
    ulp = Decimal(math.ulp(float(exact)))
    if "Polynomial" in config.name:
        # The roundings of T - t, of T - w and of their quotient are half an ulp each of u, up to
        # one ulp each of α, and a power multiplies them.
        conditioned = (4 + 3 * Decimal(config.arguments.get("power", 2.0))) * ulp
        return conditioned if goes_to_zero(config, run) else max(conditioned, absolute)
    if config.name == "ExponentialScheduler":
        # The rounding of the exponent t/ρ is one of |t/ρ·ln(γ)| ulp of α.
        conditioned = (4 + (abs(exact.ln()) if exact else 0)) * ulp
        return min(conditioned, absolute)
    return min(4 * ulp, absolute) if goes_to_zero(config, run) else absolute


def goes_to_zero(config: Config, run: reference_run.Run) -> bool:
    """Then small values are as exact as large ones."""
    if config.name.startswith("Constant"):
        return False
    if config.name == "CosineAnnealingWarmRestartsScheduler":
        # The end of a cycle must be exact for that, as it is if all lengths are whole.
        first = Moment(run, {}).length(config.arguments["t_0"]).times(1)
        if Fraction(config.arguments.get("t_mult", 1.0)).denominator * first.denominator != 1:
            return False
    return float(config.arguments.get("alpha_f", 0.0)) == 0


def assert_exact(config: Config, run: reference_run.Run, curve: Curve, t: float) -> None:
    exact = config.alpha(run, dict.fromkeys(UNITS, Fraction(t)))
    value = read(curve, t)
    with decimal.localcontext(precisely()):
        error = abs(Decimal(value) - exact)
        assert error <= allowed(config, run, exact), (
            f"α({t}) is {value!r}, not {float(exact)!r}: "
            f"off by {float(error / Decimal(math.ulp(float(exact)))):.3} ulp, {float(error):.3}"
        )


def resolved(config: Config, run: reference_run.Run) -> Curve:
    try:
        config.clocks(run)
    except Refusal:
        assume(False)
    return config.real().resolve(real_run(run))


@every_schedule
@given(st.data())
def test_values_at_and_beside_every_boundary(name: str, data: st.DataObject) -> None:
    config, run = data.draw(configs(name)), data.draw(complete_runs)
    curve, points = resolved(config, run), boundaries(config, run)
    # Clocks read whole numbers, or seconds to the microsecond.
    between = st.floats(1e-6, max(points))
    for t in (*points, *data.draw(st.lists(between, max_size=3))):
        assert_exact(config, run, curve, t)


@every_schedule
@given(st.data())
def test_values_of_long_runs(name: str, data: st.DataObject) -> None:
    """Counters up to 2^53."""
    config = data.draw(configs(name, units=("tok", "dur"), longest=2**53))
    run = reference_run.Run(PlainTime(data.draw(st.integers(2**30, 2**53)), "tok"), ratio=1.0)
    curve, points = resolved(config, run), boundaries(config, run)
    for t in (*points, 2**53 - 1, 2**53):
        assert_exact(config, run, curve, float(t))


# The smallest ratio that makes 3 × ratio × 10 more than 3 by the count rule, and its neighbours.
TENTH = [math.nextafter(0.1, 0.0), 0.1, math.nextafter(0.1, 1.0), math.nextafter(0.1, 1.0) + 2**-55]


@pytest.mark.parametrize("ratio", TENTH, ids=["below", "0.1", "above", "far above"])
@pytest.mark.parametrize("name", ["StepScheduler", "CosineAnnealingWarmRestartsScheduler"])
def test_repeated_lengths_meet_whole_points_by_the_count_rule(name: str, ratio: float) -> None:
    first = "step_size" if name == "StepScheduler" else "t_0"
    run = reference_run.Run(PlainTime(10000, "ba"), ratio=ratio)
    for count in (3, 7, 10, 999):
        config = Config(name, {first: f"{count}ba"})
        curve = resolved(config, run)
        for t in range(300):
            assert_exact(config, run, curve, t)


DECAYS = [name for name in NAMES if "alpha_f" in FULL[name] and "t_max" in FULL[name]]
CONVERTIBLE = ("ep", "ba", "sp", "tok", "dur")


@given(configs(*DECAYS, units=CONVERTIBLE))
def test_the_end_is_exact_and_holds(config: Config) -> None:
    """α(T) is alpha_f itself, and so is every later value; α(0) is the formula's own."""
    run = reference_run.Run(PlainTime(1000, "ba"), 10, 10, 10)
    curve = resolved(config, run)
    w, end = ramp_and_end(config, run)
    assume(w < end)
    arguments = parameters(config.name) | config.arguments
    after = math.ceil(end)
    for t in (after, after + 1, 10 * after, 2**53, 1e300):
        assert read(curve, t) == arguments["alpha_f"]
    start, final = arguments.get("alpha_i", 1.0), arguments["alpha_f"]
    assert read(curve, 0) == (0.0 if w else final + (start - final))


def ramp_and_end(config: Config, run: reference_run.Run) -> tuple[Fraction, Fraction]:
    """w and T of a decay."""
    arguments, moment = parameters(config.name) | config.arguments, Moment(run, {})
    end = moment.length(arguments["t_max"])
    if "t_warmup" not in arguments:
        return Fraction(0), end.real
    return moment.warmup(arguments["t_warmup"], arguments["scale_warmup"], end.clock), end.real


# The law of scaling


@every_schedule
@given(st.data(), st.integers(1, 300))
def test_scaling_is_a_change_of_clock(name: str, data: st.DataObject, percent: int) -> None:
    """α_σ(t) = α(t/σ), for every schedule with `scale_warmup=True` and every one without warmup.

    "1dur", a default, is scaled alike since the run's length is a whole number before and after.
    """
    arguments = dict(data.draw(configs(name, units=("iter", "ep", "ba", "sp", "tok"))).arguments)
    if "t_warmup" in arguments:
        arguments["scale_warmup"] = True
    if "t_mult" in arguments:
        arguments["t_mult"] = math.ceil(arguments["t_mult"])  # so that cycles end at whole numbers
    config, run = Config(name, arguments), data.draw(complete_runs)
    hundreds = PlainTime(int(run.max_duration.value) * 100, run.max_duration.unit)
    run = replace(run, max_duration=hundreds, ratio=percent / 100)
    scaled, plain = resolved(config, run), resolved(config, replace(run, ratio=1.0))
    for t in boundaries(config, run):
        whole = snapped_quotient(t, run.ratio)
        there = t / run.ratio if whole is None else whole
        difference = abs(read(scaled, t) - read(plain, there))
        assert difference <= slack(config, run, there), (t, there)


def slack(config: Config, run: reference_run.Run, t: float) -> float:
    """How far apart the two may be: each has its own error and its own rounding of lengths."""
    if config.name in ("StepScheduler", "MultiStepScheduler", "ConstantScheduler"):
        return 0.0
    arguments = parameters(config.name) | config.arguments
    plain = replace(run, ratio=1.0)
    rounding = 0.0  # of u
    if "t_0" in arguments:
        # The count rule moves t/σ by half an ulp of σ; or it is rounded.
        rounding = 2.0**-52 * t / float(Moment(plain, {}).length(arguments["t_0"]).real)
    elif config.name in DECAYS:
        w, end = ramp_and_end(config, plain)
        # T, w and t, half an ulp each, on both sides and in both differences.
        rounding = 0.0 if w == end else 2.0**-50 * float(end / (end - w))
    power = float(arguments.get("power", 1.0))
    steepest = max(math.pi / 2, power) * rounding if power >= 1 else rounding**power
    return scale(config) * (2.0**-50 + steepest)


# Products


@given(configs(), configs(), complete_runs)
def test_products(a: Config, b: Config, run: reference_run.Run) -> None:
    first, second = resolved(a, run), resolved(b, run)
    both = a.real() * b.real()
    assert isinstance(both, Schedule)
    assert repr(both) == f"{a.real()!r} * {b.real()!r}"
    assert eval(repr(both), vars(epochal)) == both == pickle.loads(pickle.dumps(both))
    assert hash(both) == hash(a.real() * b.real())
    curve = both.resolve(real_run(run))
    assert set(curve.clocks) == {*first.clocks, *second.clocks}
    for t in boundaries(a, run)[:10]:
        assert read(curve, t) == read(first, t) * read(second, t)


def test_products_of_products() -> None:
    a, b, c = StepScheduler("1ba", 0.5), LinearScheduler(t_max="4ba"), ExponentialScheduler(0.5)
    assert eval(repr(a * (b * c)), vars(epochal)).resolve is not None
    run = Run("10ba", batches_per_epoch=10)
    for together in (a * b * c, a * (b * c)):
        curve = together.resolve(run)
        assert curve(2) == pytest.approx(0.25 * 0.5 * 0.5**0.2, rel=2**-51)
    assert a * b != b * a
    assert a * b != a
    for wrong in (2, 0.5, None, "1ba", Run("10ba")):
        assert type(error_of(operator.mul, a, wrong)) is TypeError
        assert type(error_of(operator.mul, wrong, a)) is TypeError


# Curves as values


@every_schedule
def test_curves_are_values(name: str) -> None:
    schedule = build(name, FULL[name])
    run = Run("10ba", batches_per_epoch=2, scale_schedule_ratio=2.0)
    curve = schedule.resolve(run)
    assert curve.schedule == schedule
    assert curve.run == run
    assert repr(curve) == f"{schedule!r}.resolve({run!r})"
    for again in (eval(repr(curve), vars(epochal)), copy.copy(curve), copy.deepcopy(curve)):
        assert again == curve
        assert hash(again) == hash(curve)
    assert pickle.loads(pickle.dumps(curve)) == curve
    assert schedule.resolve(Run("10ba", batches_per_epoch=2)) != curve
    with pytest.raises(AttributeError):
        curve.run = run  # type: ignore[misc]
