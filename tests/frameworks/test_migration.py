"""The left sides of docs/migration.md: what the library computes now is what is recorded."""

import pytest
from frameworks.migration import transformers
from migration import TOLERANCE, recorded, tables


@pytest.mark.parametrize("left", [left for left, _ in tables()["Transformers"]])
def test_transformers(left: str) -> None:
    assert transformers(left) == pytest.approx(recorded()[left], rel=0, abs=TOLERANCE)
