"""Where and by how much two curves differ."""

from __future__ import annotations

from epochal._core import Curve, apart
from epochal.view._describe import aligned, pad, spans
from epochal.view._words import base_rate, check, short, units, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, SupportsFloat


class Difference:
    """Where and by how much two curves differ. It prints; it is true if they differ at all.

    `unit` is what times count. `rows` has a dict for each stretch of time in which neither curve
    begins another phase: `start` and `end`; `at`, where the two are furthest apart in it; `a` and
    `b`, what they are there; and with a base rate `lr_a` and `lr_b`. Where one of them jumps at
    the end, `at` is the last time before it, which prints as "just before" it. `worst` is the row
    in which they are furthest apart of all, and `distance` by how much α differs there.
    """

    def __init__(self, unit: str, rows: list[dict[str, Any]]) -> None:
        self.unit = unit
        self.rows = rows
        self.worst = max(rows, key=lambda row: abs(row["b"] - row["a"]))
        self.distance: float = abs(self.worst["b"] - self.worst["a"])

    def __bool__(self) -> bool:
        return self.distance > 0.0

    def headline(self, of: str = "") -> str:
        """Where the two are furthest apart, in a sentence; `of` is what they are curves of.

        >>> a, b = LinearScheduler().resolve("4ba"), LinearScheduler(0.5).resolve("4ba")
        >>> diff(a, b).headline(of="lr")
        'α of lr differs most at 0 ba: 1 and 0.5'
        """
        check("of", of, str, "text")
        of = f" of {of}" if of else ""
        if not self:
            return f"the two curves{of} are the same"
        a, b = self._names()
        what = "α" if a == "a" else "the rate"
        worst = self.worst
        return (
            f"{what}{of} differs most {_place(worst, 'at ')} {self.unit}: "
            f"{value(worst[a])} and {value(worst[b])}"
        )

    def _names(self) -> tuple[str, str]:
        return ("lr_a", "lr_b") if "lr_a" in self.worst else ("a", "b")

    def columns(self) -> list[list[str]]:
        """The columns of the table, each as lines of one width."""
        a, b = self._names()
        shown = [row for row in self.rows if row["a"] != row["b"]]
        return [
            spans(self.unit, [(short(row["start"]), short(row["end"])) for row in shown]),
            pad(["worst at", *(_place(row) for row in shown)]),
            spans("a -> b", [(value(row[a]), value(row[b])) for row in shown], "->"),
        ]

    def __str__(self) -> str:
        return "\n".join([self.headline(), *([aligned(self.columns())] if self else [])])

    __repr__ = __str__


def _place(row: dict[str, Any], at: str = "") -> str:
    """Where two curves are furthest apart; not at the end of a stretch, if it only looks so."""
    place = short(row["at"])
    return ("just before " if row["at"] < row["end"] and place == short(row["end"]) else at) + place


def diff(a: Curve, b: Curve, base_lr: SupportsFloat | None = None) -> Difference:
    """Where and by how much two curves differ, in the runs for which each was resolved.

    `base_lr` is the base rate of both, for rates instead of multipliers. Times are in the unit that
    both count, or batches.

    Where the two are furthest apart is found from bounds over stretches of time, not step by step;
    among curves that cross often, and functions, which are looked at a thousand times a stretch,
    there may be a worse place that is hardly worse.

    >>> a = LinearScheduler(alpha_f=0.2).resolve("100ba")
    >>> b = MultiStepScheduler(["60ba"], gamma=0.5).resolve("100ba")
    >>> print(diff(a, b))
    α differs most just before 60 ba: 0.52 and 1
    ba        worst at        a -> b
     0 - 60   just before 60  0.52 -> 1
    60 - 100  100              0.2 -> 0.5

    Raises `UnitError` where the runs do not tell what both curves read.
    """
    for name, curve in (("a", a), ("b", b)):
        check(name, curve, Curve, "a curve, as of schedule.resolve(run)")
    base = base_rate(base_lr)
    (own, length, _), (other, _, _) = units(a), units(b)
    unit = own if own == other else "ba"
    rows = []
    # Of equal curves nothing is to be found.
    parts = [(0.0, length, 0.0, a(0), b(0))] if a == b else apart(a, b, unit)
    for start, end, at, first, last in parts:
        row = {"start": start, "end": end, "at": at, "a": first, "b": last}
        if base is not None:
            row |= {"lr_a": first * base, "lr_b": last * base}
        rows.append(row)
    return Difference(unit, rows)
