"""What a fresh interpreter takes: the time of an import, the memory of a grid."""

import subprocess
import sys
import time
from pathlib import Path

from contest import Contest, Effort, MissingError

GROUP = "A fresh interpreter"
POINTS = 100_000_000
BYTES_NEEDED = 2 * 8 * POINTS  # twice what is expected

GRID = f"""
from pathlib import Path
import numpy, epochal

def peak():
    # Of this program alone; getrusage counts what its parent had, too.
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))

run = epochal.Run("{POINTS}ba")
curve = epochal.CosineAnnealingWithWarmupScheduler("10000ba").resolve(run)
curve.grid(stop=1000)
before = peak()
values = curve.grid()
assert len(values) == {POINTS} and values[-1] > 0
print(peak() - before)
"""


SHOW = """
from epochal.__main__ import main
main(["show", "WSD(t_warmup='2000ba')", "--run", "90ep", "--batches-per-epoch", "1000"])
"""


class Imports:
    """Times of whole programs, less that of an empty one."""

    unit = "s"

    def measure(self, effort: Effort) -> list[tuple[float, float]]:
        programs = ["pass", "import epochal", "import numpy"]
        for program in programs:
            run(program)  # brings the files into the cache
        rounds = []
        for _ in range(effort.rounds):
            empty, ours, peer = map(seconds_of, programs)
            rounds.append((max(ours - empty, 1e-6), max(peer - empty, 1e-6)))
        return rounds


class Shows:
    """Times of whole programs."""

    unit = "s"

    def measure(self, effort: Effort) -> list[tuple[float, float]]:
        run(SHOW)
        return [(seconds_of(SHOW), seconds_of("pass")) for _ in range(effort.rounds)]


class BytesPerPoint:
    """How much a grid adds to the highest use of memory, against the size of its values."""

    unit = "B"

    def measure(self, effort: Effort) -> list[tuple[float, float]]:
        return [(int(run(GRID)) / POINTS, 8.0)]


def run(program: str) -> str:
    # From the root, so that only what is installed can be imported.
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout


def seconds_of(program: str) -> float:
    start = time.perf_counter()
    run(program)
    return time.perf_counter() - start


def memory() -> BytesPerPoint:
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        raise MissingError("this system does not tell how much memory is free")
    available = next(
        1024 * int(line.split()[1])
        for line in meminfo.read_text().splitlines()
        if line.startswith("MemAvailable:")
    )
    if available < BYTES_NEEDED:
        raise MissingError(f"{available / 1e9:.1f} GB are free, {BYTES_NEEDED / 1e9:.1f} needed")
    return BytesPerPoint()


CONTESTS = [
    Contest(GROUP, "import epochal : import numpy", 1 / 4, Imports, in_readme=True),
    Contest(GROUP, "epochal show : python -c pass", 3.0, Shows),
    Contest(GROUP, "memory of a grid of 1e8 : 8 bytes a point", 1.01, memory),
]
