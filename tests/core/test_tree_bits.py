"""Random trees give the same bits on every level of the CPU and for any number of threads."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import epochal
import numpy as np
import pytest
from curves import Floats, assert_same_bits
from epochal import Curve, _core
from hypothesis import assume, given
from hypothesis import strategies as st
from processes import python_path
from reference.errors import Refusal
from strategies import COUNT_UNITS, real_run
from trees import tree_runs, trees

# Enough that seven threads have work to do, where they are asked for.
POINTS = 10_007


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    run = draw(tree_runs())
    tree = draw(trees(run, functions=False))
    try:
        tree.notes(run)
    except Refusal:
        assume(False)
    return tree.real().resolve(real_run(run))


def clocks(curve: Curve, points: int) -> dict[str, Floats]:
    """Twice the run and more: counts in order, times between them, and all of them shuffled."""
    length = 2.0 * float(int(curve.run.duration)) + 10
    counts = np.arange(points) * np.ceil(length / points)
    times = np.concatenate([counts, np.linspace(0, length, points)])
    times = np.concatenate([times, np.random.default_rng(1).permutation(times)])
    # Each clock goes its own way.
    return {unit: np.roll(times, 7 * i) for i, unit in enumerate(COUNT_UNITS)}


def digest(curve: Curve, points: int) -> str:
    values = curve(clocks(curve, points))
    assert isinstance(values, np.ndarray)
    return hashlib.sha256(values.tobytes()).hexdigest()


def answer() -> None:
    """What a process of one level does: for each line, a curve, it prints the digest."""
    print(_core.CPU_LEVEL, flush=True)
    for line in sys.stdin:
        print(digest(eval(line, vars(epochal)), 5_003), flush=True)


@pytest.fixture(scope="module")
def levels() -> Iterator[dict[str, Any]]:
    """A process for each level that this CPU has."""
    processes = {}
    path = python_path(__file__)
    for level in _core.CPU_LEVELS:
        processes[level] = subprocess.Popen(
            [sys.executable, "-c", "import test_tree_bits; test_tree_bits.answer()"],
            env=os.environ | {"EPOCHAL_CPU_LEVEL": level, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    yield processes
    for process in processes.values():
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_levels(levels: dict[str, Any]) -> None:
    assert list(levels) == _core.CPU_LEVELS
    for level, process in levels.items():
        assert process.stdout.readline().strip() == level

    @given(curves())
    def same_bits(curve: Curve) -> None:
        for process in levels.values():
            process.stdin.write(f"{curve!r}\n")
            process.stdin.flush()
        answers = {process.stdout.readline().strip() for process in levels.values()}
        assert answers == {digest(curve, 5_003)}

    same_bits()


@given(curves())
def test_threads(curve: Curve) -> None:
    times = clocks(curve, POINTS)
    want = curve(times, threads=1)
    for threads in (2, 7):
        assert_same_bits(curve(times, threads=threads), want)
    if len(curve.units) == 1:
        alone = times[str(curve.units[0])]
        assert_same_bits(curve(alone, threads=3), want)
        grid = curve.grid(0, POINTS, 0.7, threads=1)
        assert_same_bits(curve.grid(0, POINTS, 0.7, threads=3), grid)
