"""Do threads and processes that work at the same time get in each other's way?

Threads evaluate the same curves and different ones, call schedules in Composer's form, tick clocks,
hash, compare and pickle. One writes into the arrays that others evaluate. Processes are forked
while such threads run, or use epochal for the first time, and spawned. All values must have the
bits that a single thread gave before. Each scenario has a process of its own, so that a crash or a
hang ends that one alone. What counts as wrong is a value with other bits, a tick that is lost, a
panic, an error that nothing asked for, a process that ends by itself or does not end.
"""

import multiprocessing
import os
import pickle
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any

import first_uses as first
import numpy as np
from catalogue import EXAMPLES
from epochal import Clock, Curve, FunctionSchedule, Run, Schedule, ScheduleError, Time, Timestamp
from figures import Figure, tell
from processes import python

# A process that takes longer than this hangs.
SECONDS = 900
THREADS = 6
POINTS = 50_000  # enough for several threads in one evaluation
RUN = Run("50000ba", batches_per_epoch=40, samples_per_batch=8, tokens_per_batch=64)
BATCHES = np.arange(POINTS)
# What all clocks read at these batches.
CLOCKS = {"ba": BATCHES, "ep": BATCHES // 40, "sp": BATCHES * 8, "tok": BATCHES * 64}

Told = Counter[str]
Work = Callable[[int, Told], None]  # what one of the threads does, and counts


FUNCTION = FunctionSchedule(first.falling) * EXAMPLES["ConstantScheduler"].clip(1.0)


def state_of(batch: int) -> SimpleNamespace:
    """As a trainer gives it."""
    return SimpleNamespace(
        timestamp=RUN.at_batch(batch), max_duration=RUN.max_duration, dataloader_len=40
    )


def bits(values: Any) -> bytes:
    return np.asarray(values, dtype="<f8").tobytes()


def together(work: Work) -> Told:
    """By several threads, which start at the same time."""
    told: list[Told] = [Counter() for _ in range(THREADS)]
    gate = threading.Barrier(THREADS)

    def run(number: int) -> None:
        gate.wait()
        try:
            work(number, told[number])
        except BaseException as error:
            # A panic is no `Exception`.
            kind = "panics" if type(error).__name__ == "PanicException" else "errors"
            told[number][kind] += 1
            print(f"thread {number}: {type(error).__name__}: {error}", file=sys.stderr)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(told, Counter())


class Known:
    """Curves, and what one thread says that their values are."""

    def __init__(self) -> None:
        self.schedules: list[Schedule] = list(EXAMPLES.values())
        self.curves: list[Curve] = [schedule.resolve(RUN) for schedule in self.schedules]
        self.values = [curve(CLOCKS, threads=1) for curve in self.curves]

    def evaluate(self, which: int, way: int, out: Any) -> bool:
        """Whether a way to ask, of those that there are, gives the same bits."""
        curve, values = self.curves[which], self.values[which]
        batch = (which * 7919 + way * 104_729) % POINTS
        match way % 6:
            case 0:
                return bits(curve(CLOCKS)) == bits(values)
            case 1:
                curve(CLOCKS, out=out, threads=3)
                return bits(out) == bits(values)
            case 2:
                part = {unit: counts[batch : batch + 64] for unit, counts in CLOCKS.items()}
                return bits(curve(part)) == bits(values[batch : batch + 64])
            case 3:
                return bits(curve.at_batch(batch)) == bits(values[batch])
            case 4:
                return bits(curve(RUN.at_batch(batch))) == bits(values[batch])
        return bits(self.schedules[which](state_of(batch))) == bits(values[batch])


def evaluations(short: bool) -> Told:
    """Of the same curve in all threads, and of another one in each."""
    known = Known()

    def work(number: int, told: Told) -> None:
        out = np.empty(POINTS)
        generator = np.random.default_rng(number)
        for round_ in range(60 if short else 20_000):
            same = round_ % 2
            which = round_ if same else int(generator.integers(len(known.curves)))
            way = int(generator.integers(6))
            told["values"] += POINTS if way < 2 else 64 if way == 2 else 1
            told["evaluations"] += 1
            told["other values"] += not known.evaluate(which % len(known.curves), way, out)

    return together(work)


def functions(short: bool) -> Told:
    """A Python function runs in the thread that asks, and lets others run meanwhile."""
    curve = FUNCTION.resolve(RUN)
    values = curve.grid(0, 500)

    def work(number: int, told: Told) -> None:
        for round_ in range(4 if short else 200):
            told["values"] += 500
            told["evaluations"] += 1
            told["other values"] += bits(curve.grid(0, 500)) != bits(values)
            told["other values"] += bits(FUNCTION(state_of(round_))) != bits(values[round_])

    return together(work)


def ticks(short: bool) -> Told:
    """Of one clock, some counted in parts, while its time is read and saved."""
    clock = Clock(Run("1000000000ba", batches_per_epoch=40))
    curve = EXAMPLES["CosineAnnealingScheduler"].resolve(clock.run)
    times = 500 if short else 50_000

    def work(number: int, told: Told) -> None:
        before = Timestamp()
        for round_ in range(times):
            clock.count(samples=number)
            clock.tick(samples=1, tokens=3)
            now = clock.timestamp
            told["ticks"] += 1
            told["times that went back"] += now.batch < before.batch or now.token < before.token
            before = now
            if round_ % 50 == 0:
                curve(clock)
                clock.state_dict()
                pickle.loads(pickle.dumps(clock))

    told = together(work)
    end = clock.timestamp
    samples = times * sum(range(1, THREADS + 1))
    right = {"batch": THREADS * times, "token": 3 * THREADS * times, "sample": samples}
    told["ticks lost"] += sum(abs(getattr(end, name).value - n) for name, n in right.items())
    return told


def values_of_their_own(short: bool) -> Told:
    """Hashes, comparisons, texts and copies of the same objects."""
    objects: list[Any] = [
        *EXAMPLES.values(),
        *(schedule.resolve(RUN) for schedule in EXAMPLES.values()),
        *(RUN, Time("5ep"), Time("0.3dur"), Timestamp(batch=7, sample=70)),
    ]
    known = [(hash(value), repr(value), pickle.dumps(value)) for value in objects]

    def work(number: int, told: Told) -> None:
        for round_ in range(200 if short else 50_000):
            value = objects[(round_ + number) % len(objects)]
            of_one, text, saved = known[(round_ + number) % len(objects)]
            told["hashes and pickles"] += 1
            told["other hashes and pickles"] += not (
                hash(value) == of_one
                and repr(value) == text
                and pickle.dumps(value) == saved
                and pickle.loads(saved) == value
            )

    return together(work)


def torn_arrays(short: bool) -> Told:
    """Whose times change while they are evaluated: any value may come of it, and any refusal."""
    known = Known()
    shared = {unit: counts.astype(float) for unit, counts in CLOCKS.items()}
    out = np.empty(POINTS)
    done = threading.Event()

    def write() -> None:
        generator = np.random.default_rng(0)
        bad = np.array([np.nan, np.inf, -1.0, -0.0, 5e-324, 1e300, 2.0**53, 7.0])
        while not done.is_set():
            for times in shared.values():
                at = int(generator.integers(POINTS - 4096))
                times[at : at + 4096] = generator.choice(bad, 4096)
                times[at : at + 4096] = 7.0

    def work(number: int, told: Told) -> None:
        for round_ in range(30 if short else 4000):
            curve = known.curves[(round_ + number) % len(known.curves)]
            told["evaluations of arrays that change"] += 1
            with suppress(ScheduleError):
                # All threads write into one array, and read from others.
                curve(shared, out=out, threads=1 + number % 3)
            with suppress(ScheduleError):
                curve({unit: times[number::3] for unit, times in shared.items()})

    writer = threading.Thread(target=write)
    writer.start()
    told = together(work)
    done.set()
    writer.join()
    return told


def in_the_child(known: Known, ways: int) -> bool:
    out = np.empty(POINTS)
    asked = [(which, way) for which in range(len(known.curves)) for way in range(ways)]
    return all(known.evaluate(which, way, out) for which, way in asked)


def forks(short: bool) -> Told:
    """While threads of the parent evaluate, tick and call schedules, in the middle of anything."""
    known, told = Known(), Counter[str]()
    clock = Clock(RUN)
    done = threading.Event()

    def busy(number: int) -> None:
        out = np.empty(POINTS)
        round_ = number
        while not done.is_set():
            known.evaluate(round_ % len(known.curves), round_, out)
            FUNCTION(state_of(round_))
            clock.tick()
            round_ += 1

    threads = [threading.Thread(target=busy, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(4 if short else 300):
        child = os.fork()
        if child == 0:
            # Nothing of the parent's may run in it, such as what is done at its exit.
            same = False
            with suppress(BaseException):
                same = in_the_child(known, 6) and FUNCTION(state_of(1)) == 0.5
            os._exit(0 if same else 3)
        told["children"] += 1
        status = first.end(child, time.monotonic() + SECONDS / 4)
        told["children that hung"] += status is None
        told["children with other values"] += status == 3
        told["children that crashed"] += status not in (None, 0, 3)
    done.set()
    for thread in threads:
        thread.join()
    return told


def first_uses(short: bool) -> Told:
    """While a thread of a new process makes what is made once, the process forks."""
    told = Counter[str]()
    for use in first.USES * (1 if short else 20):
        done = python(first.__file__, use.__name__, "0")
        well, hung, children = map(int, done.stdout.split())
        told["children of a first use"] += children
        told["children that hung"] += hung
        told["children that crashed"] += children - hung - well
    return told


def digest(curves: list[Curve]) -> list[bytes]:
    """What a spawned child computes of the curves that it is sent."""
    return [bits(curve(CLOCKS, threads=threads)) for curve in curves for threads in (1, 3)]


def spawns(short: bool) -> Told:
    """After the parent has evaluated by threads, curves are sent to processes that begin anew."""
    known, told = Known(), Counter[str]()
    expected = [value for values in known.values for value in [bits(values)] * 2]
    for method in ("spawn", "forkserver"):
        for _ in range(1 if short else 10):
            with multiprocessing.get_context(method).Pool(2) as pool:
                for values in pool.map(digest, [known.curves] * 2, chunksize=1):
                    told["children"] += 1
                    told["children with other values"] += values != expected
    return told


# What is counted, in words, and how many there are at least.
DONE = {
    "evaluations": ("evaluations in threads that share curves", 100_000),
    "values": ("values of these", 1_000_000_000),
    "ticks": ("ticks of one clock by several threads", 300_000),
    "hashes and pickles": ("hashes, texts and pickles of one object in several threads", 300_000),
    "evaluations of arrays that change": ("evaluations of arrays that a thread writes", 20_000),
    "children": ("processes forked and spawned, which evaluate all curves", 300),
    "children of a first use": ("processes forked while a thread uses epochal first", 60),
}
WRONG = {
    "other values": "values with other bits than those of a single thread",
    "ticks lost": "ticks lost",
    "times that went back": "times that went back",
    "other hashes and pickles": "hashes, texts and pickles that differ",
    "children with other values": "processes with other bits",
    "children that crashed": "processes that crashed",
    "children that hung": "processes that hung",
    "panics": "panics",
    "errors": "errors that nothing asked for",
    "crashes": "scenarios that crashed",
    "hangs": "scenarios that hung",
}
SCENARIOS = (
    evaluations,
    functions,
    ticks,
    values_of_their_own,
    torn_arrays,
    forks,
    first_uses,
    spawns,
)


def tells(scenario: Callable[[bool], Told], short: bool, to: Connection) -> None:
    to.send(scenario(short))


def run(scenario: Callable[[bool], Told], short: bool) -> Told:
    """In a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=tells, args=(scenario, short, there))
    started = time.monotonic()
    process.start()
    there.close()
    told = Counter[str]()
    if here.poll(SECONDS):
        with suppress(EOFError):
            told = here.recv()
        process.join()
        told["crashes"] += process.exitcode != 0
    else:
        process.kill()
        told["hangs"] += 1
    name, seconds = scenario.__name__, time.monotonic() - started
    print(f"{name}: {dict(told)} in {seconds:.0f} s", file=sys.stderr, flush=True)
    return told


def measure(short: bool) -> list[Figure]:
    told = sum((run(scenario, short) for scenario in SCENARIOS), Counter[str]())
    done = [Figure(what, told[key], at_least=least) for key, (what, least) in DONE.items()]
    return [*done, *(Figure(what, told[key], at_most=0) for key, what in WRONG.items())]


if __name__ == "__main__":
    tell(measure)
