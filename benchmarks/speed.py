"""Compare the speed of epochal with its peers; print a table of ratios.

    python benchmarks/speed.py [--only PATTERN] [--quick] [--out FOLDER]

A ratio is our time over the peer's: below 1 epochal is faster. Both sides of a contest run in
turns, many times, in this one process; the table shows medians, so that a machine which is now
fast and now slow treats both alike. Absolute times tell about this machine only.

Writes speed.json, speed.md and speed.png into the folder.
"""

import os

# Read by epochal, NumPy, numba, torch and jax when they are imported.
SETTINGS = ["EPOCHAL_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "NPROC"]
os.environ.update(dict.fromkeys(SETTINGS, "1"))

import argparse
import fnmatch
import sys
from itertools import groupby
from pathlib import Path

import bulk
import every
import picture
import report
import start
import steps
import values
from contest import NORMAL, QUICK, hold, progress
from epochal import _core

CONTESTS = [
    *bulk.CONTESTS,
    *every.CONTESTS,
    *steps.CONTESTS,
    *values.CONTESTS,
    *start.CONTESTS,
]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default="", metavar="PATTERN", help="part of a name, or a glob")
    parser.add_argument("--quick", action="store_true", help="fewer rounds; a rough picture")
    parser.add_argument("--out", default="build/bench", metavar="FOLDER", type=Path)
    arguments = parser.parse_args()
    if _core.BUILD_PROFILE != "release":
        sys.exit(f"this is a {_core.BUILD_PROFILE} build of epochal: only a release build is timed")
    pattern = f"*{arguments.only}*".lower()
    chosen = [c for c in CONTESTS if fnmatch.fnmatch(f"{c.group}: {c.name}".lower(), pattern)]
    if not chosen:
        sys.exit(f"no contest matches {arguments.only!r}")

    facts = report.machine()
    print(report.heading(facts), report.table_head(), sep="\n\n")
    outcomes = []
    for group, members in groupby(chosen, key=lambda contest: contest.group):
        print(group)
        for contest in members:
            progress(contest.name)
            outcomes.append(hold(contest, QUICK if arguments.quick else NORMAL))
            progress("")
            print(report.table_row(outcomes[-1]), flush=True)
    print(f"\n{report.summary(outcomes)}\n")

    markdown = report.markdown(outcomes, facts)
    print(markdown)
    arguments.out.mkdir(parents=True, exist_ok=True)
    table, data, drawing = (arguments.out / f"speed.{end}" for end in ("md", "json", "png"))
    table.write_text(markdown + "\n", encoding="utf-8")
    data.write_text(report.as_json(outcomes, facts), encoding="utf-8")
    picture.draw(outcomes, f"{facts['processor']}, {facts['date']}", drawing)
    print(f"\nwritten: {table}, {data}, {drawing}")


if __name__ == "__main__":
    main()
