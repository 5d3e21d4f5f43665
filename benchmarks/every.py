"""Every schedule and operation of the tests' catalogue, against the cheapest array there is."""

import sys
from functools import partial
from pathlib import Path

import epochal
import numpy as np
from contest import Contest, Statements

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from bulk import POINTS
from catalogue import EXAMPLES

GROUP = "One of each, arrays of 1e6 times, one thread"
RUN = epochal.Run("20ba", batches_per_epoch=3)


def example(name: str) -> Statements:
    """Its times go from the start of the run to its end."""
    curve = EXAMPLES[name].resolve(RUN)
    t = np.linspace(0.0, 20.0, POINTS)
    times = dict.fromkeys(curve.units, t)
    names = {"curve": curve, "times": times, "out": np.empty(POINTS), "t": t, "copyto": np.copyto}
    return Statements("curve(times, out=out)", "copyto(out, t)", names)


CONTESTS = [
    Contest(GROUP, f"{name} : np.copyto", None, partial(example, name)) for name in EXAMPLES
]
