"""Count the instructions of each curve; fail where one takes more than it took.

    python benchmarks/gate.py target/release/examples/kernels [--update]

`instructions.txt` holds the counts. Times depend on the machine and on what else runs there; the
number of instructions depends on the program, its compiler and the C library alone. valgrind counts
those of one function, `measured`, in a run of the program for each curve.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

COUNTS = Path(__file__).with_name("instructions.txt")
TOLERANCE = 0.05
FUNCTION = "*measured*"  # as valgrind shows it, with the path of its module

HEADER = """\
# Instructions for 100,000 points of each curve of rust/epochal-core/examples/kernels.rs.
# `make gate` compares with them; `make gate-update` writes this file.
"""

Counts = dict[str, int]


def valgrind() -> str:
    """The program; installed by apt-get where that is possible."""
    if not shutil.which("valgrind") and shutil.which("apt-get") and os.geteuid() == 0:
        for arguments in (["update"], ["install", "--yes", "valgrind"]):
            subprocess.run(["apt-get", "--quiet", *arguments], stdout=sys.stderr, check=False)
    found = shutil.which("valgrind")
    if not found:
        sys.exit(
            "valgrind counts the instructions: install it, for example apt-get install valgrind"
        )
    return found


def compiler() -> str:
    """What compiled the program: version and target, on one line."""
    command = ["rustc", "--version", "--verbose"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    host = next(line.removeprefix("host: ") for line in lines if line.startswith("host: "))
    return f"{lines[0]}, {host}"


def count(program: str) -> Counts:
    """The instructions of each curve that the program knows."""
    counter = valgrind()
    names = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return {name: count_one(counter, program, name) for name in names.splitlines()}


def count_one(counter: str, program: str, curve: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "counts")
        tool = ["--tool=callgrind", f"--toggle-collect={FUNCTION}", f"--callgrind-out-file={out}"]
        run = subprocess.run(
            [counter, "--quiet", *tool, program, curve], capture_output=True, text=True, check=False
        )
        if run.returncode:
            sys.exit(f"{curve}: valgrind failed\n{run.stderr}")
        totals = [line for line in out.read_text().splitlines() if line.startswith("totals: ")]
    instructions = int(totals[0].split()[1])
    if not instructions:
        sys.exit(f"{curve}: valgrind saw no function {FUNCTION}")
    return instructions


def read() -> tuple[str, Counts]:
    """The compiler and the counts of the file."""
    lines = COUNTS.read_text(encoding="utf-8").splitlines()
    by = next(line.removeprefix("# by ") for line in lines if line.startswith("# by "))
    rows = (line.rsplit(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return by, {curve: int(instructions.replace("_", "")) for curve, instructions in rows}


def write(by: str, counts: Counts) -> None:
    rows = [f"{curve:<32}{instructions:>14_}\n" for curve, instructions in counts.items()]
    COUNTS.write_text(f"{HEADER}# by {by}\n\n{''.join(rows)}", encoding="utf-8")


def compare(allowed: Counts, counts: Counts) -> tuple[list[str], list[str]]:
    """What is wrong, and what has become cheaper."""
    wrong = [f"{curve}: in {COUNTS.name}, but not counted" for curve in allowed.keys() - counts]
    cheaper = []
    for curve, now in counts.items():
        if curve not in allowed:
            wrong.append(f"{curve}: {now:,} instructions, but no count in {COUNTS.name}")
            continue
        before = allowed[curve]
        limit = int(before * (1 + TOLERANCE))
        change = f"{now / before - 1:+.1%} of {before:,}"
        if now > limit:
            wrong.append(f"{curve}: {now:,} instructions, {limit:,} allowed ({change})")
        elif now <= before * (1 - TOLERANCE):
            cheaper.append(f"{curve}: {now:,} instructions ({change})")
    return wrong, cheaper


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("program", help="the example `kernels`, built for release")
    parser.add_argument("--update", action="store_true", help=f"write {COUNTS.name}")
    arguments = parser.parse_args()
    program = str(Path(arguments.program).resolve())
    by, counts = compiler(), count(program)
    if arguments.update:
        write(by, counts)
        print(f"{len(counts)} counts written to {COUNTS}")
        return
    by_before, allowed = read()
    wrong, cheaper = compare(allowed, counts)
    for line in cheaper:
        print(f"cheaper: {line}; update with make gate-update")
    for line in wrong:
        print(f"wrong: {line}")
    if by != by_before:
        print(
            f"note: {COUNTS.name} was counted with {by_before}, and this is {by}. That alone may "
            "change the counts; make gate-update before a change of the sources tells the two apart"
        )
    if wrong:
        sys.exit(f"{len(wrong)} of {len(counts)} curves fail; if that is meant: make gate-update")
    print(f"{len(counts)} curves take at most {TOLERANCE:.0%} more instructions than recorded")


if __name__ == "__main__":
    main()
