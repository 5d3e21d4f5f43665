"""Prints a digest of the values of all curves of the tests.

The release workflow prints it on each platform that it builds for, and publishes nothing unless all
are the same. Run it from the root: `PYTHONPATH=tests/support python release/bits.py`.
"""

import hashlib
from typing import Any

import numpy as np
from curves import CURVES

# Exact in every type that they pass through, so that nothing but the curves can differ.
TIMES = np.arange(80_000) / 8


def digest() -> str:
    sha256 = hashlib.sha256()
    for parameters in CURVES:
        curve: Any = parameters.values[0]
        values = curve(dict.fromkeys(curve.units, TIMES))
        sha256.update(values.astype("<f8").tobytes())
    return sha256.hexdigest()


if __name__ == "__main__":
    print(digest())
