"""Programs of random steps beside a simple model of what they must come to."""

import random
import sys
import traceback
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Any

SHOWN = 10  # programs that are wrong


class Program:
    """Each step is one of `OPERATIONS`; `check` compares with the model after it."""

    # The names of methods; one that stands there twice is twice as frequent.
    OPERATIONS: tuple[str, ...] = ()
    STEPS = 60

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.steps = 0
        self.log: list[str] = []

    def run(self) -> None:
        self.check()
        for _ in range(self.STEPS):
            name = self.rng.choice(self.OPERATIONS)
            self.log.append(name)
            getattr(self, name)()
            self.steps += 1
            self.check()

    def check(self) -> None:
        raise NotImplementedError


def same(got: object, expected: object, what: str) -> None:
    if got != expected:
        raise AssertionError(f"{what}: {got!r}, not {expected!r}")


@dataclass
class Tally:
    programs: int = 0
    steps: int = 0
    wrong: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def run(self, kind: Any, seeds: Iterable[int]) -> "Tally":
        """A program from each of these seeds."""
        for seed in seeds:
            program = kind(random.Random(seed))
            try:
                program.run()
            except (Exception, KeyboardInterrupt):
                self.wrong += 1
                if self.wrong <= SHOWN:
                    shown = ", ".join(program.log[-40:])
                    print(f"{kind.__name__} of seed {seed}: … {shown}", file=sys.stderr)
                    traceback.print_exc(limit=-3, file=sys.stderr)
            self.programs += 1
            self.steps += program.steps
        return self
