"""Points of curves: against what other libraries compute, and against the reference in fractions.

Each point is asked for alone and in an array, which must give the same bits. A point is off if it
is farther from the other side than the tests of these vectors, and of the reference, allow. Random
schedules are drawn from fixed seeds, with random runs and ratios; what the reference refuses must
be refused by the package too.
"""

import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from catalogue import complete_runs
from configs import Config, Source, boundaries, configs
from epochal import Curve, EpochalError
from exactness import all_at, can_be_told, config_fault, tree_fault
from figures import Figure, at_once, tell
from golden import ComposerCase, PeerCase, composer_cases, peer_cases
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from migration import RECORDED, STEPS, TOLERANCE, ours, recorded, tables
from reference.errors import Refusal
from reference.parity import assert_refuses
from reference.run import Run
from reference.time import Time
from strategies import COUNT_UNITS, possible, real_run, real_timestamp
from trees import Tree, batches, clocks_at, edges, has_functions, tree_runs, trees

SHOWN = 20  # faults of one task


@dataclass
class Count:
    schedules: int = 0
    points: int = 0
    off: int = 0
    # Alone and in an array.
    different: int = 0
    refused: int = 0
    accepted: int = 0  # though the reference refuses them, or with another error

    def __add__(self, other: "Count") -> "Count":
        return Count(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def fault(self, text: object) -> None:
        if self.off + self.different + self.accepted <= SHOWN:
            print(text, file=sys.stderr, flush=True)


# What other libraries compute


def golden() -> Count:
    count = Count()
    cases: list[ComposerCase | PeerCase] = [*composer_cases()]
    for peers in peer_cases().values():
        cases += peers
    for case in cases:
        alone, together = case.one_by_one(), case.in_an_array().tolist()
        count += Count(schedules=1, points=len(alone), different=unequal(alone, together))
        for complaint in case.complaints(together):
            count.off += 1
            count.fault(complaint)
    right = {left: right for rows in tables().values() for left, right in rows}
    for left, rates in recorded().items():
        mine = ours(right[left])
        count += Count(schedules=1, points=STEPS)
        for step, (want, got) in enumerate(zip(rates, mine, strict=True)):
            if not abs(got - want) <= TOLERANCE:
                count.off += 1
                count.fault(f"{RECORDED.name}: {left}, step {step}: {got!r}, not {want!r}")
    return count


def unequal(some: list[float], others: list[float]) -> int:
    return sum(a.hex() != b.hex() for a, b in zip(some, others, strict=True))


# Random schedules

DEPTHS = st.sampled_from([1, 2, 3, 5])
Pick = Callable[[st.DataObject, random.Random, int], Count]


def refusal_of(source: Source, run: Run, count: Count, strict: bool = True) -> bool:
    """Whether the reference refuses it; then the package must, with the same kind of error.

    Where facts of the run are missing as well, it may name one fault or the other.
    """
    try:
        clocks = source.clocks(run)
    except Refusal as refusal:
        kind = refusal.kind if strict else "EpochalError"
        count.refused += 1
        try:
            assert_refuses(lambda: source.real().resolve(real_run(run)), Refusal(kind))
        except (AssertionError, EpochalError) as error:
            count.accepted += 1
            count.fault(f"{source.text} in {run}: {refusal!r}, but {error!r}")
        return True
    try:
        read = [str(unit) for unit in source.real().resolve(real_run(run)).units]
    except EpochalError as error:
        count.accepted += 1
        count.fault(f"{source.text} in {run}: {error!r}, which the reference does not refuse")
        return True
    # Without milestones a curve reads the clock of the run, on which nothing depends.
    is_told = strict and not has_functions(source) and "milestones=[]" not in source.text
    if is_told and read != clocks:
        count.accepted += 1
        count.fault(f"{source.text} in {run} reads {read}, not {clocks}")
    return False


def without_a_fact(source: Source, run: Run, rng: random.Random, count: Count) -> None:
    """The same where the run does not tell everything."""
    facts = ["batches_per_epoch", "samples_per_batch", "tokens_per_batch"]
    missing: dict[str, Any] = {rng.choice(facts): None}
    less = replace(run, **missing)
    if possible(less) and not has_functions(source):
        refusal_of(source, less, count, strict=False)


def of_trees(data: st.DataObject, rng: random.Random, each: int) -> Count:
    """Trees in a run of batches; functions are among the leaves."""
    count = Count(schedules=1)
    run = data.draw(tree_runs())
    tree = data.draw(trees(run, depth=data.draw(DEPTHS)))
    without_a_fact(tree, run, rng, count)
    if refusal_of(tree, run, count):
        return count
    curve = tree.real().resolve(real_run(run))
    chosen = some(edges(tree, run), 2 * batches(run) + 10, rng, each)
    values = [curve(real_timestamp(run.at_batch(batch))) for batch in chosen]
    reads = [clocks_at(run, batch) for batch in chosen]
    if has_functions(tree):
        count.different += unequal(values, [curve.at_batch(batch) for batch in chosen])
    else:
        count.different += unequal(values, in_an_array(curve, reads))
    compare(tree, run, reads, values, count)
    return count


def of_clocks(data: st.DataObject, rng: random.Random, each: int) -> Count:
    """Trees where each clock goes its own way."""
    count = Count(schedules=1)
    run = data.draw(tree_runs())
    tree = data.draw(trees(run, depth=data.draw(DEPTHS), functions=False))
    if refusal_of(tree, run, count):
        return count
    curve = tree.real().resolve(real_run(run))
    chosen = some(edges(tree, run), 2 * batches(run) + 10, rng, each)
    reads = [
        {unit: Fraction(rng.randint(0, 2 * batch + 1)) for unit in COUNT_UNITS} for batch in chosen
    ]
    values = [curve({unit: int(t) for unit, t in read.items()}) for read in reads]
    count.different += unequal(values, in_an_array(curve, reads))
    compare(tree, run, reads, values, count)
    return count


def of_schedules(data: st.DataObject, rng: random.Random, each: int) -> Count:
    """One class each, at any time, also between counts: held to its own, closer bound."""
    config, run = data.draw(configs()), data.draw(complete_runs)
    points = boundaries(config, run)
    return at_any_time(config, run, [rng.uniform(1e-6, points[-1]), *points], rng, each)


def of_long_runs(data: st.DataObject, rng: random.Random, each: int) -> Count:
    """Counters up to 2^53."""
    config = data.draw(configs(units=("tok", "dur"), longest=2**53))
    run = Run(Time(rng.randint(2**30, 2**53), "tok"))
    return at_any_time(config, run, [2**53 - 1, 2**53, *boundaries(config, run)], rng, each)


def at_any_time(
    config: Config, run: Run, points: Sequence[float], rng: random.Random, each: int
) -> Count:
    count = Count(schedules=1)
    if refusal_of(config, run, count):
        return count
    curve = config.real().resolve(real_run(run))
    times = [float(t) for t in rng.sample(points, min(len(points), each // 2))]
    longest = max(points)
    # Clocks read whole numbers, or seconds to the microsecond.
    anywhere = [rng.uniform(1e-6, longest) for _ in range(each // 4)]
    whole = [float(rng.randint(0, int(longest))) for _ in range(each // 4)]
    beside = map(float, rng.sample(points, min(len(points), each // 2)))
    times = list(dict.fromkeys([*beside, *anywhere, *whole]))
    values = [curve(dict.fromkeys(COUNT_UNITS, t)) for t in times]
    count.different += unequal(values, in_an_array(curve, [all_at(t) for t in times]))
    for t, value in zip(times, values, strict=True):
        count.points += 1
        if fault := config_fault(config, run, t, value):
            count.off += 1
            count.fault(f"{config.text} in {run}: {fault}")
    return count


def some(edges: list[int], end: int, rng: random.Random, each: int) -> list[int]:
    """Batches at and beside those where α may turn or jump, and others."""
    beside = rng.sample(edges, min(len(edges), each // 2))
    others = rng.sample(range(end), min(end, each - len(beside)))
    return list(dict.fromkeys([*beside, *others]))


def in_an_array(curve: Curve, reads: Sequence[Mapping[str, Fraction]]) -> list[float]:
    clocks = {unit: np.array([float(read[unit]) for read in reads]) for unit in COUNT_UNITS}
    values: list[float] = curve(clocks).tolist()
    return values


def compare(
    tree: Tree, run: Run, reads: Sequence[Mapping[str, Fraction]], values: list[float], count: Count
) -> None:
    for clocks, value in zip(reads, values, strict=True):
        if not can_be_told(tree, run, clocks):
            continue
        count.points += 1
        if fault := tree_fault(tree, run, clocks, value):
            count.off += 1
            count.fault(f"{tree.text} in {run} at {clocks}: {fault}")


@dataclass(frozen=True)
class Task:
    pick: Pick
    seed: int
    schedules: int
    each: int  # points

    def run(self) -> Count:
        """Hypothesis draws; that a point is off does not end it."""
        found, rng = Count(), random.Random(self.seed)

        @seed(self.seed)
        @settings(
            max_examples=self.schedules,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
            deadline=None,
        )
        @given(st.data())
        def draw(data: st.DataObject) -> None:
            nonlocal found
            found += self.pick(data, rng, self.each)

        draw()
        return found


def tasks(short: bool) -> list[Task]:
    """Some schedules with many points each, and many with few."""
    kinds: list[tuple[Pick, int, int, int]] = [
        # how many such tasks, schedules in each, points of each schedule
        (of_trees, 30, 30, 500),
        (of_trees, 32, 250, 60),
        (of_clocks, 12, 200, 60),
        (of_schedules, 50, 60, 800),
        (of_schedules, 30, 300, 60),
        (of_long_runs, 12, 200, 60),
    ]
    if short:
        return [Task(pick, 1, 10, 40) for pick in dict.fromkeys(kind[0] for kind in kinds)]
    return [
        Task(pick, 1000 * kind + number, schedules, each)
        for kind, (pick, times, schedules, each) in enumerate(kinds)
        for number in range(times)
    ]


def against_the_reference(short: bool) -> Count:
    found, started = Count(), time.monotonic()
    planned = tasks(short)
    with at_once(short) as processes:
        for number, count in enumerate(processes.map(Task.run, planned), start=1):
            found += count
            if not short:
                print(
                    f"{number} of {len(planned)} tasks, {found.points:,} points, {found.off} off, "
                    f"{time.monotonic() - started:.0f} s",
                    file=sys.stderr,
                )
    return found


def measure(short: bool) -> list[Figure]:
    peers = golden()
    reference = against_the_reference(short)
    both = peers + reference
    return [
        Figure("points of other libraries' schedules", peers.points, at_least=100_000),
        Figure("points against the reference", reference.points),
        Figure("points of both", both.points, at_least=2_000_000),
        Figure("of them off", both.off, at_most=0),
        Figure("of them different alone and in an array", both.different, at_most=0),
        Figure("random schedules, each in a run and at a ratio of its own", reference.schedules),
        Figure("schedules that the reference refuses", reference.refused),
        Figure("of them accepted, or refused otherwise", reference.accepted, at_most=0),
    ]


if __name__ == "__main__":
    tell(measure)
