"""What counts as a number, where Python code asks."""

from __future__ import annotations

from _operator import index  # `operator` would take longer to import

from epochal._core import ScheduleError
from epochal._shown import shown

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["finite", "integer", "is_bool", "real"]

# As Python and NumPy 2 call theirs, and as NumPy 1 does.
BOOLS = ("bool", "bool_")


def is_bool(value: Any) -> bool:
    """Whether it is a bool, one of Python's or NumPy's."""
    return type(value).__name__ in BOOLS


def integer(value: Any) -> int | None:
    """The whole number that a value is, if it is one. NumPy's integers are, bools are not."""
    try:
        return None if is_bool(value) else index(value)
    except TypeError:
        return None


def real(name: str, value: Any) -> float:
    """A number as a float, that of a tensor too. Raises `TypeError` for what is none."""
    if not (is_bool(value) or isinstance(value, (str, bytes, bytearray))):
        try:
            return float(value)
        except OverflowError:  # a whole number that is larger than any float
            return float("inf") if value > 0 else float("-inf")
        except (TypeError, ValueError, RuntimeError):
            pass
    raise TypeError(f"{name} must be a number, not {shown(value)}")


def finite(name: str, value: Any) -> float:
    """The same, but `ScheduleError` for infinities and what is not a number."""
    number = real(name, value)
    if not abs(number) < float("inf"):
        raise ScheduleError(f"{name} must be finite, not {shown(value)}")
    return number
