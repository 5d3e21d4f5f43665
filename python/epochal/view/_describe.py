"""The phases of a curve as a table."""

from __future__ import annotations

from epochal._core import Curve, phases
from epochal.view._words import base_rate, short, units, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, SupportsFloat

# What is counted in a phase that changes often.
MANY = ("points", "steps", "cycles")


class Description:
    """The phases of a curve in its run. It prints as a table.

    `rows` has a dict for each phase:

    * `phase`: "ramp", "decay", "plateau", "curve" (it rises and falls), "steps", "cycles",
      "points" (more than a few of them in one phase), or "function", of which no more is known
      than its values
    * `start` and `end`: a dict from each unit that the run knows to a float
    * `alpha_start`, `alpha_end`, `alpha_min`, `alpha_max`; the last two are None for a function
    * `parts`: of how many points, steps or cycles the phase is made; 1 for others
    * `lr_start`, `lr_end`: α × `base_lr`, if that was given
    """

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def columns(self) -> list[list[str]]:
        """The columns of the table, each as lines of one width."""
        return table(self.rows)

    def __str__(self) -> str:
        return aligned(self.columns())

    __repr__ = __str__


def describe(curve: Curve, base_lr: SupportsFloat | None = None) -> Description:
    """The phases of a curve; see `Curve.describe`."""
    _, _, known = units(curve)
    base = base_rate(base_lr)
    rows = []
    for course, start, end, first, last, low, high, parts in phases(curve):
        row: dict[str, Any] = {
            "phase": course,
            "start": {unit: start * scale for unit, scale in known.items()},
            "end": {unit: end * scale for unit, scale in known.items()},
            "alpha_start": first,
            "alpha_end": last,
            "alpha_min": low,
            "alpha_max": high,
            "parts": int(parts),
        }
        if base is not None:
            row["lr_start"] = first * base
            row["lr_end"] = last * base
        rows.append(row)
    return Description(rows)


def name(row: dict[str, Any]) -> str:
    """What a phase is called: with a number, where it is made of many."""
    return phase_name(row["phase"], row["parts"])


def phase_name(course: str, parts: float) -> str:
    return f"{parts:.0f} {course}" if course in MANY else course


def table(rows: list[dict[str, Any]]) -> list[list[str]]:
    columns = [pad(["phase", *map(name, rows)])]
    for unit in rows[0]["start"]:
        columns.append(
            spans(unit, [(time(r["start"][unit], unit), time(r["end"][unit], unit)) for r in rows])
        )
    alphas = [(value(row["alpha_start"]), value(row["alpha_end"])) for row in rows]
    columns.append(spans("α", alphas, "->"))
    if any(beyond(row) for row in rows):
        columns.append(pad(["from .. to", *map(beyond, rows)]))
    if "lr_start" in rows[0]:
        rates = [(value(row["lr_start"]), value(row["lr_end"])) for row in rows]
        columns.append(spans("lr", rates, "->"))
    return columns


def time(t: float, unit: str) -> str:
    return f"{t:.4g}" if unit == "dur" else short(t)


def aligned(columns: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Columns beside each other. Those that find no room in a width go below, in a table of their
    own, with the first column beside them again if there is room for that."""
    key, *others = columns
    tables = [[key]]
    used = len(key[0])
    for column in others:
        needed = len(column[0]) + 2
        if width is not None and used + needed > width:
            has_room = len(key[0]) + needed <= width
            tables.append([key] if has_room else [])
            used = len(key[0]) if has_room else -2
        tables[-1].append(column)
        used += needed
    return "\n\n".join(
        "\n".join("  ".join(cells).rstrip() for cells in zip(*table, strict=True))
        for table in tables
    )


def beyond(row: dict[str, Any]) -> str:
    """The bounds of α, where they are not what it begins and ends with."""
    low, high = row["alpha_min"], row["alpha_max"]
    if low is None or {low, high} <= {row["alpha_start"], row["alpha_end"]}:
        return ""
    return f"{value(low)} .. {value(high)}"


def spans(head: str, pairs: list[tuple[str, str]], between: str = "-") -> list[str]:
    """A column of spans under a heading, their middles below each other."""
    left = max(len(first) for first, _ in pairs)
    return pad([head, *(f"{first:>{left}} {between} {last}" for first, last in pairs)])


def pad(cells: Sequence[str]) -> list[str]:
    width = max(map(len, cells))
    return [cell.ljust(width) for cell in cells]
