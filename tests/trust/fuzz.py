"""Fuzz targets of the core: bytes made by libFuzzer become texts, times, trees and arrays.

Each target of rust/fuzz compares: what is parsed with the rules in a naive form, arithmetic with
whole numbers of any size, trees with their own text and with what their parts give, arrays with
their times one by one. Wrong is an input on which a comparison fails, the core panics or takes over
twenty seconds, or AddressSanitizer finds a memory error.

In full, each target is run with AddressSanitizer. Parsing and arithmetic, which are safe Rust, are
run without it as well, since that is five times as fast. It needs the nightly compiler and `make
build/fuzz/bin/cargo-fuzz`. In short, the stable compiler runs the targets on the inputs that are
kept, and on a few random ones.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from figures import Figure, tell
from fuzz_inputs import TARGETS, unpack

ROOT = Path(__file__).parents[2]
FUZZ = ROOT / "rust" / "fuzz"
BUILD = ROOT / "build" / "fuzz"
CARGO_TARGETS = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
CARGO_FUZZ = BUILD / "bin" / "cargo-fuzz"
# Tables of where memory came from cost half of the speed, and leaks are none of safe Rust's.
SANITIZER = "malloc_context_size=1:quarantine_size_mb=16:detect_stack_use_after_return=0"
AT_ONCE = 2
# In bytes: more make no longer time, and trees that are no larger.
LONGEST = {"parse": 72, "arithmetic": 64, "trees": 400, "bulk": 400}


@dataclass(frozen=True)
class Job:
    """A target, for so many seconds, with a sanitizer or `none`."""

    target: str
    sanitizer: str
    seconds: int


# In pairs that last as long: two run at a time.
JOBS = [
    Job("trees", "address", 120),
    Job("bulk", "address", 120),
    Job("parse", "address", 30),
    Job("arithmetic", "address", 30),
    Job("parse", "none", 400),
    Job("arithmetic", "none", 400),
]


@dataclass(frozen=True)
class Outcome:
    """What libFuzzer says in the end."""

    executions: int
    edges: int
    is_wrong: bool


def build(sanitizer: str) -> None:
    comparisons = [] if sanitizer == "address" else ["--no-trace-compares"]
    folder = CARGO_TARGETS / f"fuzz-{sanitizer}"
    command = [
        *("cargo", "+nightly", "fuzz", "build", "--fuzz-dir", str(FUZZ)),
        *("--target-dir", str(folder), "--sanitizer", sanitizer, *comparisons),
    ]
    path = f"{CARGO_FUZZ.parent}{os.pathsep}{os.environ['PATH']}"
    # cargo-fuzz looks for a package from the folder it is in.
    subprocess.run(command, check=True, cwd=FUZZ, env={**os.environ, "PATH": path}, stdout=2)


def is_ready() -> bool:
    nightly = subprocess.run(["cargo", "+nightly", "--version"], capture_output=True, check=False)
    return nightly.returncode == 0 and CARGO_FUZZ.exists()


def run(job: Job) -> Outcome:
    """Until the time is over or something is found."""
    corpus = unpack(job.target, BUILD / "corpus" / job.target)
    artifacts = BUILD / "artifacts" / job.target
    artifacts.mkdir(parents=True, exist_ok=True)
    before = set(artifacts.iterdir())
    program = next((CARGO_TARGETS / f"fuzz-{job.sanitizer}").glob(f"*/release/{job.target}"))
    command = [
        *("nice", "-n", "5", str(program), str(corpus)),
        *(f"-max_total_time={job.seconds}", "-timeout=20", "-rss_limit_mb=2048"),
        *(f"-max_len={LONGEST[job.target]}", "-len_control=0", "-entropic=0"),
        *("-print_final_stats=1", f"-artifact_prefix={artifacts}/"),
    ]
    environment = {**os.environ, "ASAN_OPTIONS": SANITIZER}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    new = sorted(set(artifacts.iterdir()) - before)
    if done.returncode != 0:
        print(done.stderr[-4000:], *new, sep="\n", file=sys.stderr)
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    edges = re.findall(r"\bcov: (\d+)", done.stderr)
    outcome = Outcome(
        executions=int(executions[1]) if executions else 0,
        edges=int(edges[-1]) if edges else 0,
        is_wrong=done.returncode != 0,
    )
    print(f"{job}: {outcome}, {outcome.executions / job.seconds:,.0f}/s", file=sys.stderr)
    return outcome


def in_full() -> list[Figure]:
    if not is_ready():
        sys.exit(
            "fuzzing needs the nightly compiler and cargo-fuzz: "
            "rustup toolchain install nightly && make build/fuzz/bin/cargo-fuzz"
        )
    for sanitizer in sorted({job.sanitizer for job in JOBS}):
        build(sanitizer)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = dict(zip(JOBS, pool.map(run, JOBS), strict=True))
    executions = {
        target: sum(found.executions for job, found in outcomes.items() if job.target == target)
        for target in TARGETS
    }
    sanitized = sum(
        found.executions for job, found in outcomes.items() if job.sanitizer == "address"
    )
    edges = {
        job.target: found.edges for job, found in outcomes.items() if job.sanitizer == "address"
    }
    wrong = sum(found.is_wrong for found in outcomes.values())
    return [
        Figure("fuzz executions", sum(executions.values()), at_least=1e8),
        *(Figure(f"of them of the target {target}", count) for target, count in executions.items()),
        Figure("of them with AddressSanitizer", sanitized),
        Figure("runs of a target that found something wrong", wrong, at_most=0),
        *(
            Figure(f"edges covered by the target {target}", count)
            for target, count in edges.items()
        ),
    ]


def in_short() -> list[Figure]:
    """The kept inputs, by a test that the stable compiler builds."""
    command = [
        *("cargo", "test", "--locked", "--quiet", "--manifest-path", str(FUZZ / "Cargo.toml")),
        *("--target-dir", str(CARGO_TARGETS / "fuzz"), "--test", "replay", "--", "--nocapture"),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        print(done.stdout[-4000:], file=sys.stderr)
    kept, random = (
        sum(map(int, re.findall(rf"^(\d+) {kind} inputs", done.stdout, re.MULTILINE)))
        for kind in ("kept", "random")
    )
    return [
        Figure("kept inputs of the fuzz targets", kept, at_least=100),
        Figure("random inputs of them", random, at_least=1000),
        Figure("runs of them with a wrong one", int(done.returncode != 0), at_most=0),
    ]


def measure(short: bool) -> list[Figure]:
    return in_short() if short else in_full()


if __name__ == "__main__":
    tell(measure)
