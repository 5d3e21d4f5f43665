"""Schedules of every class, and trees of them by every operation."""

import epochal
from catalogue import FULL, full
from configs import configs
from epochal import Schedule
from hypothesis import strategies as st

# One of each class, and arguments that are written in other ways.
LEAVES: list[Schedule] = [
    *map(full, FULL),
    epochal.CosineAnnealingScheduler("15Ttok", alpha_f=0.1),
    epochal.CosineAnnealingWarmRestartsScheduler("10ba", t_mult=1.5, alpha_f=1e-7),
    epochal.PiecewiseScheduler([("0ba", 1e-3), ("0.5dur", 1.0), ("90ep", 0.1)], ["rex", "sqrt"]),
    epochal.PiecewiseScheduler([("3ba", 1 / 3)], "cosine"),
    epochal.PolynomialWithWarmupScheduler("100ba", power=3, t_max="0.5dur"),
    epochal.InverseSquareRootWithWarmupScheduler("100ba", scale_warmup=True),
]

_TIMES = st.sampled_from(["1ba", "0.5dur", "3ep", "15Ttok", "36h"])
_NUMBERS = st.sampled_from([0.0, 0.1, 0.5, 1.0, 1 / 3]) | st.floats(0, 1e6)
_SHAPES = st.sampled_from(["linear", "cosine", "1-sqrt", "rex", "step"])


def _operated(of: st.SearchStrategy[Schedule]) -> st.SearchStrategy[Schedule]:
    flag = st.booleans()
    bounds = st.tuples(_NUMBERS, _NUMBERS).map(sorted) | st.tuples(_NUMBERS)
    return st.one_of(
        st.builds(lambda a, b: a * b, of, of),
        st.builds(lambda a, b: a * b, of, _NUMBERS),
        st.builds(lambda a, b: a + b, of, _NUMBERS),
        st.builds(lambda a, *more: a.after_warmup(*more), of, _TIMES, _NUMBERS, _SHAPES, flag),
        st.builds(lambda a, t, b, carry: a.until(t, b, carry), of, _TIMES, of, flag),
        st.builds(lambda a, *more: a.cooldown(*more), of, _TIMES, _TIMES, _NUMBERS, _SHAPES),
        st.builds(lambda a, low_high: a.clip(*low_high), of, bounds),
        st.builds(lambda a, every: a.repeat(every), of, _TIMES),
        st.builds(lambda a, by, scale: a.advance(by, scale), of, _TIMES, flag),
        st.builds(lambda a, by, scale: a.delay(by, scale), of, _TIMES, flag),
    )


def trees() -> st.SearchStrategy[Schedule]:
    """Leaves of every class under any operations."""
    leaves = st.sampled_from(LEAVES) | configs().map(lambda config: config.real())
    return st.recursive(leaves, _operated, max_leaves=5)
