"""Schedules that the tests draw: every class with its arguments, as an expression.

The package and the reference both read the expression.
"""

import decimal
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

import epochal
from epochal import Schedule
from hypothesis import assume
from hypothesis import strategies as st
from reference import named as reference_named
from reference import phase as reference_phase
from reference import run as reference_run
from reference import time as reference_time
from reference import tree as reference_tree
from reference.arguments import LENGTHS, MOMENTS
from reference.errors import Refusal
from reference.formulas import SHAPE_NAMES, precisely
from reference.time import UNITS
from strategies import COUNT_UNITS, Draw


def falling(state: Any) -> float:
    return 1.0 / (1 + int(state.timestamp.batch))


def stretched(state: Any, ssr: float = 1.0) -> float:
    return ssr / (ssr + int(state.timestamp.batch))


def by_tokens(state: Any, ssr: float = 1.0) -> float:
    return 1000.0 * ssr / (1000.0 * ssr + int(state.timestamp.token))


# What an expression may name. The functions read the package's state and the reference's.
FUNCTIONS = {function.__name__: function for function in (falling, stretched, by_tokens)}
REAL: dict[str, Any] = {**vars(epochal), **FUNCTIONS}
PLAIN: dict[str, Any] = {**reference_named.NAMES, **FUNCTIONS}
# All that a curve may read, at the start.
START = dict.fromkeys(COUNT_UNITS, Fraction(0))
# How far a time that is counted from a rounded moment may be off, in relation to itself: a few
# halves of a unit in the last place.
ROUNDING = Fraction(1, 2**51)


@lru_cache(maxsize=1000)
def plain(text: str) -> reference_tree.Schedule:
    schedule = eval(text, PLAIN)
    assert isinstance(schedule, reference_tree.Schedule)
    return schedule


# α, how exact it is and what was seen are asked for at the same moment.
@lru_cache(maxsize=1000)
def evaluated(
    text: str, run: reference_run.Run, clocks: tuple[tuple[str, Fraction], ...], off: Fraction
) -> tuple[Decimal, reference_phase.Notes]:
    notes = reference_phase.Notes()
    return reference_tree.alpha(plain(text), run, dict(clocks).__getitem__, notes, off), notes


class Source:
    """A schedule as an expression, which the package and the reference both read."""

    text: str

    def real(self) -> Schedule:
        schedule = eval(self.text, REAL)
        assert isinstance(schedule, Schedule)
        return schedule

    def alpha(
        self,
        run: reference_run.Run,
        clocks: Mapping[str, Fraction],
        off: Fraction = Fraction(0),
    ) -> Decimal:
        return evaluated(self.text, run, tuple(clocks.items()), off)[0]

    def notes(
        self, run: reference_run.Run, clocks: Mapping[str, Fraction] = START
    ) -> reference_phase.Notes:
        """What was seen; what `resolve` refuses is refused here."""
        return evaluated(self.text, run, tuple(clocks.items()), Fraction(0))[1]

    def clocks(self, run: reference_run.Run) -> list[str]:
        """Those that its curve reads."""
        return sorted(self.notes(run).clocks, key=UNITS.index)

    def sides(self, run: reference_run.Run, clocks: Mapping[str, Fraction]) -> list[Decimal]:
        """How much α changes if every time that is read is later, or earlier, by its rounding."""
        exact = self.alpha(run, clocks)
        others = [self.alpha(run, clocks, off) for off in (ROUNDING, -ROUNDING)]
        with decimal.localcontext(precisely()):
            return [abs(other - exact) for other in others]

    def spread(self, run: reference_run.Run, clocks: Mapping[str, Fraction]) -> Decimal:
        """How far α may be off where time counts from, or α is taken at, a rounded moment.

        At a jump beside such a moment it is as large as the jump: α may be on either side.
        """
        return max(self.sides(run, clocks)) if self.notes(run, clocks).between else Decimal(0)


@dataclass(frozen=True)
class Config(Source):
    """A schedule by name and arguments."""

    name: str
    arguments: dict[str, Any]

    def __post_init__(self) -> None:
        given = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        object.__setattr__(self, "text", f"{self.name}({given})")

    @property
    def times(self) -> list[str]:
        """Its times, as given."""
        found: list[str] = []
        for name, value in self.arguments.items():
            if name == "milestones":
                found += value
            elif name == "points":
                found += [time for time, _ in value]
            elif name in (*LENGTHS, *MOMENTS) and value is not None:
                found.append(value)
        return found

    @property
    def alphas(self) -> list[float]:
        """Its values of α, as given."""
        found: list[float] = []
        for name, value in self.arguments.items():
            if name == "points":
                found += [alpha for _, alpha in value]
            elif name.startswith("alpha"):
                found.append(value)
        return found


NAMES = sorted(name for name in reference_named.NAMES if name.endswith("Scheduler"))
# Without a value of its own an argument has none.
REQUIRED = inspect.Parameter.empty


@cache
def parameters(name: str) -> Mapping[str, Any]:
    """The arguments of a schedule and their defaults; `REQUIRED` for none."""
    signature = inspect.signature(reference_named.NAMES[name])
    return MappingProxyType({key: value.default for key, value in signature.parameters.items()})


def arguments(config: Config) -> dict[str, Any]:
    """Those that are given, and the defaults of the others."""
    return {**parameters(config.name), **config.arguments}


_HUNDREDTHS = st.integers(1, 150).map(lambda n: n / 100)
# Not below 1e-9: the product of two such numbers is a float.
_ALPHAS = st.sampled_from([0.0, 1.0, 0.1, 0.5, 2.0, 1e-3]) | st.floats(1e-9, 4)
_SHAPES = st.sampled_from(SHAPE_NAMES)

_OTHERS: dict[str, st.SearchStrategy[Any]] = {
    "gamma": st.sampled_from([0.1, 0.5, 0.9, 0.99, 0.0, 1.0]) | st.floats(0, 1),
    "alpha": _ALPHAS,
    "alpha_i": _ALPHAS,
    "alpha_f": st.just(0.0) | _ALPHAS,
    "alpha_f_decay": st.just(0.0) | _ALPHAS,
    "alpha_f_cooldown": st.just(0.0) | _ALPHAS,
    "power": st.sampled_from([0.5, 1.0, 2.0, 3.0]) | st.floats(0.1, 8),
    "t_mult": st.sampled_from([1.0, 1.0, 1.0, 1.5, 2.0, 3.0, 1.1]),
    "scale_warmup": st.booleans(),
    "warmup_start": st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.0]) | st.floats(1e-9, 2),
    "warmup_shape": _SHAPES,
    "decay_shape": _SHAPES,
    "shape": _SHAPES,
}


@st.composite
def lengths(draw: Draw, units: tuple[str, ...] = UNITS, longest: int = 1000) -> str:
    """Short against the runs above, so that points beyond the end are common."""
    unit = draw(st.sampled_from(units))
    if unit != "dur":
        return f"{draw(st.integers(1, longest))}{unit}"
    return f"{draw(_HUNDREDTHS | _ANY_DURATION)!r}dur"


CONVERTIBLE = ("ep", "ba", "sp", "tok", "dur")
# Not below 0.01: between so many steps there is no whole number.
_ANY_DURATION = st.floats(0.01, 1.5)


@st.composite
def points(
    draw: Draw, units: tuple[str, ...] = UNITS, longest: int = 1000
) -> list[tuple[str, float]]:
    """Of one unit, in order; some at equal times."""
    unit = draw(st.sampled_from(units))
    if unit == "dur":
        times = draw(st.lists(st.integers(0, 150).map(lambda n: n / 100), min_size=1, max_size=6))
    else:
        times = draw(st.lists(st.integers(0, longest), min_size=1, max_size=6))
    return [(f"{time!r}{unit}", draw(_ALPHAS)) for time in sorted(times)]


@st.composite
def configs(draw: Draw, *names: str, units: tuple[str, ...] = UNITS, longest: int = 1000) -> Config:
    """Any class; arguments valid at construction, some left to their defaults."""
    name = draw(st.sampled_from(names or NAMES))
    if draw(st.integers(0, 3)):
        # Mostly units that the run converts into one another.
        units = tuple(unit for unit in units if unit in CONVERTIBLE) or units
    length = lengths(units, longest)
    arguments: dict[str, Any] = {}
    for key, default in parameters(name).items():
        if default is not REQUIRED and not draw(st.integers(0, 4)):
            continue
        if key == "points":
            arguments[key] = draw(points(units, longest))
        elif key == "shape" and name == "PiecewiseScheduler" and draw(st.booleans()):
            pieces = len(arguments["points"]) - 1
            arguments[key] = draw(st.lists(_SHAPES, min_size=pieces, max_size=pieces))
        elif key in _OTHERS:
            arguments[key] = draw(_OTHERS[key])
        elif key == "milestones":
            arguments[key] = draw(st.lists(length, max_size=5))
        else:
            arguments[key] = draw(length)
    if arguments.get("t_warmup", "0") != "0" and draw(st.integers(0, 2)):
        # Mostly shorter than the rest of the schedule; at times as long.
        unit = draw(st.sampled_from(units))
        warmups = [f"{draw(st.integers(0, 20))}{unit}", "0ba", arguments.get("t_max", "0.1dur")]
        arguments["t_warmup"] = draw(st.sampled_from(warmups))
    if name == "CyclicScheduler":
        # Both lengths are of one unit, and the peak is 1.
        unit = draw(st.sampled_from(units))
        arguments |= {key: draw(lengths((unit,), longest)) for key in ("t_up", "t_down")}
        arguments["alpha_i"] = draw(st.floats(0, 1))
    if name == "WSDScheduler" and draw(st.integers(0, 3)):
        # Mostly there is room for the decay.
        unit = draw(st.sampled_from(units))
        pair = [draw(lengths((unit,), longest)) for _ in range(2)]
        pair.sort(key=lambda text: float(text.removesuffix(unit)))
        arguments["t_decay"], arguments["t_max"] = pair
    config = Config(name, arguments)
    assume(can_be_built(config))
    return config


def can_be_built(source: Source) -> bool:
    try:
        plain(source.text)
    except Refusal:
        return False
    return True


def boundaries(config: Config, run: reference_run.Run) -> list[int]:
    """Whole points at and beside those where its formula changes, or would if truncated.

    Counters above 2^53 are not exact in a float, so no point is.
    """
    points = {0, 1}
    phase = reference_phase.Phase(run, START.__getitem__, reference_phase.Notes())
    for text in config.times:
        length = phase.length(reference_time.parse(text))
        for n in (1, 2, 3, 10, 1000):
            place = (reference_phase.Part(n, length),)
            end = math.floor(reference_phase.total(place, length.clock, run))
            points |= {end - 1, end, end + 1, end // 2}
    return sorted(point for point in points if 0 <= point <= 2**53)
