"""Random trees, of any operation over any schedules: values, text, copies, the law of scaling."""

import copy
import math
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
from configs import REAL, can_be_built, plain
from curves import assert_same_bits, one_by_one
from epochal import Clock, Curve, ScheduleError
from exactness import bounds, can_be_told, tree_fault
from hypothesis import assume, given
from hypothesis import strategies as st
from reference.errors import Refusal
from reference.parity import assert_refuses
from reference.run import Run
from reference.time import Time
from strategies import COUNT_UNITS, possible, real_run, real_timestamp
from trees import (
    Clocks,
    Tree,
    clocks_at,
    edges,
    has_functions,
    parts,
    tree_runs,
    trees,
)


def resolved(tree: Tree, run: Run) -> Curve:
    """What is refused has a test of its own."""
    try:
        tree.notes(run)
    except Refusal:
        assume(False)
    try:
        return tree.real().resolve(real_run(run))
    except ScheduleError as error:
        # Two moments that are one, but for the rounding of a ratio of it.
        moments = re.search(r" is after t_max .*: ([\d.e+]+) > ([\d.e+]+) ", str(error))
        assume(moments is None or not math.isclose(*map(float, moments.groups()), rel_tol=2**-50))
        raise


def some(data: st.DataObject, tree: Tree, run: Run) -> list[int]:
    """Batches at and beside those where α may turn or jump, and others."""
    batches = st.sampled_from(edges(tree, run)) | st.integers(0, 1000)
    return data.draw(st.lists(batches, min_size=1, max_size=10, unique=True))


# Values


def assert_close(tree: Tree, run: Run, clocks: Clocks, value: float) -> None:
    fault = tree_fault(tree, run, clocks, value) if can_be_told(tree, run, clocks) else None
    assert fault is None, fault


@given(st.data())
def test_values(data: st.DataObject) -> None:
    run = data.draw(tree_runs())
    tree = data.draw(trees(run))
    curve = resolved(tree, run)
    for batch in some(data, tree, run):
        value = curve(real_timestamp(run.at_batch(batch)))
        assert_close(tree, run, clocks_at(run, batch), value)


@given(st.data())
def test_values_where_each_clock_goes_its_own_way(data: st.DataObject) -> None:
    run = data.draw(tree_runs())
    tree = data.draw(trees(run, functions=False))
    curve = resolved(tree, run)
    assert [str(unit) for unit in curve.units] == tree.clocks(run)
    for batch in some(data, tree, run):
        reads = {unit: data.draw(st.integers(0, 2 * batch + 1)) for unit in COUNT_UNITS}
        clocks = {unit: Fraction(count) for unit, count in reads.items()}
        assert_close(tree, run, clocks, curve(reads))


@given(st.data())
def test_what_is_refused(data: st.DataObject) -> None:
    """Phases that begin after their end, above all, and what a missing fact leaves untold.

    A tree may have several faults; which one is named is for tests of one fault each.
    """
    run = data.draw(tree_runs())
    tree = data.draw(trees(run, functions=False))
    facts = ["batches_per_epoch", "samples_per_batch", "tokens_per_batch"]
    missing: dict[str, Any] = data.draw(st.sampled_from([{}, *({fact: None} for fact in facts)]))
    run = replace(run, **missing)
    assume(possible(run))
    try:
        clocks = tree.clocks(run)
    except Refusal as refusal:
        kind = "EpochalError" if missing else refusal.kind
        assert_refuses(lambda: tree.real().resolve(real_run(run)), Refusal(kind))
    else:
        assert [str(unit) for unit in tree.real().resolve(real_run(run)).units] == clocks


# One result, many ways


@given(st.data())
def test_every_way_to_ask_gives_the_same_bits(data: st.DataObject) -> None:
    run = data.draw(tree_runs())
    tree = data.draw(trees(run))
    curve, batches = resolved(tree, run), some(data, tree, run)
    values = [curve.at_batch(batch) for batch in batches]
    assert [curve(real_timestamp(run.at_batch(batch))).hex() for batch in batches] == [
        value.hex() for value in values
    ]
    if has_functions(tree):
        return
    reads = [clocks_at(run, batch) for batch in batches]
    clocks = {unit: np.array([float(read[unit]) for read in reads]) for unit in COUNT_UNITS}
    assert_same_bits(curve(clocks), values)
    assert [curve({unit: float(t) for unit, t in read.items()}) for read in reads] == values


@given(st.data())
def test_numbers_arrays_and_grids_are_batches(data: st.DataObject) -> None:
    """Where the curve reads batches, several clocks, or what a function reads."""
    run = data.draw(tree_runs())
    tree = data.draw(trees(run))
    curve, batches = resolved(tree, run), some(data, tree, run)
    assume(len(curve.units) != 1 or "ba" in curve.units)
    values = [curve.at_batch(batch) for batch in batches]
    assert_same_bits(curve(np.array(batches)), values)
    assert [curve(batch) for batch in batches] == values
    first = max(0, batches[0] - 20)
    grid = curve.grid(first, first + 40)
    assert_same_bits(grid, [curve.at_batch(batch) for batch in range(first, first + 40)])
    assert_same_bits(curve.grid(first, first + 40, 3), grid[::3])


@given(st.data())
def test_a_clock_reads_what_the_rates_declare(data: st.DataObject) -> None:
    """Also where lengths in epochs are read by its epochs."""
    run = data.draw(tree_runs())
    tree = data.draw(trees(run))
    curve, clock = resolved(tree, run), Clock(real_run(run))
    assert run.batches_per_epoch
    for batch in range(min(clock.run.batches, 70)):
        assert curve(clock).hex() == curve.at_batch(batch).hex(), batch
        clock.tick(samples=run.samples_per_batch, tokens=run.tokens_per_batch)
        if (batch + 1) % run.batches_per_epoch == 0:
            clock.next_epoch()


@given(st.data())
def test_times_between_counts(data: st.DataObject) -> None:
    run = data.draw(tree_runs())
    tree = data.draw(trees(run, functions=False))
    curve = resolved(tree, run)
    times = np.array(some(data, tree, run), dtype=float)
    times = np.concatenate([times, np.nextafter(times, np.inf), times + 0.3, times * 0.7])
    clocks = dict.fromkeys(COUNT_UNITS, times)
    values = curve(clocks)
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    assert_same_bits(values, [curve(dict.fromkeys(COUNT_UNITS, t)) for t in times.tolist()])
    if len(curve.units) == 1:
        assert_same_bits(curve(times), values)
        assert_same_bits(values, one_by_one(curve, times))
        grid = curve.grid(times[0], times[0] + 20, 0.37)
        assert_same_bits(grid, curve(times[0] + np.arange(len(grid)) * 0.37))


@given(st.data())
def test_composers_calling_form(data: st.DataObject) -> None:
    """The state does not tell how many samples and tokens a batch has."""
    run = data.draw(tree_runs())
    tree = data.draw(trees(run))
    times = [part for part in parts(plain(tree.text)) if isinstance(part, Time)]
    units = {run.max_duration.unit, *(time.unit for time in times)}
    assume(not {"sp", "tok"} & units and "by_tokens" not in tree.text)
    curve = resolved(tree, run)
    schedule, real = tree.real(), real_run(run)
    for batch in some(data, tree, run):
        state = SimpleNamespace(
            timestamp=real.at_batch(batch),
            max_duration=real.duration,
            dataloader_len=run.batches_per_epoch,
        )
        assert schedule(state, ssr=run.ratio).hex() == curve.at_batch(batch).hex()


# Text, copies, equality


@given(st.data())
def test_text_and_copies(data: st.DataObject) -> None:
    run = data.draw(tree_runs())
    tree = data.draw(trees(run))
    schedule = tree.real()
    made = [
        eval(repr(schedule), REAL),
        pickle.loads(pickle.dumps(schedule)),
        copy.copy(schedule),
        copy.deepcopy(schedule),
        tree.real(),
    ]
    for again in made:
        assert again == schedule
        assert hash(again) == hash(schedule)
        assert type(again) is type(schedule)
        assert repr(again) == repr(schedule)
    curve = resolved(tree, run)
    for copied in (eval(repr(curve), REAL), pickle.loads(pickle.dumps(curve)), copy.copy(curve)):
        assert copied == curve
        assert hash(copied) == hash(curve)
        assert [copied.at_batch(k) for k in range(9)] == [curve.at_batch(k) for k in range(9)]


CHANGES: list[Callable[[str], str]] = [
    lambda text: text,
    lambda text: f"({text}) * 1.0",
    lambda text: f"({text}) + 0.0",
    lambda text: f"({text}).clip()",
    lambda text: f"({text}).advance('0ba')",
    lambda text: f"({text}).after_warmup('0ba')",
    lambda text: text.replace("linear", "cosine"),
    lambda text: text.replace("False", "True"),
    lambda text: text.replace("'1dur'", "'1.0dur'"),
    lambda text: text.replace("ba'", "tok'"),
    lambda text: text.replace("1", "2", 1),
]


@given(st.data())
def test_schedules_are_equal_if_their_trees_are(data: st.DataObject) -> None:
    run = data.draw(tree_runs())
    one = data.draw(trees(run, depth=3))
    other = Tree(data.draw(st.sampled_from(CHANGES))(one.text))
    assume(can_be_built(other))
    equal = plain(one.text) == plain(other.text)
    assert (one.real() == other.real()) is equal
    assert (one.real() != other.real()) is not equal
    assert (hash(one.real()) == hash(other.real())) is equal


# The law of scaling

PERCENTS = st.sampled_from([10, 20, 25, 30, 50, 70, 75, 110, 150, 200, 300])


@dataclass(frozen=True)
class Pair:
    """A tree in a run, and in the same run scaled."""

    tree: Tree
    run: Run
    scaled: Run
    batches: list[tuple[int, int]]  # of both, at the same part of them
    curves: tuple[Curve, Curve]

    def between(self, batch: int, scaled: int) -> bool:
        """Does α depend on moments that are rounded?"""
        places = (self.run, batch), (self.scaled, scaled)
        return any(self.tree.notes(run, clocks_at(run, k)).between for run, k in places)

    def alphas(self, batch: int, scaled: int) -> tuple[float, float]:
        return self.curves[0].at_batch(batch), self.curves[1].at_batch(scaled)


def draw_pair(data: st.DataObject, steps: bool = False) -> Pair:
    """The length of the run is a whole number before and after."""
    percent = data.draw(PERCENTS)
    run = data.draw(tree_runs(st.just(1.0)))
    length = Time(int(run.max_duration.value) * 100, run.max_duration.unit)
    run = replace(run, max_duration=length)
    scaled = replace(run, ratio=percent / 100)
    tree = data.draw(trees(run, scaled=True, steps=steps, functions=not steps))
    curves = resolved(tree, run), resolved(tree, scaled)
    whole = 100 // math.gcd(percent, 100)
    batches = [(k - k % whole, (k - k % whole) * percent // 100) for k in edges(tree, run)]
    chosen = st.lists(st.sampled_from(batches), min_size=1, max_size=10, unique=True)
    return Pair(tree, run, scaled, data.draw(chosen), curves)


@given(st.data())
def test_scaling_is_a_change_of_clock(data: st.DataObject) -> None:
    """α_σ(t) = α(t/σ): each of the two has its own error and its own rounding of lengths."""
    pair = draw_pair(data)
    error = 2 * bounds(plain(pair.tree.text))[1]
    for batch, scaled in pair.batches:
        alpha, other = pair.alphas(batch, scaled)
        sides = pair.tree.sides(pair.run, clocks_at(pair.run, batch))
        # Both are behind a jump, unless what is rounded decides it.
        rounding = min(sides)
        if pair.between(batch, scaled):
            # A function reads whole counts, of a time that is none.
            assume(not has_functions(pair.tree))
            sides += pair.tree.sides(pair.scaled, clocks_at(pair.scaled, scaled))
            rounding = max(sides)
        assert abs(alpha - other) <= error + 4 * float(rounding), (batch, scaled)


@given(st.data())
def test_scaled_jumps_are_where_they_belong(data: st.DataObject) -> None:
    """A level is the same product of the same numbers."""
    pair = draw_pair(data, steps=True)
    for batch, scaled in pair.batches:
        alpha, other = pair.alphas(batch, scaled)
        assert alpha == other or pair.between(batch, scaled), (batch, scaled)
