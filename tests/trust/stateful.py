"""Programs of random steps: clocks, bound schedules, and trainings that are broken off.

Each program is compared after each step with a simple model of what it must have come to: a clock
with a dict of counters, a rate with base × α × factor, a training with the one that was never
interrupted, or with the α of its batches. One whose comparison fails, or that warns, is wrong.
"""

import sys
import warnings

import torch
from bind_program import BindProgram
from clock_program import ClockProgram
from figures import Figure, tell
from program import Tally
from trainer_program import InterruptedProgram, TrainerProgram

# Kinds, what they are called, and how many of them.
KINDS = [
    (ClockProgram, "programs with a clock", 4_000),
    (BindProgram, "programs with a bound schedule", 2_000),
    (TrainerProgram, "trainings that are stopped, killed, resumed and changed", 1_000),
    (InterruptedProgram, "trainings that are interrupted at random places", 500),
]


def measure(short: bool) -> list[Figure]:
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    figures, together = [], Tally()
    for kind, name, count in KINDS:
        found = Tally().run(kind, range(8 if short else count))
        print(f"{name}: {found}", file=sys.stderr)
        together += found
        figures.append(Figure(name, found.programs))
    return [
        *figures,
        Figure("steps of all these programs", together.steps),
        Figure("programs that came to something else", together.wrong, at_most=0),
    ]


if __name__ == "__main__":
    tell(measure)
