"""The values of every schedule and product against the reference, and the law of scaling."""

import decimal
import math
import operator
import pickle
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import epochal
import pytest
from epochal import (
    Curve,
    ExponentialScheduler,
    LinearScheduler,
    Run,
    Schedule,
    StepScheduler,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import run as reference_run
from reference.errors import Refusal
from reference.parity import error_of
from reference.schedules import Moment, precisely
from reference.time import UNITS, snapped_quotient
from reference.time import Time as PlainTime
from scheduler_classes import (
    FULL,
    complete_runs,
    every_schedule,
)
from strategies import (
    NAMES,
    Config,
    boundaries,
    configs,
    parameters,
    real_run,
)

# Values


def read(curve: Curve, t: float) -> float:
    """α where every clock reads t."""
    value: object = curve({unit: t for unit in UNITS if unit != "dur"})
    assert isinstance(value, float)
    if len(curve.units) == 1:
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
    assert set(curve.units) == {*first.units, *second.units}
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
