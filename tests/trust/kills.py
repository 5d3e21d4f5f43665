"""Trainings that are killed with SIGKILL at random moments, in the midst of batches and of saves,
and resumed, again and again up to their end.

Wrong is a checkpoint that cannot be read, and any number that differs from a training that was left
alone: a loss, a learning rate, anything in the last checkpoint. `tests/programs/kill` does the
work, and shows with `--self-test` that it finds such faults.
"""

import multiprocessing
import random
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

from figures import Figure, tell

sys.path.append(str(Path(__file__).parents[1] / "programs" / "kill"))

from harness import Counts, Harness  # imports torch with one thread, which makes forks safe

KILLS, SHORT_KILLS = 1000, 12
WORKERS = 2


def kill(kills: int, seed: int) -> Counts:
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        counts = Harness(Path(folder), seed).kill(kills)
    for problem in counts.problems[:5]:
        print(problem[:300], file=sys.stderr, flush=True)
    return counts


def measure(short: bool) -> list[Figure]:
    kills = -(-(SHORT_KILLS if short else KILLS) // WORKERS)
    seeds = [random.randrange(10**6) for _ in range(WORKERS)]
    print(f"seeds {seeds}", file=sys.stderr, flush=True)
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        found = pool.starmap(kill, [(kills, seed) for seed in seeds])
    return [
        Figure("kills", sum(c.kills for c in found), at_least=KILLS),
        Figure("of them during a save", sum(c.in_a_save for c in found)),
        Figure("resumes from a checkpoint", sum(c.resumes for c in found)),
        Figure("checkpoints read", sum(c.checkpoints for c in found)),
        Figure("of them unreadable", sum(len(c.unreadable) for c in found), at_most=0),
        Figure("batches trained", sum(c.batches for c in found)),
        Figure("numbers that differ", sum(len(c.differences) for c in found), at_most=0),
    ]


if __name__ == "__main__":
    tell(measure)
