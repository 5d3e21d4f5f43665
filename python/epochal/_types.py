"""Names for what arguments may be. For type checkers only: nothing imports this at run time."""

from typing import Any, SupportsFloat, SupportsIndex, TypeAlias

import numpy as np
import numpy.typing as npt

from epochal._core import Time, TimeUnit

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
