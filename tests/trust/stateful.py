"""Programs of random steps: clocks, bound schedules, and trainings that are broken off.

Each program is compared after each step with a simple model of what it must have come to: a clock
with a dict of counters, a rate with base × α × factor, a training with the one that was never
interrupted, or with the α of its batches. One whose comparison fails, or that warns, is wrong.
"""

import sys
import warnings
from functools import partial
from typing import Any

import torch
from bind_program import BindProgram
from clock_program import ClockProgram
from figures import Figure, at_once, tell
from program import Tally
from trainer_program import InterruptedProgram, TrainerProgram

# Kinds, what they are called, and how many of them.
KINDS: list[tuple[Any, str, int]] = [
    (ClockProgram, "programs with a clock", 4_000),
    (BindProgram, "programs with a bound schedule", 2_000),
    (TrainerProgram, "trainings that are stopped, killed, resumed and changed", 1_000),
    (InterruptedProgram, "trainings that are interrupted at random places", 500),
]


def ran(kind: Any, seeds: range) -> Tally:
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    return Tally().run(kind, seeds)


def measure(short: bool) -> list[Figure]:
    figures, together = [], Tally()
    with at_once(short) as processes:
        for kind, name, count in KINDS:
            seeds = [range(start, start + 8) for start in range(0, 8 if short else count, 8)]
            found = sum(processes.map(partial(ran, kind), seeds), Tally())
            print(f"{name}: {found}", file=sys.stderr, flush=True)
            together += found
            figures.append(Figure(name, found.programs))
    return [
        *figures,
        Figure("steps of all these programs", together.steps),
        Figure("programs that came to something else", together.wrong, at_most=0),
    ]


if __name__ == "__main__":
    tell(measure)
