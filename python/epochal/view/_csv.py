"""A curve as a table of numbers."""

from __future__ import annotations

from epochal._core import Curve, ScheduleError
from epochal._shown import shown
from epochal.view._words import base_rate, units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike
    from typing import IO, SupportsFloat

    from epochal._types import Number, TimeLike

# As many lines as people plot.
LINES = 1000
CHUNK = 4096


def to_csv(
    curve: Curve,
    path: str | PathLike[str] | IO[str] | None = None,
    every: TimeLike | Number | None = None,
    base_lr: SupportsFloat | None = None,
) -> str | None:
    """Writes a table of a curve; see `Curve.to_csv`."""
    lines = table(curve, every, base_rate(base_lr))
    if path is None:
        return "".join(lines).rstrip("\n")
    if isinstance(path, str) or hasattr(path, "__fspath__"):
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
    elif hasattr(path, "writelines"):
        path.writelines(lines)
    else:
        raise TypeError(f"path must be a path or a text file, not {shown(path)}")
    return None


def table(curve: Curve, every: TimeLike | Number | None, base_lr: float | None) -> Iterator[str]:
    """A heading and the lines; values are those of the curve, bit for bit."""
    own, length, known = units(curve)
    step = step_of(curve, every, length)
    names = [own, *(unit for unit in known if unit != own)]
    yield ",".join([*names, "alpha", *(["lr"] if base_lr is not None else [])]) + "\n"
    count = int(length / step) + 1
    for first in range(0, count, CHUNK):
        times = [line * step for line in range(first, min(first + CHUNK, count))]
        for t, alpha in zip(times, curve(times).tolist(), strict=True):
            cells = [
                number(t * known[unit]) if unit != "dur" else repr(t / length) for unit in names
            ]
            cells.append(repr(alpha))
            if base_lr is not None:
                cells.append(repr(alpha * base_lr))
            yield ",".join(cells) + "\n"


def step_of(curve: Curve, every: TimeLike | Number | None, length: float) -> float:
    """How far two lines are apart, on the curve's counter."""
    from epochal._core import place

    if every is None:
        return max(length / LINES // 1, 1.0)
    step = place(curve, every)
    if not step > 0.0:
        raise ScheduleError(f"every must be above zero, not {shown(every)}")
    return step


def number(t: float) -> str:
    """A count: whole, if it is."""
    return str(int(t)) if t == int(t) else repr(t)
