"""Numbers and units as people read them."""

from __future__ import annotations

from epochal._core import Curve, TimeUnit, UnitError, scales
from epochal._numbers import finite
from epochal._shown import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import SupportsFloat

# What a time axis counts.
NAMES = {
    "iter": "iterations",
    "ep": "epochs",
    "ba": "batches",
    "sp": "samples",
    "tok": "tokens",
    "sec": "seconds",
    "dur": "fraction of the run",
}
# In the order in which a table has them.
ORDER = ("ep", "ba", "sp", "tok", "iter", "sec", "dur")
MULTIPLES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
# Below that a count is written out.
LONG = 1e5


def short(t: float, digits: int = 6) -> str:
    """A time without its unit: in thousands, millions and so on where it is long.

    >>> from epochal.view._words import short
    >>> short(2000), short(99_999.5), short(100_000), short(123_456), short(13.5e12)
    ('2000', '99999.5', '100K', '123.456K', '13.5T')
    """
    if t < LONG:
        return f"{t:.6g}"
    size, suffix = next(multiple for multiple in MULTIPLES if t >= multiple[0])
    return f"{t / size:.{digits}g}{suffix}"


def base_rate(base_lr: SupportsFloat | None) -> float | None:
    """A base rate that was given, as a float, or None."""
    return None if base_lr is None else finite("base_lr", base_lr)


def check(name: str, given: object, kind: type | tuple[type, ...], words: str) -> None:
    """Raises `TypeError` for an argument of another type."""
    if not isinstance(given, kind):
        raise TypeError(f"{name} must be {words}, not {shown(given)}")


def value(alpha: float) -> str:
    """A multiplier or a rate."""
    return f"{alpha:.5g}"


def lowest(values: Iterable[float]) -> float:
    """Where a logarithmic axis begins: zero has no place on it, and a picture does not tell more
    than six orders of magnitude apart."""
    positive = [alpha for alpha in values if alpha > 0.0] or [1.0]
    return max(min(positive), max(positive) * 1e-6)


def units(curve: Curve) -> tuple[str, float, dict[str, float]]:
    """What a curve counts, how much of it the run lasts, and how many of each unit make one of it,
    in the order of a table."""
    own, length, known = scales(curve)
    ordered = {unit: known[TimeUnit(unit)] for unit in ORDER if TimeUnit(unit) in known}
    return str(own), length, ordered


def unit_for(curve: Curve, unit: str | None) -> tuple[str, float]:
    """A unit that was asked for, or the curve's own, and how many make one of the curve's."""
    own, _, known = units(curve)
    unit = own if unit is None else str(TimeUnit(unit))
    if unit not in known:
        raise UnitError(
            f"unit '{unit}' is not told by {curve.run}: it tells "
            + ", ".join(f"'{known_unit}'" for known_unit in known)
        )
    return unit, known[unit]
