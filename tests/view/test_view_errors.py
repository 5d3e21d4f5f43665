"""What the functions of `epochal.view` refuse, and in which words."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import epochal
import numpy as np
import pytest
from epochal import CosineAnnealingScheduler, LinearScheduler, ScheduleError, diff, lint
from epochal.view import plot, repr_svg, to_csv, to_svg

CURVE = LinearScheduler().resolve("100ba")
OTHER = CosineAnnealingScheduler().resolve("100ba")
BASE_LR: dict[str, Callable[[Any], object]] = {
    "describe": CURVE.describe,
    "diff": lambda base: diff(CURVE, OTHER, base),
    "lint": lambda base: lint(LinearScheduler(), "100ba", base),
    "to_csv": lambda base: CURVE.to_csv(base_lr=base),
    "to_svg": lambda base: CURVE.to_svg(base_lr=base),
    "plot": lambda base: CURVE.plot(base_lr=base),
    "compare": lambda base: epochal.compare({"a": CURVE}, base_lr={"a": base}),
}


@pytest.mark.parametrize("name", BASE_LR)
def test_base_rates_are_finite_numbers(name: str) -> None:
    for wrong in ("0.5", True, np.True_, [0.5], b"1", np.zeros(2), 1j):
        with pytest.raises(TypeError, match="base_lr must be a number, not "):
            BASE_LR[name](wrong)
    for wrong in (float("nan"), float("inf"), 10**400):
        with pytest.raises(ScheduleError, match="base_lr must be finite, not "):
            BASE_LR[name](wrong)


def test_a_base_rate_may_be_any_number() -> None:
    expected = CURVE.describe(0.5).rows
    for number in (np.float32(0.5), np.array(0.5)):
        assert CURVE.describe(number).rows == expected


def test_flags_texts_and_sizes() -> None:
    unclear: Any = np.zeros(2)
    for call in (
        lambda: to_svg(CURVE, log=unclear),
        lambda: plot(CURVE, log=unclear),
        lambda: plot(CURVE, phases=unclear),
        lambda: epochal.compare({}, log=unclear),
    ):
        with pytest.raises(TypeError, match=r"(log|phases) must be True or False, not array"):
            call()
    with pytest.raises(TypeError, match="of must be text, not 5"):
        diff(CURVE, OTHER).headline(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="note must be text, not 5"):
        to_svg(CURVE, note=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="of must be a curve or a schedule, not 'Linear"):
        repr_svg("Linear()")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="width must be a whole number of pixels, not 480.5"):
        CURVE.to_svg(width=480.5)  # type: ignore[arg-type]
    for size in (119, 10_001, 2**70):
        with pytest.raises(ScheduleError, match="height must be 120 to 10,000 pixels, not "):
            CURVE.to_svg(height=size)
    with pytest.raises(TypeError, match=r"label must be text, not array"):
        CURVE.plot(label=unclear)
    with pytest.raises(TypeError, match="ax must be axes of matplotlib, not 5"):
        CURVE.plot(ax=5)
    with pytest.raises(ScheduleError, match="base_lr has no base rate for 'a'"):
        epochal.compare({"a": CURVE}, base_lr={"b": 0.5})


def test_a_table_goes_to_a_path_or_a_file(tmp_path: Path) -> None:
    file = io.StringIO()
    to_csv(CURVE, file)
    to_csv(CURVE, tmp_path / "table.csv")
    assert file.getvalue() == (tmp_path / "table.csv").read_text()
    for wrong in (5, b"table.csv", True, ["table.csv"]):
        with pytest.raises(TypeError, match="path must be a path or a text file, not "):
            to_csv(CURVE, wrong)  # type: ignore[arg-type]
