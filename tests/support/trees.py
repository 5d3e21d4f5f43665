"""Random trees: any operation over any schedules, functions among the leaves, in a run."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

from configs import NAMES, REQUIRED, START, Source, can_be_built, parameters, plain
from hypothesis import assume
from hypothesis import strategies as st
from reference import timestamp, tree
from reference.arguments import LENGTHS, MOMENTS
from reference.formulas import SHAPE_NAMES
from reference.phase import Notes, Part, Phase, total
from reference.run import Run
from reference.time import Time
from strategies import COUNT_UNITS, Draw, possible, ratios


@dataclass(frozen=True)
class Tree(Source):
    text: str


# Runs


@st.composite
def tree_runs(draw: Draw, ratio: st.SearchStrategy[float] | None = None) -> Run:
    """Up to some ten thousand batches, with all rates, measured in any of their units."""
    epoch, samples, tokens = (draw(st.sampled_from([1, 3, 10, 64])) for _ in range(3))
    batches = draw(st.integers(1, 100)) * epoch * draw(st.sampled_from([1, 10]))
    counts = {
        "ba": batches,
        "ep": batches // epoch,
        "sp": batches * samples,
        "tok": batches * tokens,
    }
    unit = draw(st.sampled_from(["ba", "ba", "ep", "sp", "tok"]))
    sigma = draw(ratios() if ratio is None else ratio)
    run = Run(Time(counts[unit], unit), epoch, samples, tokens, sigma)
    assume(possible(run))
    return run


def batches(run: Run) -> int:
    """The length before scaling."""
    count, divisor = run.exactly(int(run.max_duration.value), run.max_duration.unit, "ba")
    return count // divisor


Clocks = Mapping[str, Fraction]


def clocks_at(run: Run, batch: int) -> Clocks:
    state = run.at_batch(batch)
    return {unit: timestamp.clock(state, unit) for unit in COUNT_UNITS}


# Trees

_ALPHAS = st.sampled_from([0.0, 1.0, 0.1, 0.5, 1.5]) | st.floats(1e-9, 2)
_ABOVE_ZERO = st.sampled_from([1.0, 0.1, 0.5, 1.5]) | st.floats(1e-3, 2)
_SHAPES = st.sampled_from(SHAPE_NAMES)
_NUMBERS = {
    "gamma": st.sampled_from([0.1, 0.5, 0.9, 0.99, 1.0]) | st.floats(1e-3, 1),
    "power": st.sampled_from([0.5, 1.0, 2.0]) | st.floats(0.2, 6),
    "t_mult": st.sampled_from([1.0, 1.0, 2.0]),
}
_LEAVES = st.sampled_from(
    [
        "FunctionSchedule(falling)",
        "FunctionSchedule(stretched)",
        "FunctionSchedule(by_tokens)",
        "FunctionSchedule(stretched, units=('ba',))",
        "FunctionSchedule(by_tokens, units=('tok',))",
    ]
)
# What α that changes in jumps only is made of.
STEPS = ("StepScheduler", "MultiStepScheduler", "ConstantScheduler", "PiecewiseScheduler")
# A ratio of two values needs both above 0.
GEOMETRIC = {
    "warmup_shape": {"warmup_start"},
    "decay_shape": {"alpha_f"},
    "shape": {"alpha_i", "alpha_f"},
}
OPERATIONS = (
    *("product", "times_number", "plus_number", "clip"),
    *("after_warmup", "after_warmup", "until", "until", "cooldown"),
    *("repeat", "advance", "delay"),
)


@dataclass(frozen=True)
class Drawing:
    """Draws the parts of a tree for a run of so many batches, or for a cycle."""

    draw: Draw
    run: Run
    length: int
    functions: bool = True
    # Warmups and shifts are scaled with the run, so that the law of scaling holds.
    scaled: bool = False
    # α changes in jumps only.
    steps: bool = False

    def time(self, low: int, high: int) -> tuple[str, int]:
        """A number of batches, written in any unit that the run can convert."""
        n = self.draw(st.integers(low, max(low, high)))
        units: dict[str, int | float] = {
            "ba": n,
            "sp": n * self.run.batches("sp").denominator,
            "tok": n * self.run.batches("tok").denominator,
        }
        if n % self.run.batches("ep") == 0:
            units["ep"] = n // int(self.run.batches("ep"))
        if not self.scaled:
            # A fraction is rounded, so lengths that are equal need not be equal if scaled.
            units["dur"] = n / self.length
        unit = self.draw(st.sampled_from(["ba", "ba", *units]))
        return f"{units[unit]!r}{unit}", n

    def t_max(self, low: int) -> str:
        return "1dur" if self.draw(st.booleans()) else self.time(max(low, 1), self.length + 5)[0]

    def short(self, low: int = 1) -> tuple[str, int]:
        return self.time(low, max(low, self.length // 10))

    def shape(self) -> str:
        return "step" if self.steps else str(self.draw(_SHAPES))

    def scale(self) -> bool:
        return self.scaled or bool(self.draw(st.booleans()))

    def argument(self, key: str, low: int) -> object:
        """`low` is the earliest moment that lies within the phase."""
        if key == "t_max":
            return self.t_max(low)
        if key == "milestones":
            return [self.time(low, self.length)[0] for _ in range(self.draw(st.integers(1, 4)))]
        if key == "points":
            counts = st.lists(st.integers(low, self.length + low), min_size=1, max_size=5)
            return [(f"{n}ba", self.draw(_ABOVE_ZERO)) for n in sorted(self.draw(counts))]
        if key.endswith("shape"):
            return self.shape()
        if key == "scale_warmup":
            return self.scale()
        if key in (*LENGTHS, *MOMENTS):
            return self.short(0 if key == "t_warmup" else 1)[0]
        return self.draw(_NUMBERS.get(key, _ALPHAS))

    def leaf(self, low: int) -> str:
        if self.functions and not self.draw(st.integers(0, 4)):
            return str(self.draw(_LEAVES))
        name = self.draw(st.sampled_from(STEPS if self.steps else NAMES))
        given = {
            key: self.argument(key, low)
            for key, default in parameters(name).items()
            if default is REQUIRED
            or key in ("t_max", "scale_warmup")
            or key.endswith("shape")
            or self.draw(st.booleans())
        }
        for shape, alphas in GEOMETRIC.items():
            if given.get(shape) == "geometric":
                given |= {key: self.draw(_ABOVE_ZERO) for key in alphas & parameters(name).keys()}
        if name == "CyclicScheduler":
            # Both lengths are of one unit, and the peak is 1.
            given["t_up"], given["t_down"] = (f"{self.short()[1]}ba" for _ in range(2))
            given["alpha_i"] = self.draw(st.floats(0, 1))
        return f"{name}({written(given)})"

    def tree(self, depth: int, low: int = 0) -> str:
        if depth == 0 or not self.draw(st.integers(0, 4)):
            return self.leaf(low)
        operation = self.draw(st.sampled_from(OPERATIONS))
        return str(getattr(self, operation)(depth - 1, low))

    def operand(self, depth: int, low: int) -> str:
        """A tree, or a function as it is."""
        if self.functions and not self.draw(st.integers(0, 7)):
            return "stretched"
        return f"({self.tree(depth, low)})"

    # Operations

    def product(self, depth: int, low: int) -> str:
        return f"({self.tree(depth, low)}) * {self.operand(depth, low)}"

    def times_number(self, depth: int, low: int) -> str:
        return self.with_number("*", depth, low)

    def plus_number(self, depth: int, low: int) -> str:
        return self.with_number("+", depth, low)

    def with_number(self, operator: str, depth: int, low: int) -> str:
        both = [f"({self.tree(depth, low)})", repr(self.draw(_ALPHAS))]
        return f" {operator} ".join(self.draw(st.permutations(both)))

    def clip(self, depth: int, low: int) -> str:
        bounds = sorted([self.draw(_ALPHAS), self.draw(_ALPHAS)])
        return called(self.tree(depth, low), "clip", low=bounds[0], high=bounds[1])

    def after_warmup(self, depth: int, low: int) -> str:
        (t_warmup, n), shape = self.short(0), self.shape()
        start = self.draw(_ABOVE_ZERO if shape == "geometric" else _ALPHAS)
        child = self.tree(depth, low + n)
        return called(child, "after_warmup", t_warmup, start, shape=shape, scale=self.scale())

    def until(self, depth: int, low: int) -> str:
        t, n = self.time(low, self.length)
        then, carry = self.operand(depth, n), self.draw(st.booleans())
        return f"({self.tree(depth, low)}).until({t!r}, {then}, carry={carry})"

    def cooldown(self, depth: int, low: int) -> str:
        t, n = self.time(low, self.length)
        child, t_max, alpha_f = self.tree(depth, low), self.t_max(n), self.draw(_ABOVE_ZERO)
        return called(child, "cooldown", t, t_max=t_max, alpha_f=alpha_f, shape=self.shape())

    def repeat(self, depth: int, low: int) -> str:
        every, n = self.time(1, max(1, self.length // 2))
        return called(replace(self, length=n).tree(depth), "repeat", every)

    def advance(self, depth: int, low: int) -> str:
        return called(self.tree(depth, low), "advance", self.short(0)[0], scale=self.scale())

    def delay(self, depth: int, low: int) -> str:
        return called(self.tree(depth, low), "delay", self.short(0)[0], scale=self.scale())


def called(child: str, name: str, *given: object, **named: object) -> str:
    arguments = [*map(repr, given), written(named)]
    return f"({child}).{name}({', '.join(filter(None, arguments))})"


def written(arguments: dict[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())


@st.composite
def trees(
    draw: Draw,
    run: Run,
    depth: int = 5,
    functions: bool = True,
    scaled: bool = False,
    steps: bool = False,
) -> Tree:
    """A tree for this run; what `resolve` refuses is among them, but rare."""
    drawing = Drawing(draw, run, batches(run), functions, scaled, steps)
    found = Tree(drawing.tree(depth))
    assume(can_be_built(found))
    return found


# What a tree is like


def parts(value: object) -> Iterator[Any]:
    """All nodes and times of a tree."""
    if isinstance(value, Time):
        yield value
    elif isinstance(value, tree.Schedule):
        yield value
        for field in fields(value):
            yield from parts(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from parts(item)


def has_functions(source: Source) -> bool:
    return any(isinstance(part, tree.FunctionSchedule) for part in parts(plain(source.text)))


def edges(source: Source, run: Run) -> list[int]:
    """Batches at and beside those where α may turn or jump: its times, and sums of two of them."""
    phase = Phase(run, START.__getitem__, Notes())
    lengths = {phase.length(part) for part in parts(plain(source.text)) if isinstance(part, Time)}
    ends = {total((Part(1, length),), "ba", run) for length in lengths} | {Fraction(0)}
    sums = {math.floor(a + b) for a in ends for b in ends}
    end = math.ceil(total((Part(1, phase.length(Time(1.0, "dur"))),), "ba", run))
    found = {k + beside for k in sums | {end, 2 * end} for beside in (-1, 0, 1)}
    return sorted(k for k in found if 0 <= k <= 4 * end + 10)
