"""The same bits on every level of the CPU, for any number of threads, and in a forked child."""

import os
import subprocess
import sys
import textwrap
from typing import Any

import epochal
import numpy as np
import pytest
from curves import COSINE, CURVES, SENTINEL, TWO_CLOCKS, assert_same_bits, every_curve
from epochal import (
    CosineAnnealingScheduler,
    Curve,
    LinearScheduler,
    Run,
    ScheduleError,
    StepScheduler,
    UnitError,
    _core,
    evaluate,
)
from processes import python_path
from sizes import sized

NAMES = ("EPOCHAL_CPU_LEVEL", "EPOCHAL_NUM_THREADS")


def in_a_process(code: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter, where these variables are set and no other of ours."""
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        env=clean | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


# Levels of the CPU

# All curves at once: each at so many points, in every type, sorted and shuffled.
HASHES = """
    import hashlib, sys
    import numpy as np
    from curves import CURVES
    from epochal import _core

    size = int(sys.argv[1])
    counts, shuffled = np.arange(size // 4), np.random.default_rng(1).permutation(size // 10)
    times = [
        counts,
        counts * 1e-2,
        (counts * 1e-2).astype(np.float32),
        shuffled,
        shuffled * 0.0123,
        2.0 ** np.linspace(-60, 60, size // 10 + 3),
    ]
    print(_core.CPU_LEVEL)
    points = 0
    for parameter in CURVES:
        curve = parameter.values[0]
        digest = hashlib.sha256()
        points = 0
        for t in times:
            digest.update(curve(t))
            points += t.size
        for dtype in ("float64", "float32"):
            grid = curve.grid(0, size / 10, 0.7, dtype=dtype)
            digest.update(grid)
            points += grid.size
        assert points >= size
        print(parameter.id, digest.hexdigest())
"""


def test_every_level_gives_the_same_bits() -> None:
    hashes, size = {}, sized(1_000_000, 20_000)
    for level in _core.CPU_LEVELS:
        done = in_a_process(HASHES, str(size), PYTHONPATH=python_path(), EPOCHAL_CPU_LEVEL=level)
        assert done.returncode == 0, done.stderr
        used, *lines = done.stdout.splitlines()
        assert used == level
        assert len(lines) == len(CURVES)
        hashes[level] = lines
    assert "baseline" in hashes
    for level, lines in hashes.items():
        assert lines == hashes["baseline"], level


def test_the_widest_level_is_used() -> None:
    done = in_a_process("from epochal import _core; print(_core.CPU_LEVEL, *_core.CPU_LEVELS)")
    used, *available = done.stdout.split()
    assert available == _core.CPU_LEVELS
    assert used == available[-1]
    assert available[0] == "baseline"


@pytest.mark.parametrize("level", ["sse9", "AVX2", "0", " avx2"])
def test_unknown_levels_fail_the_import(level: str) -> None:
    done = in_a_process("import epochal", EPOCHAL_CPU_LEVEL=level)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: EPOCHAL_CPU_LEVEL must be one of 'baseline'"), last
    assert last.endswith(f"not '{level}'")


@pytest.mark.parametrize("level", sorted({"avx2", "avx512"} - set(_core.CPU_LEVELS)))
def test_levels_that_the_cpu_lacks_fail_the_import(level: str) -> None:
    done = in_a_process("import epochal", EPOCHAL_CPU_LEVEL=level)
    assert done.returncode == 1
    assert f"not '{level}', which this CPU lacks" in done.stderr


# Threads


@every_curve
def test_threads_give_the_same_bits(curve: Curve) -> None:
    times, end = np.linspace(0, 1200, sized(100_003, 20_003)), sized(20_000, 6_000)
    want, grid = curve(times, threads=1), curve.grid(0, end, 0.3, threads=1)
    for threads in (2, 3, 7, np.int8(5), None):
        assert_same_bits(curve(times, threads=threads), want)
        assert_same_bits(curve.grid(0, end, 0.3, threads=threads), grid)
    small = curve(times, dtype=np.float32, threads=3)
    np.testing.assert_array_equal(small, want.astype(np.float32))
    out = np.full(2 * len(times), SENTINEL)
    curve(times, out=out[::2], threads=3)
    assert_same_bits(np.ascontiguousarray(out[::2]), want)


def test_threads_of_scalars_and_small_arrays() -> None:
    for threads in (1, 2, 10**9, 10**30):
        assert COSINE(30, threads=threads) == COSINE(30)
        assert_same_bits(COSINE([30], threads=threads), [COSINE(30)])
        assert_same_bits(COSINE([], threads=threads), [])


@pytest.mark.parametrize("size", [5, 300_000])
@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_bad_times_are_found_by_any_thread(size: int, bad: float) -> None:
    for place in (0, size // 2, size - 1):
        times, out = np.linspace(0, 1000, size), np.full(size, SENTINEL)
        times[place] = bad
        for threads in (1, 2, 7):
            with pytest.raises(ScheduleError, match="must be finite"):
                COSINE(times, out=out, threads=threads)
            assert (out == SENTINEL).all()


@pytest.mark.parametrize("threads", [0, -1, -(10**30)])
def test_too_few_threads(threads: int) -> None:
    for call in (lambda: COSINE(np.zeros(3), threads=threads), lambda: COSINE(3, threads=threads)):
        with pytest.raises(ScheduleError, match=f"threads must be at least 1, not {threads}"):
            call()
    with pytest.raises(ScheduleError, match="threads"):
        COSINE.grid(threads=threads)
    with pytest.raises(ScheduleError, match="threads"):
        evaluate([COSINE], [1], threads=threads)


@pytest.mark.parametrize("threads", [True, "2", 2.0, [2], np.zeros(2)])
def test_threads_are_a_whole_number(threads: Any) -> None:
    for call in (COSINE.grid, lambda **named: COSINE(np.zeros(3), **named)):
        with pytest.raises(TypeError, match="threads must be a whole number"):
            call(threads=threads)


COUNTING = """
    import os, sys, threading, time
    from collections import defaultdict
    import numpy as np
    from epochal import LinearScheduler, Run

    def alive():
        return set(os.listdir("/proc/self/task"))

    n = int(sys.argv[2])
    curve = LinearScheduler().resolve(Run(f"{n}ba"))
    times, out = np.arange(n), np.empty(n)
    call, seen, most = 0, defaultdict(set), 0
    done = threading.Event()

    def watch():
        while not done.is_set():
            number, tasks = call, alive()
            if number == call:
                seen[number] |= tasks

    watcher = threading.Thread(target=watch)
    watcher.start()
    end = time.monotonic() + 60
    while call < 5 or (most < int(sys.argv[1]) and time.monotonic() < end):
        # A thread of the call before may still be seen for a moment.
        before = alive()
        call += 1
        curve(times, out=out)
        most = max(most, len(seen[call] - before))
    done.set()
    watcher.join()
    print(most)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads cannot be counted")
@pytest.mark.parametrize(("text", "more"), [("1", 0), (" 3 ", 2)])
def test_the_variable_says_how_many_threads(text: str, more: int) -> None:
    # The times are looked at before the first value is written: threads begin twice in a call.
    expected = 2 * more
    done = in_a_process(
        COUNTING, str(expected), str(sized(20_000_000, 5_000_000)), EPOCHAL_NUM_THREADS=text
    )
    assert int(done.stdout) == expected, done.stderr


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "True", "1e3"])
def test_a_bad_variable_fails_the_import(text: str) -> None:
    done = in_a_process("import epochal", EPOCHAL_NUM_THREADS=text)
    assert done.returncode == 1
    message = f"EPOCHAL_NUM_THREADS must be a whole number from 1 on, not '{text}'"
    assert done.stderr.splitlines()[-1] == f"ImportError: {message}"


def test_empty_variables_are_none() -> None:
    done = in_a_process("import epochal", EPOCHAL_NUM_THREADS="", EPOCHAL_CPU_LEVEL="")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_evaluates_with_threads() -> None:
    """Also while other threads of the parent are in the middle of an evaluation."""
    code = """
        import os, sys, threading
        import numpy as np
        from epochal import CosineAnnealingScheduler, Run

        n = 1_000_000
        curve = CosineAnnealingScheduler().resolve(Run(f"{n}ba"))
        before = curve.grid(threads=3)
        busy = threading.Thread(target=lambda: [curve.grid(threads=2) for _ in range(20)])
        busy.start()
        for _ in range(5):
            child = os.fork()
            if child == 0:
                same = np.array_equal(curve.grid(threads=3), before)
                same = same and np.array_equal(curve(np.arange(n), threads=2), before)
                os._exit(0 if same else 3)
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 0
        busy.join()
    """
    done = in_a_process(code)
    assert done.returncode == 0, done.stderr


# Many curves at once


def test_rows_are_the_curves() -> None:
    curves = [parameter.values[0] for parameter in CURVES]
    times = np.linspace(0, 1200, 3001).reshape(3001, 1)
    want = np.array([curve(times) for curve in curves])  # type: ignore[operator]
    for threads in (None, 1, 2, 5):
        assert_same_bits(evaluate(curves, times, threads=threads), want)  # type: ignore[arg-type]
    small = evaluate(iter(curves), times, dtype="float32")  # type: ignore[arg-type]
    assert small.dtype == np.float32
    np.testing.assert_array_equal(small, want.astype(np.float32))
    out = np.full(want.shape, SENTINEL)
    assert evaluate(curves, {"ba": times}, out=out) is out  # type: ignore[arg-type]
    assert_same_bits(out, want)


def test_many_curves_at_few_times_and_few_at_many() -> None:
    sweep = [CosineAnnealingScheduler(f"{n}ba").resolve(Run("2000ba")) for n in range(1, 1001)]
    for curves, times in ((sweep, np.arange(200)), (sweep[:3], np.arange(100_000))):
        want = np.array([curve(times) for curve in curves])
        assert_same_bits(evaluate(curves, times, threads=3), want)
        assert_same_bits(evaluate(curves, times), want)
    assert_same_bits(evaluate(sweep[:2], 5), [sweep[0](5), sweep[1](5)])


def test_no_curves_and_no_times() -> None:
    assert evaluate([], np.zeros((3, 2))).shape == (0, 3, 2)
    assert evaluate([COSINE] * 2, []).shape == (2, 0)
    assert evaluate([], {"ba": [1, 2]}).shape == (0, 2)


def test_curves_of_several_clocks_need_a_mapping() -> None:
    token = LinearScheduler().resolve(Run("1000tok"))
    times = {"ba": np.arange(40), "tok": np.arange(0, 1000, 25), "ep": np.zeros(40)}
    want = [TWO_CLOCKS(times), COSINE(times["ba"]), token(times["tok"])]
    assert_same_bits(evaluate([TWO_CLOCKS, COSINE, token], times), want)
    with pytest.raises(UnitError, match="'ba' and 'tok'"):
        evaluate([COSINE, token], np.arange(40))
    with pytest.raises(UnitError, match="these curves read 'tok' too: the mapping lacks it"):
        evaluate([COSINE, token], {"ba": np.arange(40)})
    with pytest.raises(ScheduleError, match="one shape"):
        evaluate([COSINE, token], {"ba": np.arange(40), "tok": np.arange(41)})


def test_out_of_many_curves() -> None:
    out = np.full((2, 3), SENTINEL)
    for bad in (np.full((3, 2), SENTINEL), np.full(3, SENTINEL), np.full(6, SENTINEL)):
        with pytest.raises(ScheduleError, match="shape"):
            evaluate([COSINE] * 2, [1, 2, 3], out=bad)
    with pytest.raises(ScheduleError, match="-1"):
        evaluate([COSINE] * 2, [1, 2, -1], out=out)
    assert (out == SENTINEL).all()
    times = np.arange(3.0)
    wide = np.concatenate([times, times])
    evaluate([COSINE] * 2, wide[:3], out=wide.reshape(2, 3))
    assert_same_bits(wide, np.tile(COSINE(times), 2))


@pytest.mark.parametrize(
    "curves", [COSINE, 3, None, [3], ["a"], [COSINE, None], StepScheduler("1ba")]
)
def test_what_is_no_curve_is_refused(curves: Any) -> None:
    with pytest.raises(TypeError, match="curves must be an iterable of curves"):
        evaluate(curves, [1])


def test_errors_of_an_iterable_pass_through() -> None:
    def broken() -> Any:
        yield COSINE
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        evaluate(broken(), [1])


@pytest.mark.parametrize("times", ["5ba", True, None, [True], ["1"], [1j]])
def test_times_of_many_curves_are_numbers(times: Any) -> None:
    with pytest.raises(TypeError):
        evaluate([COSINE], times)


def test_it_is_public() -> None:
    assert epochal.evaluate is evaluate
    assert "evaluate" in epochal.__all__
