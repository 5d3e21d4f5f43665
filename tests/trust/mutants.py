"""Seeds faults in the core, the binding and the Python layer, and counts those that no test sees.

    python tests/trust/mutants.py [--short] [--seed N] [--count CORE BINDING PYTHON] [--again]

A fault is one change of one place: `<` for `<=`, `and` for `or`, a number that is one more, a
condition that always holds, a statement that is left out, a function that returns at once. The
sources are cut into such faults mechanically, and a sample is drawn from them, evenly over files
and their functions. A fault is caught where a test fails that reaches its function, by the few
examples of the profile `quick`; or where none ends in time. `seeded/explained.py` has those that
change nothing that is promised, each with its reason. Any other counts as wrong.

All faults of Rust are compiled into one extension, and the environment chooses one. A Python
fault is a copy of the installed package with one file changed. The outputs of the tests are in
build/seeded, and `--again` takes the extension and the record of what reaches what from there.
"""

import argparse
import bisect
import itertools
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from figures import Figure, tell
from seeded import processes, reached, rust_build
from seeded.explained import EXPLAINED
from seeded.faults import ROOT, Fault, sample
from seeded.python_faults import python_faults, with_fault
from seeded.rust_faults import rust_places

BUILD = ROOT / "build" / "seeded"
TRIED = BUILD / "tried.tsv"
SEED = 1
COUNTS = {"core": 65, "binding": 20, "Python layer": 75}
WORKERS = 2
# The seconds that the tests take on which a fault is tried first, and then others, and at last all.
STEPS = (5.0, 40.0, math.inf)
FILES = 3  # of the first step: to collect the tests of all takes longer than to run them
# What a dozen faults are tried on at once.
SHORT = {
    "python/epochal/config/_mappings.py": "tests/config/test_config.py",
    "python/epochal/_functions.py": "tests/core/test_functions.py",
    "python/epochal/view/_diff.py": "tests/view/test_diff.py",
}


class Only:
    """Leaves the tests of a list, in its order, after those that are newer than the record."""

    def __init__(self, tests: list[str], recorded: Collection[str]) -> None:
        self.place = {test: place for place, test in enumerate(tests)}
        self.recorded = recorded

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (
                item
                for item in items
                if item.nodeid in self.place or item.nodeid not in self.recorded
            ),
            key=lambda item: self.place.get(item.nodeid, -1),
        )


def steps(fault: Fault, tests: list[str], seconds: dict[str, float]) -> Iterator[list[str]]:
    """The tests to try: one case of each of a few files, as far as the time goes, then others, then
    all that are left.

    The files are those at home that have most to say of it.
    """
    order = sorted(tests, key=seconds.__getitem__)
    cases = list({test.partition("[")[0]: test for test in reversed(order)}.values())
    count = Counter(map(file_of, cases))

    def rank(file: str) -> tuple[bool, int]:
        return f"tests/{fault.home}/" not in file, -count[file]

    files = sorted(count, key=rank)
    few = files[:FILES]
    first = within([test for test in reversed(cases) if file_of(test) in few], STEPS[0], seconds)
    yield first
    order.sort(key=lambda test: rank(file_of(test)))
    others = [test for test in order if test not in set(first)]
    second = within(others, STEPS[1], seconds)
    yield second
    yield others[len(second) :]


def file_of(test: str) -> str:
    return test.partition("::")[0]


def within(tests: list[str], most: float, seconds: dict[str, float]) -> list[str]:
    """As many of the tests, in their order, as the time is enough for, and one at least."""
    spent = list(itertools.accumulate(seconds[test] for test in tests))
    return tests[: max(1, bisect.bisect(spent, most))]


@dataclass
class Trial:
    """A fault, and which step of its tests saw it: none, so far or for good."""

    fault: Fault
    number: int | None = None
    caught: str = ""


class Campaign:
    def __init__(self, folder: Path, programs: list[Path], known: reached.Reached) -> None:
        self.folder = folder
        self.programs = programs
        self.known = known

    def run(self, trials: list[Trial]) -> None:
        for step in range(len(STEPS)):
            tried: dict[int, Trial] = {}
            open_ones = [trial for trial in trials if not trial.caught]
            for done, job in enumerate(
                processes.run(self.jobs(open_ones, step, tried), WORKERS), 1
            ):
                trial = tried[id(job)]
                if job.failed():
                    trial.caught = "hangs" if job.status is None else f"step {step + 1}"
                shutil.rmtree(job.output.with_suffix(""), ignore_errors=True)
                with TRIED.open("a") as file:
                    print(f"{job.took:.1f} s", trial.caught, trial.fault.name, sep="\t", file=file)
                if done % 25 == 0:
                    left = sum(not trial.caught for trial in trials)
                    print(
                        f"  step {step + 1}: {done} tried, {left} left", file=sys.stderr, flush=True
                    )

    def jobs(
        self, trials: list[Trial], step: int, tried: dict[int, Trial]
    ) -> Iterator[processes.Job]:
        for trial in trials:
            job = self.job(trial, step)
            tried[id(job)] = trial
            yield job

    def job(self, trial: Trial, step: int) -> processes.Job:
        fault, number = trial.fault, trial.number
        known = self.known
        tests = list(steps(fault, reached.tests_of(fault, number, known), known.seconds))[step]
        output = BUILD / "outputs" / f"{abs(hash(fault.name)):x}.txt"
        environment = {"EPOCHAL_SEEDED_FAULT": str(number)} if number else {}

        def work() -> int:
            if number and step == 0:
                for program in self.programs:
                    if subprocess.run([program], cwd=self.core, env={**environment}).returncode:
                        return 1
            if not tests:
                return 5
            folder = self.folder / "rust" if number else made(fault, output.with_suffix(""))
            files = list(dict.fromkeys(map(file_of, tests)))
            flags = ["-x", "--hypothesis-profile=quick"]
            return processes.pytest(
                folder, files, flags, [Only(tests, known.seconds)], **environment
            )

        seconds = 60 + 10 * sum(known.seconds[test] for test in tests)
        return processes.Job(work, output, seconds)

    core = rust_build.TREE / "rust" / "epochal-core"


def made(fault: Fault, folder: Path) -> Path:
    """A package with a fault."""
    name = fault.path.removeprefix("python/")
    return processes.package(folder, {name: with_fault(fault, processes.INSTALLED)})


def prepared(seed: int, counts: dict[str, int], again: bool) -> tuple[list[Trial], Campaign]:
    """The extension with its faults, the faults of Python, and what reaches them."""
    kept = BUILD / "kept.json"
    places = rust_places()
    names = {place.fault.name: place for place in places}
    if again:
        told = json.loads(kept.read_text())
        places = [names[name] for name in told["faults"]]
        programs = [Path(program) for program in told["programs"]]
        known = reached.Reached(told["seconds"], told["tests"])
    else:
        drawn: set[Fault] = set()
        for layer in ("core", "binding"):
            faults = [place.fault for place in places if place.fault.layer == layer]
            drawn |= set(sample(faults, counts[layer], seed))
            drawn |= {fault for fault in faults if fault.function == "by hand"}
        say(f"{len(places):,} faults of Rust, of which {len(drawn)} are compiled")
        places, library, programs = rust_build.build([p for p in places if p.fault in drawn])
        shutil.rmtree(BUILD / "rust", ignore_errors=True)
        processes.package(BUILD / "rust", {}, library)
        say("what reaches what")
        known = reached.record(BUILD / "rust", len(places), WORKERS)
        kept.write_text(json.dumps({
            "faults": [place.fault.name for place in places],
            "programs": list(map(str, programs)),
            **vars(known),
        }))  # fmt: skip
    trials = [Trial(place.fault, number) for number, place in enumerate(places, start=1)]
    of_python = python_faults()
    say(f"{len(of_python):,} faults of Python, of which {counts['Python layer']} are tried")
    trials += [Trial(fault) for fault in sample(of_python, counts["Python layer"], seed)]
    return trials, Campaign(BUILD, programs, known)


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def full(seed: int, counts: dict[str, int], again: bool) -> list[Figure]:
    processes.warm()
    (BUILD / "outputs").mkdir(parents=True, exist_ok=True)
    trials, campaign = prepared(seed, counts, again)
    if again and TRIED.exists():
        caught = dict(line.split("\t")[:0:-1] for line in TRIED.read_text().splitlines())
        for trial in trials:
            trial.caught = caught.get(trial.fault.name, "")
    else:
        TRIED.unlink(missing_ok=True)
    campaign.run([trial for trial in trials if trial.fault.name not in EXPLAINED])
    return told(trials)


def told(trials: list[Trial]) -> list[Figure]:
    figures = [
        Figure(f"faults seeded in the {layer}", count)
        for layer in COUNTS
        if (count := sum(trial.fault.layer == layer for trial in trials))
    ]
    explained = [trial for trial in trials if trial.fault.name in EXPLAINED]
    left = [trial for trial in trials if not trial.caught and trial not in explained]
    for trial in left:
        say(f"NOT SEEN line {trial.fault.line} {trial.fault.name}")
    return [
        *figures,
        Figure("of them caught by a test", sum(bool(trial.caught) for trial in trials)),
        Figure("of them that change nothing promised, with the reason", len(explained)),
        Figure("of them neither caught nor explained", len(left), at_most=0),
    ]


def short() -> list[Figure]:
    """Faults of three files, each tried on the tests that mirror it."""
    processes.warm()
    trials = [
        Trial(fault)
        for path in SHORT
        for fault in sample([fault for fault in python_faults() if fault.path == path], 4, SEED)
    ]
    with tempfile.TemporaryDirectory() as folder:

        def job(number: int) -> processes.Job:
            fault = trials[number].fault
            place = Path(folder) / str(number)
            flags = ["-x", "--hypothesis-profile=quick"]

            def work() -> int:
                return processes.pytest(made(fault, place), [SHORT[fault.path]], flags, [])

            return processes.Job(work, place.with_suffix(".txt"), 120)

        jobs = list(map(job, range(len(trials))))
        for _ in processes.run(iter(jobs), WORKERS):
            pass
        for trial, done in zip(trials, jobs, strict=True):
            trial.caught = "yes" if done.failed() else ""
    return told(trials)


def measure(is_short: bool) -> list[Figure]:
    return short() if is_short else full(SEED, COUNTS, again=False)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, nargs=3, default=list(COUNTS.values()))
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    began = time.monotonic()
    counts = dict(zip(COUNTS, arguments.count, strict=True))
    for figure in full(arguments.seed, counts, arguments.again):
        print(f"{figure.value:>8,}  {figure.what}")
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    if len(sys.argv) == 1 or sys.argv[1:] == ["--short"]:
        tell(measure)
    else:
        main()
