"""What a contest is, and how its two sides are measured."""

import importlib
import math
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from timeit import Timer
from typing import Any, NamedTuple, Protocol


class Effort(NamedTuple):
    """How long to measure."""

    rounds: int
    seconds_per_turn: float


NORMAL = Effort(rounds=21, seconds_per_turn=0.01)
QUICK = Effort(rounds=5, seconds_per_turn=0.002)


class MissingError(Exception):
    """A contest cannot be held here; the text says why."""


def load(module: str) -> Any:
    """A peer's module. Whatever stops its import is a reason that the peer is missing."""
    try:
        return importlib.import_module(module)
    except Exception as error:
        raise MissingError(f"{type(error).__name__}: {error}") from error


class Sides(Protocol):
    """Ours and the peer's, ready to be measured."""

    @property
    def unit(self) -> str:
        """Of what is measured: s or B."""

    def measure(self, effort: Effort) -> list[tuple[float, float]]:
        """What ours and the peer take in each round, in `unit`."""


@dataclass(frozen=True)
class Contest:
    """A ratio that matters: what epochal takes over what the peer takes."""

    group: str
    name: str
    goal: float | None  # the highest ratio that we accept
    prepare: Callable[[], Sides]  # checks that both do the same; MissingError if there is no peer
    in_readme: bool = False


class Spread(NamedTuple):
    """Median and quartiles."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


@dataclass(frozen=True)
class Outcome:
    """What was measured, or why it was not."""

    contest: Contest
    unit: str = ""
    ours: Spread | None = None
    peer: Spread | None = None
    ratio: Spread | None = None
    missing: str = ""

    @property
    def verdict(self) -> str:
        if self.ratio is None:
            return "missing"
        if self.contest.goal is None:
            return ""
        return "met" if self.ratio.median <= self.contest.goal else "not met"


def hold(contest: Contest, effort: Effort) -> Outcome:
    """Measures both sides in turns, so that a machine now fast and now slow treats both alike."""
    try:
        sides = contest.prepare()
    except MissingError as error:
        return Outcome(contest, missing=" ".join(str(error).split()))
    rounds = sides.measure(effort)
    ours, peer = ([side[index] for side in rounds] for index in (0, 1))
    ratios = [a / b for a, b in rounds]
    return Outcome(contest, sides.unit, Spread.of(ours), Spread.of(peer), Spread.of(ratios))


@dataclass(frozen=True)
class Statements:
    """Two statements, timed in this process. They see `names`, and nothing else."""

    ours: str
    peer: str
    names: dict[str, Any] = field(repr=False)
    unit: str = "s"

    def measure(self, effort: Effort) -> list[tuple[float, float]]:
        timers = [Timer(statement, globals=self.names) for statement in (self.ours, self.peer)]
        numbers = [repeats(timer, effort.seconds_per_turn) for timer in timers]
        rounds = []
        for turn in range(effort.rounds):
            seconds = [0.0, 0.0]
            # Each side goes first in every other round.
            for side in (0, 1) if turn % 2 else (1, 0):
                seconds[side] = timers[side].timeit(numbers[side]) / numbers[side]
            rounds.append((seconds[0], seconds[1]))
        return rounds


def repeats(timer: Timer, seconds_per_turn: float) -> int:
    """How often to run the statement to fill one turn; this warms it up, too."""
    timer.timeit(1)  # compiles and allocates, so it does not tell
    number = 1
    while (seconds := timer.timeit(number)) < seconds_per_turn:
        number = math.ceil(number * min(10, 1.2 * seconds_per_turn / max(seconds, 1e-9)))
    return number


def progress(text: str) -> None:
    """One line of the terminal that the next one overwrites."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
