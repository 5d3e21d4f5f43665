"""Does memory grow with the number of calls?

Each kind of call is made a hundred thousand times for a start, and then many times more, in two
halves: the resident memory after a half, less that before, is what its calls have kept. What is
lost is lost in both; a table that grows at times is not. Ten million calls in all, each kind in a
process of its own, so that one does not use what another has freed. More than a hundredth of a byte
a call is wrong: the smallest object that a call could lose has sixteen.
"""

import ctypes
import gc
import multiprocessing
import os
import pickle
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import epochal
import numpy as np
import torch
from catalogue import EXAMPLES
from epochal import Clock, EpochalError, Run, Schedule, Time, Timestamp
from epochal.torch import bind
from figures import Figure, tell

CALLS = 10_000_000
WARM_UP = 100_000
MOST = 0.01  # bytes a call
# By how much the memory of a process changes whatever it does, in bytes: a few pages.
NOISE = 16 * 1024

RUN = Run("1000ba", batches_per_epoch=40, samples_per_batch=8, tokens_per_batch=64)
Call = Callable[[int], object]


def refused(call: Call) -> Call:
    def caught(number: int) -> None:
        with suppress(EpochalError, TypeError):
            call(number)
            raise AssertionError("nothing was refused")

    return caught


def scalar_calls() -> Call:
    curves = [schedule.resolve(RUN) for schedule in EXAMPLES.values()]
    return lambda n: curves[n % len(curves)](n % 1200)


def timestamps() -> Call:
    curves = [schedule.resolve(RUN) for schedule in EXAMPLES.values()]
    return lambda n: curves[n % len(curves)](RUN.at_batch(n % 1200))


def arrays() -> Call:
    curves = [schedule.resolve(RUN) for schedule in EXAMPLES.values()]
    clocks = dict.fromkeys(("ba", "ep"), np.arange(16.0))
    out = np.empty(16)
    return lambda n: curves[n % len(curves)](clocks, out=out if n % 2 else None)


def refused_arrays() -> Call:
    curves = [schedule.resolve(RUN) for schedule in EXAMPLES.values()]
    bad = dict.fromkeys(("ba", "ep"), np.array([1.0, np.nan, 3.0]))
    masked = np.ma.masked_array([1.0, 2.0], mask=[True, False])
    given = (bad, [1, True], "5", masked, [[1], [2, 3]])
    return refused(lambda n: curves[n % len(curves)](given[n % len(given)]))


def times() -> Call:
    return lambda n: Time(f"{n % 9973}ba") * 0.29 + "1ba"


def bad_texts() -> Call:
    texts = ("", "5", f"{5}epp", "nandur", "5" * 99 + "ba", "1.5ep", "\ud800")
    return refused(lambda n: Time(texts[n % len(texts)]))


def made_and_dropped() -> Call:
    makes = [(type(s), s.to_config()) for n, s in EXAMPLES.items() if n.endswith("Scheduler")]
    arguments = [
        (make, {key: value for key, value in config.items() if key != "name"})
        for make, config in makes
    ]

    def call(number: int) -> object:
        make, given = arguments[number % len(arguments)]
        return make(**given).clip(0.1).resolve(RUN)

    return call


def refused_runs() -> Call:
    late = EXAMPLES["LinearWithWarmupScheduler"].after_warmup("2000ba")
    no_rate = EXAMPLES["LinearScheduler"].after_warmup("1sec")
    infinite = EXAMPLES["LinearScheduler"] * 1e308 * 1e308
    return refused(lambda n: (late, no_rate, infinite)[n % 3].resolve(RUN))


def pickles() -> Call:
    values: list[Any] = [
        *EXAMPLES.values(),
        *(schedule.resolve(RUN) for schedule in EXAMPLES.values()),
        *(RUN, Time("5ep"), RUN.at_batch(7)),
    ]
    return lambda n: pickle.loads(pickle.dumps(values[n % len(values)]))


def composers_form() -> Call:
    class State:
        timestamp = Timestamp(batch=7)
        max_duration = Time("1000ba")
        dataloader_len = Time("40ba")

    schedules = list(EXAMPLES.values())
    return lambda n: schedules[n % len(schedules)](State, ssr=1.0 + n % 3)


def functions() -> Call:
    schedule = epochal.FunctionSchedule(lambda state: 1 / (1 + state.timestamp.batch.value))
    curve = (schedule * EXAMPLES["LinearScheduler"]).resolve(RUN)
    return lambda n: curve.at_batch(n % 1200)


def failing_functions() -> Call:
    def fail(state: Any) -> float:
        raise EpochalError(f"not at {state.timestamp.batch}")

    curve = epochal.FunctionSchedule(fail).resolve(RUN)
    return refused(lambda n: curve.at_batch(n % 1200))


def ticks() -> Call:
    clock = Clock(Run("1000000000ba", batches_per_epoch=40))

    def call(number: int) -> object:
        clock.tick(samples=8, tokens=64)
        if number % 40 == 39:
            clock.next_epoch()
        return clock.timestamp

    return call


def optimizer_steps(clock: bool = False) -> Call:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    run = Run("100000000ba", batches_per_epoch=40)
    time = Clock(run) if clock else run
    schedule: Schedule = EXAMPLES["CosineAnnealingWithWarmupScheduler"]
    scheduler = bind(schedule, optimizer, time)

    def call(number: int) -> None:
        optimizer.step()
        if isinstance(time, Clock):
            time.tick()
        scheduler.step()

    return call


def states() -> Call:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    scheduler = bind(EXAMPLES["LinearScheduler"], optimizer, RUN)
    return lambda n: scheduler.load_state_dict(scheduler.state_dict())


# What is called, and its part of all calls.
KINDS: dict[str, tuple[Callable[[], Call], float]] = {
    "values of curves": (scalar_calls, 0.2),
    "values at timestamps": (timestamps, 0.12),
    "arrays, with out= and without": (arrays, 0.12),
    "arrays that are refused": (refused_arrays, 0.03),
    "times parsed, multiplied, added": (times, 0.15),
    "texts that are no times": (bad_texts, 0.1),
    "schedules made, resolved, dropped": (made_and_dropped, 0.04),
    "runs that a schedule is refused in": (refused_runs, 0.03),
    "pickles": (pickles, 0.03),
    "calls in Composer's form": (composers_form, 0.04),
    "functions": (functions, 0.04),
    "functions that fail": (failing_functions, 0.03),
    "ticks of a clock": (ticks, 0.03),
    "scheduler.step()": (optimizer_steps, 0.02),
    "scheduler.step() by a clock": (lambda: optimizer_steps(clock=True), 0.01),
    "states of a scheduler, saved and loaded": (states, 0.01),
}


def resident() -> int:
    """Bytes, after all that can be given back has been."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def kept(kind: str, calls: int) -> int:
    """By how many bytes the process has grown over so many calls."""
    call = KINDS[kind][0]()
    for number in range(min(WARM_UP, calls)):
        call(number)
    halves = []
    for _ in range(2):
        before = resident()
        for number in range(calls // 2):
            call(number)
        halves.append(resident() - before)
    return 2 * min(halves)


def measure(short: bool) -> list[Figure]:
    if not Path("/proc/self/statm").exists():
        print("the resident memory is told on Linux only", file=sys.stderr)
        return []
    calls = {kind: int(CALLS * part) // (40 if short else 1) for kind, (_, part) in KINDS.items()}
    figures = []
    # A process for each kind, as many at a time as there are cores.
    with multiprocessing.get_context("fork").Pool(os.cpu_count(), maxtasksperchild=1) as processes:
        found = processes.starmap(kept, calls.items(), chunksize=1)
    for kind, grown in zip(KINDS, found, strict=True):
        print(f"{kind}: {grown:,} bytes over {calls[kind]:,} calls", file=sys.stderr)
        bytes_a_call = max(0, grown - NOISE) / calls[kind]
        figures.append(Figure(f"bytes kept a call: {kind}", round(bytes_a_call, 4), at_most=MOST))
    return [Figure("calls", sum(calls.values()), at_least=CALLS), *figures]


if __name__ == "__main__":
    tell(measure)
