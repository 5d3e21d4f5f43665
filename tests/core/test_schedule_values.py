"""The values of every schedule and product against the reference, and the law of scaling."""

import math
import operator
import pickle
from dataclasses import replace
from fractions import Fraction

import epochal
import pytest
from catalogue import (
    FULL,
    complete_runs,
    every_schedule,
)
from configs import CONVERTIBLE, Config, arguments, boundaries, configs
from epochal import (
    Curve,
    ExponentialScheduler,
    LinearScheduler,
    Run,
    Schedule,
    StepScheduler,
)
from exactness import all_at, clock_of, config_fault, length, scale
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import run as reference_run
from reference.errors import Refusal
from reference.parity import error_of
from reference.time import Time as PlainTime
from reference.time import snapped_quotient
from sizes import costly, sized
from strategies import COUNT_UNITS, real_run

# Values


def read(curve: Curve, t: float) -> float:
    """α where every clock reads t."""
    value: object = curve(dict.fromkeys(COUNT_UNITS, t))
    assert isinstance(value, float)
    if len(curve.units) == 1:
        assert value == curve(t)
    return value


def assert_exact(config: Config, run: reference_run.Run, curve: Curve, t: float) -> None:
    fault = config_fault(config, run, t, read(curve, t))
    assert fault is None, fault


def resolved(config: Config, run: reference_run.Run) -> Curve:
    try:
        config.clocks(run)
    except Refusal:
        assume(False)
    return config.real().resolve(real_run(run))


@every_schedule
@costly
@given(st.data())
def test_values_at_and_beside_every_boundary(name: str, data: st.DataObject) -> None:
    config, run = data.draw(configs(name)), data.draw(complete_runs)
    curve, points = resolved(config, run), boundaries(config, run)
    # Clocks read whole numbers, or seconds to the microsecond.
    between = st.floats(1e-6, max(points))
    for t in (*points, *data.draw(st.lists(between, max_size=3))):
        assert_exact(config, run, curve, t)


@every_schedule
@costly
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
        for t in range(0, 300, sized(1, 3)):
            assert_exact(config, run, curve, t)


DECAYS = [name for name in FULL if "alpha_f" in FULL[name] and "t_max" in FULL[name]]


@given(configs(*DECAYS, units=CONVERTIBLE))
def test_both_ends_are_exact_and_the_last_holds(config: Config) -> None:
    """α(0) is alpha_i, or what a warmup starts from; α(T) and all later values are alpha_f."""
    run = reference_run.Run(PlainTime(1000, "ba"), 10, 10, 10)
    curve, given = resolved(config, run), arguments(config)
    end, w = length(given["t_max"], run), Fraction(0)
    if "t_warmup" in given:
        w = length(given["t_warmup"], run, given["scale_warmup"], clock_of(given["t_max"], run))
    assume(w < end)
    after = math.ceil(end)
    for t in (after, after + 1, 10 * after, 2**53, 1e300):
        assert read(curve, t) == given["alpha_f"]
    top = given.get("alpha_i", 1.0)
    assert read(curve, 0) == (given["warmup_start"] * top if w else top)


# The law of scaling


@every_schedule
@costly
@given(st.data(), st.integers(1, 300))
def test_scaling_is_a_change_of_clock(name: str, data: st.DataObject, percent: int) -> None:
    """α_σ(t) = α(t/σ), for every schedule with `scale_warmup=True` and every one without warmup.

    "1dur", a default, is scaled alike since the run's length is a whole number before and after.
    """
    given = dict(data.draw(configs(name, units=("iter", "ep", "ba", "sp", "tok"))).arguments)
    if "t_warmup" in given:
        given["scale_warmup"] = True
    if "t_mult" in given:
        given["t_mult"] = math.ceil(given["t_mult"])  # so that cycles end at whole numbers
    config, run = Config(name, given), data.draw(complete_runs)
    hundreds = PlainTime(int(run.max_duration.value) * 100, run.max_duration.unit)
    run = replace(run, max_duration=hundreds, ratio=percent / 100)
    plain = replace(run, ratio=1.0)
    scaled_curve, plain_curve = resolved(config, run), resolved(config, plain)
    for t in boundaries(config, run):
        whole = snapped_quotient(t, run.ratio)
        there = t / run.ratio if whole is None else whole
        difference = abs(read(scaled_curve, t) - read(plain_curve, there))
        allowed = slack(config, plain, there)
        if name == "InverseSquareRootWithWarmupScheduler":
            # It goes on from its value at a moment that is rounded.
            allowed += float(config.spread(run, all_at(t)))
        assert difference <= allowed, (t, there)


def slack(config: Config, plain: reference_run.Run, t: float) -> float:
    """How far apart the two may be: each has its own error and its own rounding of lengths.

    At a jump the side on which α goes on counts: there both must be behind it. The peak of a cycle
    is none, and steep on one side only.
    """
    if config.name in ("StepScheduler", "MultiStepScheduler", "ConstantScheduler"):
        return 0.0
    side = max if config.name == "CyclicScheduler" else min
    return scale(config) * 2.0**-50 + 4 * float(side(config.sides(plain, all_at(t))))


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
    run = Run("10ba", batches_per_epoch=10)
    for together in (a * b * c, a * (b * c)):
        assert eval(repr(together), vars(epochal)) == together
        curve = together.resolve(run)
        assert curve(2) == pytest.approx(0.25 * 0.5 * 0.5**0.2, rel=2**-51)
    assert a * b != b * a
    assert a * b != a


@pytest.mark.parametrize("wrong", [None, "1ba", True, 1j, Run("10ba"), LinearScheduler], ids=repr)
def test_what_is_neither_schedule_nor_number_is_no_operand(wrong: object) -> None:
    a = LinearScheduler()
    for operation in (operator.mul, operator.add):
        assert type(error_of(operation, a, wrong)) is TypeError
        assert type(error_of(operation, wrong, a)) is TypeError
    for operation in (operator.sub, operator.truediv, operator.pow):
        assert type(error_of(operation, a, 2)) is TypeError
    assert type(error_of(operator.add, a, a)) is TypeError
