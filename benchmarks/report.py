"""What was measured, as a table, as Markdown and as JSON."""

import json
import os
import platform
import textwrap
from datetime import date
from importlib import metadata
from itertools import groupby
from pathlib import Path
from typing import Any

from contest import Outcome, Spread
from epochal import _core

PEERS = ["numpy", "numba", "torch", "jax", "optax", "timm", "transformers"]
WIDTH = 56  # of the longest name
COMMAND = "make bench"
LEGEND = "ratio: ours ÷ peer's, the median of all rounds and [its quartiles]; below 1 epochal wins"


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def machine() -> dict[str, Any]:
    """Where and with what this was measured."""
    return {
        "date": date.today().isoformat(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "cpu_level": getattr(_core, "CPU_LEVEL", "unknown"),
        "versions": {package: version(package) for package in ["epochal", *PEERS]},
    }


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"


def heading(facts: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (
        f"{facts['system']}, {facts['processor']}, {facts['cpus']} CPUs, load {facts['load']}, "
        f"instructions: {facts['cpu_level']}\nPython {facts['python']}, {versions}\n\n{LEGEND}"
    )


# The table, a line as soon as it is known


def table_head() -> str:
    columns = f"{'ours':>9} {'peer':>9} {'ratio':>7} {'[quartiles]':>17} {'goal':>6}"
    return f"{'ours : peer':<{WIDTH}} {columns}"


def table_row(outcome: Outcome) -> str:
    name = f"  {outcome.contest.name:<{WIDTH - 2}}"
    goal = "" if outcome.contest.goal is None else number(outcome.contest.goal)
    if outcome.ours is None or outcome.peer is None or outcome.ratio is None:
        return f"{name} {outcome.missing:<46} {goal:>6}  missing"
    quartiles = f"[{number(outcome.ratio.low)}, {number(outcome.ratio.high)}]"
    ours, peer = (quantity(side.median, outcome.unit) for side in (outcome.ours, outcome.peer))
    ratio = number(outcome.ratio.median)
    row = f"{name} {ours:>9} {peer:>9} {ratio:>7} {quartiles:>17} {goal:>6}  {outcome.verdict}"
    return row.rstrip()


def summary(outcomes: list[Outcome]) -> str:
    verdicts = [outcome.verdict for outcome in outcomes]
    met, not_met, missing = map(verdicts.count, ("met", "not met", "missing"))
    return f"goals: {met} met, {not_met} not met; contests missing: {missing}"


def number(value: float) -> str:
    """Three digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def quantity(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:.2f} {unit}"
    for name, size in [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)]:
        if value >= size:
            return f"{number(value / size)} {name}"
    return f"{number(value / 1e-9)} ns"


# For docs/exactness.md


def markdown(outcomes: list[Outcome], facts: dict[str, Any]) -> str:
    """The rows that docs/exactness.md quotes, with the command and the machine."""
    chosen = [outcome for outcome in outcomes if outcome.contest.in_readme]
    rows = []
    for group, members in groupby(chosen, key=lambda outcome: outcome.contest.group):
        rows += [f"| **{group}** | | |", *map(markdown_row, members)]
    peers = ", ".join(f"{name} {facts['versions'][name]}" for name in PEERS)
    where = f"{facts['processor']}, {facts['cpus']} CPUs, Python {facts['python']}"
    return "\n".join(
        [
            *textwrap.wrap(f"`{COMMAND}` on {where}, {peers}:", 100, break_on_hyphens=False),
            "",
            "| ours : peer | ratio | quartiles |",
            "| --- | --- | --- |",
            *rows,
        ]
    )


def markdown_row(outcome: Outcome) -> str:
    name, ratio = outcome.contest.name, outcome.ratio
    if ratio is None:
        return f"| {name} | missing | |"
    low, median, high = map(number, ratio)
    return f"| {name} | {median} | {low} to {high} |"


# Files


def as_json(outcomes: list[Outcome], facts: dict[str, Any]) -> str:
    def spread(values: Spread | None) -> dict[str, float] | None:
        return values._asdict() if values else None

    contests = [
        {
            "group": outcome.contest.group,
            "name": outcome.contest.name,
            "goal": outcome.contest.goal,
            "verdict": outcome.verdict,
            "unit": outcome.unit,
            "ours": spread(outcome.ours),
            "peer": spread(outcome.peer),
            "ratio": spread(outcome.ratio),
            "missing": outcome.missing,
        }
        for outcome in outcomes
    ]
    return json.dumps({"machine": facts, "contests": contests}, indent=1, ensure_ascii=False)
