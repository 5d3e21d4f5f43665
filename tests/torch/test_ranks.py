"""The clock of several ranks, in several processes. One start of them makes many checks."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from epochal import _ranks
from processes import ranks
from rank_checks import CHECKS
from torch import distributed

PROGRAM = Path(__file__).with_name("rank_checks.py")


@cache
def outcome(world: int) -> tuple[dict[str, set[int]], str]:
    """The ranks that have passed each check, and all that was printed."""
    done = ranks(world, PROGRAM)
    passed: dict[str, set[int]] = {}
    for rank, name in re.findall(r"^rank (\d) passed (\w+)$", done.stdout, re.M):
        passed.setdefault(name, set()).add(int(rank))
    return passed, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize(
    ("world", "name"),
    [(world, check.__name__) for world, checks in CHECKS.items() for check in checks],
)
def test_ranks(world: int, name: str) -> None:
    passed, printed = outcome(world)
    # After the first check that fails there are no others.
    assert passed.get(name) == set(range(world)), printed


@pytest.mark.parametrize("world", CHECKS)
def test_the_program_ends_well(world: int) -> None:
    passed, printed = outcome(world)
    assert printed.startswith("exit code 0\n"), printed
    assert "Warning" not in printed
    assert len(passed) == len(CHECKS[world]) > 1


@pytest.fixture
def _alone(tmp_path: Path) -> Iterator[None]:
    """This process as the only rank."""
    store = (tmp_path / "store").as_uri()
    distributed.init_process_group("gloo", init_method=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("_alone")
def test_counts_are_summed_each_by_itself() -> None:
    counts = [0, 3, 2**31, 2**62 + 5, 2**63 - 1]
    assert _ranks.total(counts) == counts
