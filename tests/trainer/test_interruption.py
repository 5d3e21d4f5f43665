"""A training that is interrupted, wherever that is, and taken up by another `fit()`, comes to the
same as one that was left alone: batches, losses, rates, callbacks, evaluations, checkpoints."""

import random
from pathlib import Path
from typing import Any

import pytest
from interruption import KINDS, Failure, Result, assert_equal


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
    assert names <= set(result.passed), kind


def test_interrupted_once_in_each_kind_of_place(alone: tuple[str, Result], tmp_path: Path) -> None:
    kind, result = alone
    rng = random.Random(kind)
    places: dict[str, list[int]] = {}
    for number, name in enumerate(result.passed):
        places.setdefault(name, []).append(number)
    for name, numbers in places.items():
        first = [numbers[0]] if kind == "shuffled" else []
        for number in {*first, rng.choice(numbers)}:
            folder = tmp_path / f"{name} {number}"
            error = rng.choice([KeyboardInterrupt, Failure])
            other = Result(kind, folder, {number: error})
            assert other.interruptions == 1, name
            try:
                assert_equal(result, other)
            except AssertionError as difference:
                difference.add_note(f"interrupted at {name}, place {number}")
                raise


@pytest.mark.parametrize("seed", range(4))
def test_interrupted_again_and_again(alone: tuple[str, Result], seed: int, tmp_path: Path) -> None:
    kind, result = alone
    rng = random.Random(f"{kind} {seed}")
    numbers = rng.sample(range(len(result.passed)), 12)
    at = {number: rng.choice([KeyboardInterrupt, Failure]) for number in numbers}
    other = Result(kind, tmp_path, at)
    # What a dataloader raises right after an interruption is taken for its consequence.
    assert 6 < other.interruptions <= 12
    assert_equal(result, other)


def test_an_order_that_only_the_dataloader_knows(tmp_path: Path) -> None:
    """It goes on with what it has begun, as long as it is not interrupted itself."""
    result = Result("own order", tmp_path / "alone", rest=False)
    rng = random.Random(1)
    for seed in range(5):
        at = dict.fromkeys(rng.sample(range(len(result.passed)), 8), KeyboardInterrupt)
        assert_equal(result, Result("own order", tmp_path / str(seed), at, rest=False))
