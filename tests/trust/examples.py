"""Examples that Hypothesis draws anew for the properties that the tests state.

The property tests of the files where an example is cheap, with many of them; only examples that
run to their end count. A property that an example breaks is a failure.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import Figure, tell

ROOT = Path(__file__).parents[2]
# How many examples each property gets, and where they are.
RUNS = [
    (12_800, ["core/test_time.py"]),
    (
        2_300,
        [
            "core/test_timestamp.py",
            "core/test_run.py",
            "core/test_clock.py",
            "config/test_config.py",
        ],
    ),
    (400, ["core/test_tree_algebra.py", "core/test_bad_input.py"]),
]
# Their time goes into a validator of JSON schemas, which is none of the package's.
ELSEWHERE = "not the_schema"


def tested(files: list[str], examples: int, processes: int) -> dict[str, dict[str, int]]:
    """What became of each test."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "tally.json"
        paths = (str(Path(__file__).parent), os.environ.get("PYTHONPATH", ""))
        command = [sys.executable, "-m", "pytest", "-q", "-n", str(processes), "-p", "tally"]
        command += ["--tally-out", str(out), "-m", "hypothesis", "-k", ELSEWHERE]
        command += ["--hypothesis-profile=trust", *(f"tests/{file}" for file in files)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "TRUST_EXAMPLES": str(examples),
        }
        # The standard output is for figures.
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=sys.stderr, check=False)
        # 1: some have failed, which is a figure.
        if done.returncode > 1:
            raise RuntimeError(f"pytest ended with {done.returncode}")
        found: dict[str, dict[str, int]] = json.loads(out.read_text())
        return found


def measure(short: bool) -> list[Figure]:
    tests: dict[str, dict[str, int]] = {}
    for examples, files in RUNS[:1] if short else RUNS:
        tests |= tested(files, 5 if short else examples, 0 if short else 2)
    return [
        Figure("properties", len(tests)),
        Figure("examples of them", sum(t["examples"] for t in tests.values()), at_least=500_000),
        Figure("properties that failed", sum(t["failed"] for t in tests.values()), at_most=0),
    ]


if __name__ == "__main__":
    tell(measure)
