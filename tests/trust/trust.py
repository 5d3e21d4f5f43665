"""Measures what epochal promises, a campaign after the other, and writes the report.

    python tests/trust/trust.py [--short] [--only NAME ...] [--out reliability.json]

Each campaign is a program of this folder, in a process of its own: a crash or a hang of one ends
that one. The exit status is 1 where a figure is not what it must be. With --only, figures of the
other campaigns stay in the report as they are.
"""

import argparse
import ast
import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from figures import Figure

HERE = Path(__file__).parent
SUPPORT = HERE.parent / "support"
# In the order of the report. A campaign may take half an hour; a hang is one that takes more.
CAMPAIGNS = [
    *("points", "digits", "examples", "resume", "stateful"),
    *("calls", "checkpoints", "kills", "parallel", "memory"),
    *("fuzz", "mutants"),
]
SECONDS = 1800


def measure(name: str, short: bool) -> list[Figure]:
    """What the campaign tells; its progress and its errors go to the terminal."""
    command = [sys.executable, str(HERE / f"{name}.py"), *(["--short"] if short else [])]
    environment = {**os.environ, "PYTHONPATH": str(SUPPORT)}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, timeout=SECONDS, env=environment
    )
    return [Figure(**figure) for figure in json.loads(done.stdout)]


def machine() -> dict[str, str]:
    packages = ("epochal", "torch", "numpy", "hypothesis")
    return {
        platform.system(): platform.machine(),
        "cores": str(os.cpu_count()),
        platform.python_implementation(): platform.python_version(),
        **{package: metadata.version(package) for package in packages},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="a small part of each campaign")
    parser.add_argument("--only", nargs="+", choices=CAMPAIGNS, default=CAMPAIGNS, metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("build/reliability.json"))
    arguments = parser.parse_args()

    report: dict[str, Any] = {"machine": machine(), "short": arguments.short, "campaigns": {}}
    if arguments.out.exists() and arguments.only != CAMPAIGNS:
        before = json.loads(arguments.out.read_text())
        if before["short"] == arguments.short:
            report["campaigns"] = before["campaigns"]

    faults = []
    for name in arguments.only:
        print(f"\n== {name}", flush=True)
        started = time.monotonic()
        try:
            figures = measure(name, arguments.short)
        except (subprocess.SubprocessError, ValueError) as error:
            faults.append(f"{name}: {error}")
            print(f"  {error}", flush=True)
            continue
        seconds = round(time.monotonic() - started)
        for figure in figures:
            fault = figure.fault(arguments.short)
            faults += [f"{name}: {fault}"] if fault else []
            print(f"  {figure.value:>15,}  {figure.what}{'  <- ' + fault if fault else ''}")
        report["campaigns"][name] = {
            "about": ast.get_docstring(ast.parse((HERE / f"{name}.py").read_text())),
            "seconds": seconds,
            "figures": [
                {key: value for key, value in vars(figure).items() if value is not None}
                for figure in figures
            ],
        }
        order = [name for name in CAMPAIGNS if name in report["campaigns"]]
        report["campaigns"] = {name: report["campaigns"][name] for name in order}
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")

    print(f"\n{arguments.out}", *faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
