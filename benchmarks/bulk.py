"""Curves over arrays, against the same formula written with other libraries.

Each peer is written for speed: in place, with the fewest passes, and without what the curve at hand
does not need. Before a contest is held its two sides must agree.
"""

import math
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import epochal
import numpy as np
import numpy.typing as npt
from contest import Contest, MissingError, Statements, load

Floats = npt.NDArray[np.float64]
Formula = Callable[[], Any]  # computes the curve; gives what NumPy reads as an array

GROUP = "Arrays of 1e6 times, one thread"
LARGE_GROUP = "Arrays of 1e7 times"
SMALL_GROUP = "Arrays of one time"

POINTS = 1_000_000
LARGE = 10_000_000
WARMUP = 10_000.0
PERIOD = 10_000.0
GAMMA = 0.9
MILESTONES = 100
MANY_POINTS = 10_000


def against(
    schedule: epochal.Schedule,
    times: npt.NDArray[Any],
    formula: Formula,
    tolerance: float = 1e-13,
    relative: float = 0.0,
) -> Statements:
    """The curve of a schedule, in place, against another way to compute it."""
    curve = schedule.resolve(epochal.Run(f"{len(times)}ba"))
    out = np.empty(len(times))
    curve(times, out=out)
    np.testing.assert_allclose(np.asarray(formula()), out, rtol=relative, atol=tolerance)
    names = {"curve": curve, "t": times, "out": out, "formula": formula}
    return Statements("curve(t, out=out)", "formula()", names)


def sorted_times(points: int = POINTS) -> Floats:
    return np.arange(points, dtype=np.float64)


def shuffled_times(points: int = POINTS) -> Floats:
    return np.random.default_rng(0).permutation(sorted_times(points))


# Cosine with warmup


def cosine(points: int = POINTS) -> epochal.Schedule:
    assert points > WARMUP
    return epochal.CosineAnnealingWithWarmupScheduler(f"{WARMUP:.0f}ba", t_max="1dur")


def plain_cosine(t: Floats, end: float = POINTS) -> Floats:
    """Warmup and cosine as one would write them with NumPy."""
    decay = 0.5 * (1 + np.cos(np.pi * np.clip((t - WARMUP) / (end - WARMUP), 0, 1)))
    result: Floats = np.where(t < WARMUP, t / WARMUP, decay)
    return result


def cosine_in_place() -> Statements:
    """The fewest passes that we could find: what the ramp overwrites needs no upper bound."""
    t = sorted_times()
    out, early = np.empty_like(t), np.empty(len(t), dtype=bool)

    def formula() -> Floats:
        np.subtract(POINTS, t, out=out)
        np.maximum(out, 0, out=out)
        np.multiply(out, 0.5 * np.pi / (POINTS - WARMUP), out=out)
        np.sin(out, out=out)
        np.multiply(out, out, out=out)
        np.less(t, WARMUP, out=early)
        return np.divide(t, WARMUP, out=out, where=early)

    return against(cosine(), t, formula)


def cosine_plain() -> Statements:
    t = sorted_times()
    return against(cosine(), t, lambda: plain_cosine(t))


def cosine_numba() -> Statements:
    numba = load("numba")

    def loop(t: Floats, out: Floats) -> Floats:
        scale = 0.5 * math.pi / (POINTS - WARMUP)
        for i in range(len(t)):
            if t[i] < WARMUP:
                out[i] = t[i] / WARMUP
            else:
                root = math.sin(max(POINTS - t[i], 0.0) * scale)
                out[i] = root * root
        return out

    compiled = numba.njit(error_model="numpy")(loop)
    t = sorted_times()
    return against(cosine(), t, partial(compiled, t, np.empty_like(t)))


def cosine_torch() -> Statements:
    torch = load("torch")
    torch.set_num_threads(1)
    t = sorted_times()
    tensor, out = torch.from_numpy(t), torch.empty(len(t), dtype=torch.float64)
    ramp = torch.empty_like(out)

    def formula() -> Any:
        torch.sub(tensor, POINTS, out=out)
        out.mul_(-0.5 * math.pi / (POINTS - WARMUP)).clamp_(0, 0.5 * math.pi).sin_().square_()
        torch.mul(tensor, 1 / WARMUP, out=ramp)
        return out.mul_(ramp.clamp_(max=1))

    return against(cosine(), t, formula)


def cosine_optax() -> Statements:
    """Compiled for float64. Its arrays cannot be written to, so each call makes one."""
    jax, optax = load("jax"), load("optax")
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    schedule = optax.warmup_cosine_decay_schedule(0.0, 1.0, int(WARMUP), POINTS, 0.0)
    compiled = jax.jit(schedule)
    t = sorted_times()
    counts = jax.numpy.asarray(t)
    assert compiled(counts).dtype == np.float64
    return against(cosine(), t, lambda: compiled(counts).block_until_ready())


# Other curves


def linear() -> Statements:
    t = sorted_times()
    out = np.empty_like(t)

    def formula() -> Floats:
        np.subtract(POINTS, t, out=out)
        np.maximum(out, 0, out=out)
        return np.multiply(out, 1 / POINTS, out=out)

    return against(epochal.LinearScheduler(), t, formula)


def polynomial(power: float) -> Statements:
    t = sorted_times()
    out = np.empty_like(t)

    def formula() -> Floats:
        np.subtract(POINTS, t, out=out)
        np.maximum(out, 0, out=out)
        np.multiply(out, 1 / POINTS, out=out)
        return np.square(out, out=out) if power == 2 else np.power(out, power, out=out)

    return against(epochal.PolynomialScheduler(power=power), t, formula)


def exponential() -> epochal.Schedule:
    return epochal.ExponentialScheduler(GAMMA, f"{PERIOD:.0f}ba")


def exponential_plain() -> Statements:
    t = sorted_times()
    return against(exponential(), t, lambda: GAMMA ** (t / PERIOD), 0, relative=1e-13)


def exponential_in_place() -> Statements:
    t = sorted_times()
    out = np.empty_like(t)
    rate = math.log(GAMMA) / PERIOD

    def formula() -> Floats:
        return np.exp(np.multiply(t, rate, out=out), out=out)

    return against(exponential(), t, formula, 0, relative=1e-13)


def multi_step(count: int, t: Floats) -> Statements:
    milestones = np.arange(1, count + 1) * (POINTS // (count + 1))
    levels = GAMMA ** np.arange(count + 1)
    schedule = epochal.MultiStepScheduler([f"{m}ba" for m in milestones], gamma=GAMMA)
    places = milestones.astype(np.float64)  # of the type of the times, which saves a conversion
    return against(schedule, t, lambda: levels[np.searchsorted(places, t, side="right")])


def step() -> Statements:
    t = sorted_times()
    out, index = np.empty_like(t), np.empty(len(t), dtype=np.intp)
    levels = GAMMA ** np.arange(POINTS / PERIOD + 1)

    def formula() -> Floats:
        np.divide(t, PERIOD, out=out)
        np.copyto(index, out, casting="unsafe")
        # "clip" writes straight into `out`; the default checks in a copy.
        return np.take(levels, index, out=out, mode="clip")

    return against(epochal.StepScheduler(f"{PERIOD:.0f}ba", gamma=GAMMA), t, formula)


def restarts() -> Statements:
    t = sorted_times()
    out, whole = np.empty_like(t), np.empty_like(t)

    def formula() -> Floats:
        np.divide(t, PERIOD, out=out)
        np.floor(out, out=whole)
        np.subtract(out, whole, out=out)
        np.multiply(out, 0.5 * np.pi, out=out)
        np.cos(out, out=out)
        return np.square(out, out=out)

    schedule = epochal.CosineAnnealingWarmRestartsScheduler(f"{PERIOD:.0f}ba")
    return against(schedule, t, formula, tolerance=1e-12)


def inverse_square_root() -> Statements:
    t = sorted_times()
    out = np.empty_like(t)

    def formula() -> Floats:
        np.add(t, PERIOD, out=out)
        np.divide(PERIOD, out, out=out)
        return np.sqrt(out, out=out)

    schedule = epochal.InverseSquareRootScheduler(f"{PERIOD:.0f}ba")
    return against(schedule, t, formula)


def points(times: list[int], t: npt.NDArray[Any]) -> Statements:
    """Straight lines through points at these times."""
    values = np.random.default_rng(1).random(len(times))
    places = np.array(times, dtype=np.float64)
    pairs = [(f"{time}ba", float(value)) for time, value in zip(times, values, strict=True)]
    return against(epochal.PiecewiseScheduler(pairs), t, lambda: np.interp(t, places, values))


def few_points() -> Statements:
    return points([0, POINTS // 10, POINTS * 7 // 10, POINTS], np.arange(POINTS))


def many_points(t: Floats) -> Statements:
    return points(list(range(0, POINTS, POINTS // MANY_POINTS)), t)


def wsd() -> Statements:
    """Warmup, a level, and a decay along 1 - sqrt, for times in any order."""
    t = sorted_times()
    out, early = np.empty_like(t), np.empty(len(t), dtype=bool)
    start = 0.9 * POINTS

    def formula() -> Floats:
        np.subtract(t, start, out=out)
        np.maximum(out, 0, out=out)
        np.multiply(out, 1 / (POINTS - start), out=out)
        np.sqrt(out, out=out)
        np.subtract(1, out, out=out)
        np.less(t, WARMUP, out=early)
        return np.divide(t, WARMUP, out=out, where=early)

    schedule = epochal.WSDScheduler(f"{WARMUP:.0f}ba", decay_shape="1-sqrt")
    return against(schedule, t, formula)


# Floors: no curve can be cheaper than to read the times and to write the values


def copy_of_integers(schedule: epochal.Schedule, points: int) -> Statements:
    t = np.arange(points)
    out, copy = np.empty(points), np.empty(points)
    curve = schedule.resolve(epochal.Run(f"{points}ba"))
    names = {"curve": curve, "t": t, "out": out, "copy": copy, "copyto": np.copyto}
    return Statements("curve(t, out=out)", "copyto(copy, t)", names)


def floor_of(contest: Callable[[], Statements]) -> Statements:
    """What bounds a contest: to read its times and to write as many values, and nothing else."""
    statements = contest()
    names = statements.names | {"copyto": np.copyto}
    return replace(statements, ours="copyto(out, t)", names=names)


def fill() -> Statements:
    curve = epochal.ConstantScheduler(0.5).resolve(epochal.Run(f"{POINTS}ba"))
    out, filled = np.empty(POINTS), np.empty(POINTS)
    filled.fill(0.5)
    np.testing.assert_array_equal(curve.grid(out=out), filled)
    names = {"curve": curve, "out": out, "filled": filled}
    return Statements("curve.grid(out=out)", "filled.fill(0.5)", names)


# Other sizes


def two_threads() -> Statements:
    if (os.cpu_count() or 1) < 2:
        raise MissingError("this machine has one CPU")
    t = sorted_times(LARGE)
    curve = cosine(LARGE).resolve(epochal.Run(f"{LARGE}ba"))
    out = np.empty_like(t)
    one, two = "curve(t, out=out, threads=1)", "curve(t, out=out, threads=2)"
    names = {"curve": curve, "t": t, "out": out}
    by_one, by_two = (np.array(eval(statement, names)) for statement in (one, two))
    np.testing.assert_array_equal(by_one, by_two)
    return Statements(two, one, names)


def many_curves() -> Statements:
    t = sorted_times(10_000)
    run = epochal.Run(f"{len(t)}ba")
    curves = [epochal.CosineAnnealingScheduler(alpha_f=i / 100).resolve(run) for i in range(100)]
    out = np.empty((len(curves), len(t)))

    def one_by_one() -> Floats:
        for curve, row in zip(curves, out, strict=True):
            curve(t, out=row)
        return out

    np.testing.assert_array_equal(epochal.evaluate(curves, t), one_by_one())
    names = {"evaluate": epochal.evaluate, "curves": curves, "t": t, "out": out, "peer": one_by_one}
    return Statements("evaluate(curves, t, out=out)", "peer()", names)


def one_point() -> Statements:
    t = np.array([POINTS / 2])
    curve = cosine().resolve(epochal.Run(f"{POINTS}ba"))
    np.testing.assert_allclose(plain_cosine(t), curve(t), rtol=0, atol=1e-13)
    return Statements("curve(t)", "plain(t)", {"curve": curve, "t": t, "plain": plain_cosine})


def multi_step_sorted() -> Statements:
    return multi_step(3, sorted_times())


def multi_step_shuffled() -> Statements:
    return multi_step(MILESTONES, shuffled_times())


def many_points_sorted() -> Statements:
    return many_points(sorted_times())


def many_points_shuffled() -> Statements:
    return many_points(shuffled_times())


COSINE = "cosine with warmup"
CONTESTS = [
    Contest(GROUP, f"{COSINE} : NumPy in place", 1 / 6, cosine_in_place, in_readme=True),
    Contest(GROUP, f"{COSINE} : plain NumPy", 1 / 12, cosine_plain, in_readme=True),
    Contest(GROUP, f"{COSINE} : numba, in place", 1 / 5, cosine_numba, in_readme=True),
    Contest(GROUP, f"{COSINE} : torch, in place", None, cosine_torch, in_readme=True),
    Contest(GROUP, f"{COSINE} : optax, compiled, x64", 1 / 3.5, cosine_optax, in_readme=True),
    Contest(GROUP, "linear : NumPy in place", 1 / 4, linear, in_readme=True),
    Contest(GROUP, "power 2 : NumPy in place", 1 / 4, partial(polynomial, 2.0)),
    Contest(GROUP, "power 0.7 : NumPy in place", 1 / 1.4, partial(polynomial, 0.7)),
    Contest(GROUP, "exponential : γ ** (t / ρ)", 1 / 4, exponential_plain),
    Contest(GROUP, "exponential : np.exp in place", 0.8, exponential_in_place, in_readme=True),
    Contest(GROUP, "multi-step of 3 : levels[searchsorted]", 1 / 5, multi_step_sorted),
    Contest(
        GROUP,
        f"multi-step of {MILESTONES}, shuffled : levels[searchsorted]",
        1 / 6,
        multi_step_shuffled,
        in_readme=True,
    ),
    Contest(GROUP, "step : look-up in NumPy, in place", 1 / 4, step),
    Contest(GROUP, "warm restarts : NumPy in place", 1 / 6, restarts, in_readme=True),
    Contest(GROUP, "inverse square root : NumPy in place", 1 / 2, inverse_square_root),
    Contest(GROUP, "WSD, 1-sqrt : NumPy in place", 1 / 5, wsd),
    Contest(GROUP, "4 points, of int64 : np.interp", 0.12, few_points),
    Contest(GROUP, f"{MANY_POINTS} points : np.interp", 1 / 4, many_points_sorted),
    Contest(GROUP, f"{MANY_POINTS} points, shuffled : np.interp", 1 / 3, many_points_shuffled),
    Contest(
        GROUP,
        "linear of int64 : np.copyto",
        None,
        partial(copy_of_integers, epochal.LinearScheduler(), POINTS),
    ),
    Contest(
        GROUP,
        "np.copyto : NumPy's linear in place",
        None,
        partial(floor_of, linear),
        in_readme=True,
    ),
    Contest(
        GROUP,
        "np.copyto : NumPy's power 2 in place",
        None,
        partial(floor_of, partial(polynomial, 2.0)),
    ),
    Contest(GROUP, "np.copyto : NumPy's look-up in place", None, partial(floor_of, step)),
    Contest(GROUP, "constant, grid : fill", None, fill),
    Contest(GROUP, "evaluate, 100 curves of 1e4 : a call for each", None, many_curves),
    Contest(
        LARGE_GROUP,
        f"{COSINE} of int64 : np.copyto",
        1.5,
        partial(copy_of_integers, cosine(LARGE), LARGE),
        in_readme=True,
    ),
    Contest(LARGE_GROUP, f"{COSINE}, two threads : one", 1 / 1.7, two_threads, in_readme=True),
    Contest(SMALL_GROUP, f"{COSINE} : plain NumPy", 1 / 8, one_point, in_readme=True),
]
