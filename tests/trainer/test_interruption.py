"""A training that is interrupted, wherever that is, and taken up by another `fit()`, comes to the
same as one that was left alone: batches, losses, rates, callbacks, evaluations, checkpoints."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from interruption import KINDS, Failure, Result, assert_equal
from sizes import sized, some


@pytest.fixture(scope="module", params=KINDS)
def alone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return request.param, Result(request.param, tmp_path_factory.mktemp("alone"))


def test_what_is_compared(alone: tuple[str, Result]) -> None:
    """It says something: numbers that differ from batch to batch, and all places."""
    kind, result = alone
    batches = [row for row in result.rows if row[0][0] == "batch_end"]
    assert len(batches) == len({str(row) for row in batches}) == 8
    assert {row[0][0] for row in result.rows} == {"batch_end", "epoch_end", "eval_end"}
    assert sorted(result.checkpoints) == ["ba3.pt", "ba6.pt", "ba8.pt"]
    assert result.interruptions == 0
    names = {"sample", "loader begins", "batch is given", "forward", "backward", "step begins"}
    names |= {"step ends", "after optimizer.step", "after scheduler.step", "after save", "count"}
    names |= {"loader ends", "before replace", "batch_end", "epoch_end", "eval_end", "callback"}
    assert names <= {name for name, _ in result.passed}, kind


def test_interrupted_once_in_each_kind_of_place(alone: tuple[str, Result], tmp_path: Path) -> None:
    """In some kinds of place by each training."""
    kind, result = alone
    rng = random.Random(kind)
    counts = Counter(name for name, _ in result.passed)
    places = [(name, rng.randrange(count)) for name, count in counts.items()]
    if kind == "shuffled":
        places += [(name, 0) for name in counts]
    rng.shuffle(places)
    for first in some(range(0, len(places), 4), 4):
        at = {
            place: rng.choice([KeyboardInterrupt, Failure]) for place in places[first : first + 4]
        }
        other = Result(kind, tmp_path / str(first), at)
        try:
            assert_interrupted(other, at)
            assert_equal(result, other)
        except AssertionError as difference:
            difference.add_note(f"interrupted at {at}")
            raise


def assert_interrupted(result: Result, at: Any) -> None:
    """What a dataloader raises right after an interruption is taken for its consequence."""
    assert len(at) / 2 < result.interruptions <= len(at)


@pytest.mark.parametrize("seed", range(sized(4, 2)))
def test_interrupted_again_and_again(alone: tuple[str, Result], seed: int, tmp_path: Path) -> None:
    kind, result = alone
    rng = random.Random(f"{kind} {seed}")
    at = {
        place: rng.choice([KeyboardInterrupt, Failure]) for place in rng.sample(result.passed, 12)
    }
    other = Result(kind, tmp_path, at)
    assert_interrupted(other, at)
    assert_equal(result, other)


def test_an_order_that_only_the_dataloader_knows(tmp_path: Path) -> None:
    """It goes on with what it has begun, as long as it is not interrupted itself."""
    result = Result("own order", tmp_path / "alone", rest=False)
    rng = random.Random(1)
    for seed in some(range(5)):
        at = dict.fromkeys(rng.sample(result.passed, 8), KeyboardInterrupt)
        assert_equal(result, Result("own order", tmp_path / str(seed), at, rest=False))
