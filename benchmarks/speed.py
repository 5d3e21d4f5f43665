"""Compare the speed of epochal with its peers; print a table of ratios.

    python benchmarks/speed.py

A ratio is our time over the peer's: below 1 epochal is faster. Both sides of a contest run in
turns, many times, in this one process; the table shows medians, so that a machine which is now
fast and now slow treats both alike. Absolute times tell about this machine only.
"""

import contextlib
import io
import math
import os
import platform
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from timeit import Timer
from typing import Any

import epochal
import numpy as np
import numpy.typing as npt
import torch
from epochal import _core
from epochal.torch import bind

ROUNDS = 21
SECONDS_PER_TURN = 0.01
POINTS = 1_000_000
WARMUP_BATCHES = 10_000

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Contest:
    """Two statements that do the same kind of work. They see `names`, and nothing else."""

    name: str
    ours: str
    peer: str
    limit: float  # the highest ratio that we accept
    names: dict[str, Any]

    def ratio_and_seconds(self) -> tuple[float, float, float]:
        """Median ratio of a round, and the median seconds of our side and of the peer's."""
        timers = [Timer(statement, globals=self.names) for statement in (self.ours, self.peer)]
        numbers = [repeats(timer) for timer in timers]
        rounds = [
            [timer.timeit(number) / number for timer, number in zip(timers, numbers, strict=True)]
            for _ in range(ROUNDS)
        ]
        ours, peer = (statistics.median(side) for side in zip(*rounds, strict=True))
        return statistics.median(a / b for a, b in rounds), ours, peer


def repeats(timer: Timer) -> int:
    """How often to run the statement to fill one turn; this warms it up, too."""
    number = 1
    while (seconds := timer.timeit(number)) < SECONDS_PER_TURN:
        number = math.ceil(number * min(10, 1.2 * SECONDS_PER_TURN / max(seconds, 1e-9)))
    return number


def time_contests() -> list[Contest]:
    """One value: what a program does many times, but never in bulk."""
    schedule = epochal.CosineAnnealingWithWarmupScheduler("100ba", t_max="1dur")
    names = {
        "Time": epochal.Time,
        "a": epochal.Time(5, "ep"),
        "b": epochal.Time(7, "ep"),
        "curve": schedule.resolve(epochal.Run("1000ba")),
        "t": 300,
        "x": timedelta(seconds=5),
        "y": timedelta(seconds=7),
    }
    return [
        Contest("Time('5ep') : float('3e10')", "Time('5ep')", "float('3e10')", 8, names),
        Contest("Time + Time : timedelta + timedelta", "a + b", "x + y", 10, names),
        Contest("curve(t) : timedelta + timedelta", "curve(t)", "x + y", 10, names),
    ]


def optimizer_with(groups: int) -> torch.optim.Optimizer:
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(groups)]
    return torch.optim.SGD([{"params": [p]} for p in parameters], lr=0.1)


def step_contests() -> list[Contest]:
    """One step of a scheduler, against the cheapest function that LambdaLR can be given."""
    schedule = epochal.CosineAnnealingWithWarmupScheduler("100ba", t_max="1dur")
    run = epochal.Run("1_000_000_000ba")
    contests = []
    for groups, limit in [(1, 1.0), (10, 1.0), (100, 0.5)]:
        ours, peer = optimizer_with(groups), optimizer_with(groups)
        names = {
            "ours": bind(schedule, ours, run),
            "peer": torch.optim.lr_scheduler.LambdaLR(peer, lambda batch: 1.0),
        }
        # Schedulers warn when no optimizer step came before theirs.
        ours.step()
        peer.step()
        name = f"bind(…).step() : LambdaLR.step(), groups: {groups}"
        contests.append(Contest(name, "ours.step()", "peer.step()", limit, names))
    return contests


def clock_contests() -> list[Contest]:
    """A tick of the clock and a step of the scheduler, against the step of LambdaLR alone."""
    schedule = epochal.CosineAnnealingWithWarmupScheduler("100Ktok", t_max="1dur")
    run = epochal.Run("1Ttok")
    contests = []
    for groups, limit in [(1, 1.0), (100, 1 / 3)]:
        ours, peer = optimizer_with(groups), optimizer_with(groups)
        clock = epochal.Clock(run)
        names = {
            "clock": clock,
            "ours": bind(schedule, ours, run, clock=clock),
            "peer": torch.optim.lr_scheduler.LambdaLR(peer, lambda batch: 1.0),
        }
        ours.step()
        peer.step()
        both = "clock.tick(32, 4096, 0.01); ours.step()"
        name = f"tick() and step() : LambdaLR.step(), groups: {groups}"
        contests.append(Contest(name, both, "peer.step()", limit, names))
    return contests


def perceptron() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    return model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)


def trainer_contests() -> list[Contest]:
    """An epoch of the Trainer with its progress bar, against a loop of five lines."""
    batches = [(torch.randn(32, 64), torch.randint(10, (32,))) for _ in range(100)]
    loss_fn = torch.nn.functional.cross_entropy

    def bare() -> None:
        model, optimizer = perceptron()
        for inputs, targets in batches:
            optimizer.zero_grad()
            loss_fn(model(inputs), targets).backward()
            optimizer.step()

    def trainer() -> None:
        model, optimizer = perceptron()
        with contextlib.redirect_stderr(io.StringIO()):
            epochal.Trainer(
                model=model,
                train_dataloader=batches,
                optimizers=optimizer,
                max_duration="1ep",
                schedulers=epochal.CosineAnnealingWithWarmupScheduler("10ba"),
                loss_fn=loss_fn,
            ).fit()

    name = "Trainer : bare loop, two-layer perceptron"
    return [Contest(name, "ours()", "peer()", 1.25, {"ours": trainer, "peer": bare})]


def plain_cosine(t: Floats) -> Floats:
    """Warmup and cosine as one would write them with NumPy."""
    w, end = float(WARMUP_BATCHES), float(POINTS)
    decay = 0.5 * (1 + np.cos(np.pi * np.clip((t - w) / (end - w), 0, 1)))
    result: Floats = np.where(t < w, t / w, decay)
    return result


def in_place_cosine(t: Floats, out: Floats, scratch: Floats) -> Floats:
    """The same without a temporary array, and with the fewest passes we could find."""
    w, end = float(WARMUP_BATCHES), float(POINTS)
    np.subtract(end, t, out=out)
    np.multiply(out, 0.5 * np.pi / (end - w), out=out)
    np.clip(out, 0, 0.5 * np.pi, out=out)
    np.sin(out, out=out)
    np.multiply(out, out, out=out)
    np.multiply(t, 1 / w, out=scratch)
    np.minimum(scratch, 1, out=scratch)
    return np.multiply(out, scratch, out=out)


def bulk_contests() -> list[Contest]:
    """A million points, in one thread each."""
    schedule = epochal.CosineAnnealingWithWarmupScheduler(f"{WARMUP_BATCHES}ba", t_max="1dur")
    curve = schedule.resolve(epochal.Run(f"{POINTS}ba"))
    t = np.arange(POINTS, dtype=np.float64)
    out, scratch = np.empty_like(t), np.empty_like(t)
    for other in (plain_cosine(t), in_place_cosine(t, out, scratch)):
        np.testing.assert_allclose(other, curve(t), rtol=0, atol=1e-14)
    names = {
        "curve": curve,
        "t": t,
        "out": out,
        "scratch": scratch,
        "plain": plain_cosine,
        "in_place": in_place_cosine,
    }
    size = f"{POINTS:.0e} points".replace("+0", "")
    return [
        Contest(
            f"curve(t, out=…) : NumPy in place, {size}",
            "curve(t, out=out)",
            "in_place(t, out, scratch)",
            1,
            names,
        ),
        Contest(f"curve(t) : plain NumPy, {size}", "curve(t)", "plain(t)", 1, names),
    ]


SUITES: list[Callable[[], list[Contest]]] = [
    time_contests,
    step_contests,
    clock_contests,
    trainer_contests,
    bulk_contests,
]


def readable(seconds: float) -> str:
    for unit, size in [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)]:
        if seconds >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds / 1e-9:.1f} ns"


def main() -> None:
    if _core.BUILD_PROFILE != "release":
        sys.exit(f"this is a {_core.BUILD_PROFILE} build of epochal: only a release build is timed")
    torch.set_num_threads(1)
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, {platform.system()}")
    print(f"Python {platform.python_version()}, epochal {epochal.__version__}")
    print(f"NumPy {np.__version__}, PyTorch {torch.__version__}\n")
    print(f"{'ours : peer':<50} {'ours':>10} {'peer':>10} {'ratio':>8} {'limit':>6}")
    for suite in SUITES:
        for contest in suite():
            ratio, ours, peer = contest.ratio_and_seconds()
            row = f"{contest.name:<50} {readable(ours):>10} {readable(peer):>10}"
            verdict = "" if ratio <= contest.limit else "  over"
            print(f"{row} {ratio:>8.2f} {contest.limit:>6g}{verdict}", flush=True)


if __name__ == "__main__":
    main()
