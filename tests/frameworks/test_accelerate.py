"""Accelerate: a scheduler that it has prepared is stepped once a process, by default."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from frameworks.launch import results
from frameworks.programs.accelerate_rows import PREPARED, WAYS


@cache
def rows(processes: int) -> list[dict[str, Any]]:
    """Each setting once, with what all ranks say of it."""
    told = results("accelerate_rows", Path(mkdtemp()), processes)
    assert all(other == told[0] for other in told), told
    return list(told[0])


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("accumulated", [1, 2])
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("with_optimizer", [True, False])
def test_rates(
    processes: int, way: str, accumulated: int, split: bool, with_optimizer: bool
) -> None:
    setting = [way, accumulated, split, with_optimizer]
    (row,) = [row for row in rows(processes) if row["setting"] == setting]
    done, wanted = row["steps"]
    assert done == wanted > 0
    calls_a_step = accumulated
    if with_optimizer:
        calls_a_step = 1 if split else processes
    if way == PREPARED and calls_a_step > 1:
        assert not row["right"]
        assert len(row["messages"]) == 1
    else:
        assert row["right"]
        assert row["messages"] == []
