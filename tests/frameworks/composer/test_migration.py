"""The left sides of docs/migration.md: what the library computes now is what is recorded."""

import pytest
from frameworks.migration import timm
from migration import TOLERANCE, recorded, tables


@pytest.mark.parametrize("left", [left for left, _ in tables()["timm"]])
def test_timm(left: str) -> None:
    assert timm(left) == pytest.approx(recorded()[left], rel=0, abs=TOLERANCE)
