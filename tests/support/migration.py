"""The tables of docs/migration.md: what stands on the left, and the schedule on the right."""

import json
import re
from pathlib import Path
from typing import Any

import epochal

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "migration.md"
# The rates of the left sides whose libraries the tests do not install, step by step; written by
# tests/frameworks/migration.py, which asks the libraries themselves.
RECORDED = ROOT / "tests" / "vectors" / "migration.json"
STEPS = 100
# Rates lie between 0 and 1. Some libraries compute each from the one before.
TOLERANCE = 1e-12

Row = tuple[str, str]


def tables() -> dict[str, list[Row]]:
    """The rows of two cells of code under each heading of the page."""
    found: dict[str, list[Row]] = {}
    heading = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif match := re.fullmatch(r"\| `([^`]+)` \| `([^`]+)` \|", line):
            found.setdefault(heading, []).append((match[1], match[2]))
    return found


def recorded() -> dict[str, list[float]]:
    values: dict[str, list[str]] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return {left: [float.fromhex(value) for value in rates] for left, rates in values.items()}


def ours(right: str) -> list[float]:
    """The rates of a right side."""
    schedule: Any = eval(right, vars(epochal))
    rates: list[float] = schedule.resolve(f"{STEPS}ba").grid().tolist()
    return rates
