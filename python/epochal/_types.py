"""Names for what arguments may be. For type checkers only: nothing imports this at run time."""

from collections.abc import Callable
from typing import Any, Literal, SupportsFloat, SupportsIndex, TypeAlias

import numpy as np
import numpy.typing as npt

from epochal._core import Schedule, Time, TimeUnit

# A time, or a string such as "5ep".
TimeLike: TypeAlias = Time | str
# A member of TimeUnit, or its suffix.
UnitLike: TypeAlias = TimeUnit | str
# A real number; NumPy's scalars are.
Number: TypeAlias = SupportsFloat | SupportsIndex
# A whole number, or a time in the unit of what is counted.
Count: TypeAlias = SupportsIndex | TimeLike
# Whatever NumPy makes an array of numbers of.
Points: TypeAlias = npt.ArrayLike
# float64 or float32.
FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
# The way between two values.
Shape: TypeAlias = Literal[
    "linear", "cosine", "sqrt", "1-sqrt", "square", "rex", "exponential", "geometric", "step"
]
# A schedule, or a function f(state, ssr=1.0) or f(state).
AnySchedule: TypeAlias = Schedule | Callable[..., float]
