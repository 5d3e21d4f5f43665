"""Seeing a schedule before anybody trains with it.

`curve.describe()` tells the phases of a curve as a table, `lint` what is likely to be a mistake,
`diff` how two curves differ. `curve.plot()` and `compare` draw with matplotlib, `curve.to_svg()`
without; `curve.to_csv()` writes numbers.

Nothing of it goes through a run step by step, so a run of 1e12 tokens costs what one of 100 batches
costs.
"""

from collections import namedtuple

from epochal.view._csv import to_csv
from epochal.view._describe import Description, describe
from epochal.view._diff import Difference, diff
from epochal.view._lint import Finding, lint
from epochal.view._plot import compare, plot
from epochal.view._svg import repr_svg, to_svg

__all__ = [
    "Description",
    "Difference",
    "Finding",
    "Jump",
    "compare",
    "describe",
    "diff",
    "lint",
    "plot",
    "repr_svg",
    "to_csv",
    "to_svg",
]

Jump = namedtuple("Jump", ["t", "before", "after"])
Jump.__doc__ = "A jump of α: when, and what it is just before and from then on."
