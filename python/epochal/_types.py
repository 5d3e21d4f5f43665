"""The types of arguments. For type checkers only: nothing imports this module at run time."""

from collections.abc import Callable
from typing import Any, Literal, SupportsFloat, SupportsIndex, TypeAlias

import numpy as np
import numpy.typing as npt

from epochal._core import Schedule, Time, TimeUnit

# A time, or a string such as "5ep".
TimeLike: TypeAlias = Time | str
# A member of TimeUnit, or its suffix.
UnitLike: TypeAlias = TimeUnit | str
# A real number, such as an int, a float or a NumPy scalar.
Number: TypeAlias = SupportsFloat | SupportsIndex
# A whole number, or a time in the unit of the counter.
Count: TypeAlias = SupportsIndex | TimeLike
# Anything that NumPy turns into an array of numbers.
Points: TypeAlias = npt.ArrayLike
# An array of float64 or float32.
FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
# The path between two values.
Shape: TypeAlias = Literal[
    "linear", "cosine", "sqrt", "1-sqrt", "square", "rex", "exponential", "geometric", "step"
]
# A schedule, or a function f(state, ssr=1.0) or f(state).
AnySchedule: TypeAlias = Schedule | Callable[..., float]
