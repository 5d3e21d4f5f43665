"""What is told of products, whose courses are looked for and not known."""

import pytest
from epochal import (
    ExponentialScheduler,
    InverseSquareRootScheduler,
    LinearScheduler,
    Run,
    StepScheduler,
    Time,
)
from epochal._core import moments


@pytest.mark.parametrize("by", [1.0, 1e-9, 1e9])
def test_what_turns_is_no_decay_at_any_size(by: float) -> None:
    """It falls, rises and falls again, between its largest value and its smallest."""
    product = InverseSquareRootScheduler("1ba") * ExponentialScheduler(1.004, "1ba")
    curve = (product * LinearScheduler() * by).resolve("1000ba")
    assert by > curve(500) > 1.2 * curve(150) > 0
    assert [row["phase"] for row in curve.describe().rows] == ["curve"]


def test_a_bound_is_crossed_twice() -> None:
    """x(1 − x) is 0.2 at (1 ± √0.2)/2."""
    product = LinearScheduler(0.0, 1.0) * LinearScheduler()
    points = product.clip(low=0.1, high=0.2).resolve("1000ba").breakpoints()
    at = [(1 - side * (1 - 4 * bound) ** 0.5) / 2 for side, bound in (
        (1, 0.1), (1, 0.2), (-1, 0.2), (-1, 0.1),
    )]  # fmt: skip
    assert points == pytest.approx([1000 * place for place in at])


def test_moments_are_scaled_as_what_they_belong_to() -> None:
    run = Run("100ba", scale_schedule_ratio=0.5)
    end = ("Linear", "t_max", Time("1dur"), 50.0, 0.0)
    for scale, place in ((True, 5.0), (False, 10.0)):
        delayed = LinearScheduler().delay("10ba", scale=scale)
        assert moments(delayed, run, "ba") == [("delay", "by", Time("10ba"), place, 0.0), end]
    for carry in (True, False):
        joined = LinearScheduler().until("10ba", StepScheduler("7ba"), carry=carry)
        assert moments(joined, run, "ba") == [
            ("until", "t", Time("10ba"), 5.0, 0.0),
            end,
            ("Step", "step_size", Time("7ba"), 3.5, 5.0),
        ]
