"""How close α must be to the exact value, of trees and of single schedules."""

import decimal
import math
import sys
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from configs import Config, Source, arguments, plain
from reference import named, tree
from reference import run as reference_run
from reference.formulas import precisely
from reference.phase import Notes, Part, Phase, total
from reference.time import parse
from strategies import COUNT_UNITS
from trees import Clocks, has_functions

# Half a unit in the last place of 1.
HALF = 2.0**-53
# Below it a float has fewer digits.
SMALLEST = sys.float_info.min


# Trees


def bounds(part: tree.Schedule) -> tuple[float, float]:
    """How large α may be, and how far off: each tail by 2^-51 of its largest α, each operation
    by what its operands are off and by the rounding of its own result.

    Numbers below the smallest normal one have fewer digits.
    """
    match part:
        case tree.Product(a, b) | tree.Until(a, _, b, True):
            (size, error), (other, its_error) = bounds(a), bounds(b)
            both = size * other
            return max(size, both), error + error * other + its_error * size + both * HALF
        case tree.Until(a, _, b, False):
            (size, error), (other, its_error) = bounds(a), bounds(b)
            return max(size, other), max(error, its_error)
        case tree.Scaled(a, factor):
            size, error = bounds(a)
            return size * factor, error * factor + size * factor * HALF
        case tree.Lifted(a, alpha):
            size, error = bounds(a)
            return size + alpha, error + (size + alpha) * HALF
        case tree.Clipped(a, low):
            size, error = bounds(a)
            return max(size, low), error
        case tree.Warmup(a, _, start):
            size, error = bounds(a)
            largest = max(1.0, start)
            return size * largest, error * largest + size * largest * 4 * HALF
        case tree.Cooldown(a, _, _, alpha_f) | named.Ending(a, _, _, alpha_f):
            size, error = bounds(a)
            return max(size, alpha_f), error + max(size, alpha_f) * 4 * HALF
        case tree.Repeated(a) | tree.Advanced(a) | tree.Delayed(a):
            return bounds(a)
    size = max(1.0, *alphas(part))
    return size, size * 4 * HALF


def alphas(tail: tree.Schedule) -> list[float]:
    """The values of α that a tail is given."""
    points = [alpha for _, alpha in getattr(tail, "points", ())]
    return points + [getattr(tail, name, 0.0) for name in ("alpha", "alpha_i", "alpha_f")]


@lru_cache(maxsize=1000)
def error_of_parts(text: str) -> Decimal:
    return Decimal(bounds(plain(text))[1] + SMALLEST)


def can_be_told(source: Source, run: reference_run.Run, clocks: Clocks) -> bool:
    """Not where a function reads whole counts of a time that is none."""
    return not (source.notes(run, clocks).between and has_functions(source))


def tree_fault(source: Source, run: reference_run.Run, clocks: Clocks, value: float) -> str | None:
    """What is wrong with α, if it is off by more than the sum of what the parts may be off.

    Where time counts from a moment between two counts, or α is taken at one, that moment is
    rounded, and α as steep as it is there.
    """
    allowed = error_of_parts(source.text)
    exact = source.alpha(run, clocks)
    if near(value, exact, allowed):
        return None
    spread = source.spread(run, clocks)
    with decimal.localcontext(precisely()):
        if near(value, exact, allowed + 2 * spread):
            return None
    return (
        f"{value!r}, not {float(exact)!r}: off by more than {float(allowed):.3} and twice "
        f"{float(spread):.3}"
    )


def near(value: float, exact: Decimal, allowed: Decimal) -> bool:
    """A NaN is near to nothing."""
    with decimal.localcontext(precisely()):
        return math.isfinite(value) and abs(Decimal(value) - exact) <= allowed


# Single schedules


def all_at(t: float) -> dict[str, Fraction]:
    return dict.fromkeys(COUNT_UNITS, Fraction(t))


def scale(config: Config) -> float:
    """The largest α."""
    start = float(config.arguments.get("warmup_start", 0.0))
    return max([1.0, *map(float, config.alphas)]) * max(1.0, start)


def allowed(config: Config, run: reference_run.Run, t: float, exact: Decimal) -> Decimal:
    """How far α may be from the exact value: four units in the last place if α falls to 0.

    Else 2^-51 of the largest, and what the rounding of moments between two counts adds.
    """
    absolute = Decimal(scale(config)) / 2**51
    if goes_to_zero(config, run):
        return min(4 * Decimal(math.ulp(float(exact))), absolute)
    return absolute + config.spread(run, all_at(t))


def goes_to_zero(config: Config, run: reference_run.Run) -> bool:
    """Then small values are as exact as large ones."""
    if config.name.startswith(("Constant", "Cyclic", "Piecewise", "OneCycle")):
        return False
    if config.name == "InverseSquareRootWithWarmupScheduler":
        # Its cooldown begins at a value that is rounded itself.
        return False
    if config.name == "CosineAnnealingWarmRestartsScheduler":
        # The end of a cycle must be exact for that, as it is if all lengths are whole.
        first = length(config.arguments["t_0"], run)
        if Fraction(config.arguments.get("t_mult", 1.0)).denominator * first.denominator != 1:
            return False
    given = arguments(config)
    if config.name == "WSDScheduler":
        # So must be the start of its decay.
        lengths = [length(given[key], run) for key in ("t_max", "t_decay")]
        if any(found.denominator != 1 for found in lengths):
            return False
    return float(given.get("alpha_f", 0.0)) == float(given.get("warmup_start", 0.0)) == 0


def at_start(run: reference_run.Run) -> Phase:
    return Phase(run, all_at(0).__getitem__, Notes())


def clock_of(text: str, run: reference_run.Run) -> str:
    return at_start(run).clock(parse(text))


def length(text: str, run: reference_run.Run, scaled: bool = True, clock: str = "") -> Fraction:
    """On a clock; on its own if none is named."""
    found = at_start(run).length(parse(text), scaled)
    return total((Part(1, found),), clock or found.clock, run)


def config_fault(config: Config, run: reference_run.Run, t: float, value: float) -> str | None:
    """What is wrong with α where every clock reads t."""
    exact = config.alpha(run, all_at(t))
    with decimal.localcontext(precisely()):
        if near(value, exact, allowed(config, run, t, exact)):
            return None
        error = abs(Decimal(value) - exact)
        return (
            f"α({t}) is {value!r}, not {float(exact)!r}: off by "
            f"{float(error / Decimal(math.ulp(float(exact)))):.3} ulp, {float(error):.3}"
        )
