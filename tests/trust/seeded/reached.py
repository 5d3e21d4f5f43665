"""Which tests reach which functions, and how long each takes: what is tried on a fault."""

import ctypes
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from seeded import processes
from seeded.faults import ROOT, Fault

# What is tested in one process. The rest starts programs, or reads the sources themselves.
TESTS = (
    "core",
    "config",
    "view",
    "torch",
    "trainer",
    "rows",
    "programs/test_cli.py",
    "house/test_examples.py",
    "house/test_house.py",
)


@dataclass
class Reached:
    """By test: its seconds. By a function's place, or a fault's number: the tests that reach it."""

    seconds: dict[str, float] = field(default_factory=dict)
    tests: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


class Recorder:
    def __init__(self, folder: Path, count: int, out: Path) -> None:
        self.prefix = str(folder / "epochal")
        self.count = count
        self.out = out
        self.codes: set[CodeType] = set()
        self.reached = Reached()
        self.failed: set[str] = set()

    def trace(self, frame: FrameType, event: str, argument: Any) -> None:
        self.codes.add(frame.f_code)

    def asked(self) -> list[int]:
        """The faults that the program came by since the last question."""
        import epochal._core

        buffer = (ctypes.c_uint8 * (self.count + 1))()
        ctypes.CDLL(epochal._core.__file__).epochal_seeded_reached(buffer)
        return [number for number, reached in enumerate(bytes(buffer)) if reached]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.asked()
        self.codes.clear()
        began = time.monotonic()
        threading.settrace(self.trace)
        sys.settrace(self.trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            self.reached.seconds[item.nodeid] = round(time.monotonic() - began, 4)
            places = {
                f"{code.co_filename.removeprefix(self.prefix)}:{code.co_firstlineno}"
                for code in self.codes
                if code.co_filename.startswith(self.prefix)
            }
            files = {place.partition(":")[0] for place in places}
            for place in [*places, *files, *map(str, self.asked())]:
                self.reached.tests[place].append(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        for tests in self.reached.tests.values():
            tests[:] = [test for test in tests if test not in self.failed]
        told = {**vars(self.reached), "failed": sorted(self.failed)}
        self.out.write_text(json.dumps(told))


def record(folder: Path, count: int, workers: int) -> Reached:
    """Runs the tests, with few examples each, under watch."""
    files = [
        str(file.relative_to(ROOT))
        for name in TESTS
        for file in ([ROOT / "tests" / name] if name.endswith(".py")
                     else sorted((ROOT / "tests" / name).glob("test_*.py")))
    ]  # fmt: skip
    parts = 2 * workers
    outs = [folder / f"reached-{part}.json" for part in range(parts)]

    def job(part: int) -> processes.Job:
        recorder = Recorder(folder, count, outs[part])

        def work() -> int:
            flags = ["--hypothesis-profile=quick"]
            return processes.pytest(folder, files[part::parts], flags, [recorder])

        return processes.Job(work, folder / f"reached-{part}.txt", 900)

    for done in processes.run(map(job, range(parts)), workers):
        print(
            f"  the tests under watch: {done.took:.0f} s, status {done.status}",
            file=sys.stderr,
            flush=True,
        )
        if done.status not in (0, 1):
            raise RuntimeError(done.output.read_text()[-3000:])
    whole = Reached()
    for out in outs:
        part = json.loads(out.read_text())
        whole.seconds.update(part["seconds"])
        for test in part["failed"]:
            print(f"  fails without a fault: {test}", file=sys.stderr, flush=True)
        for place, tests in part["tests"].items():
            whole.tests[place] += tests
    return whole


def tests_of(fault: Fault, number: int | None, reached: Reached) -> list[str]:
    """Those that reach a fault of Rust, or the function of one of Python, or else its file.

    What runs at import alone is reached by none, and so every test may tell. The command line is
    mostly tried in processes of its own, which are not watched.
    """
    if fault.home == "programs":
        return [test for test in reached.seconds if test.startswith("tests/programs/")]
    place = fault.path.removeprefix("python/epochal")
    if number is not None:
        place = str(number)
    elif fault.first_line:
        place += f":{fault.first_line}"
    return reached.tests.get(place) or list(reached.seconds)
