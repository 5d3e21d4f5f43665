"""What counts as a number, where Python code asks."""

from __future__ import annotations

from _operator import index  # `operator` would take longer to import

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["integer", "is_bool"]

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
