"""Batches: counted, moved and split, whatever they are made of."""

from typing import Any, NamedTuple

import pytest
import torch
from epochal.trainer._batches import count_samples, split, to_device
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

CPU, META = torch.device("cpu"), torch.device("meta")


class Pair(NamedTuple):
    inputs: Any
    targets: Any


class Movable:
    """As the tokenizers' batches are: no container, but with a method `to`."""

    def __init__(self) -> None:
        self.at: Any = None

    def to(self, device: torch.device) -> "Movable":
        self.at = device
        return self


def batch_of(size: int) -> dict[str, Any]:
    """All containers in one."""
    return {
        "pair": Pair(torch.arange(size), [torch.arange(2 * size).reshape(size, 2)]),
        "mask": (torch.ones(size, dtype=torch.bool), {}),
    }


def tensors(batch: Any) -> list[Tensor]:
    pair, (mask, _) = batch["pair"], batch["mask"]
    return [pair.inputs, pair.targets[0], mask]


# Samples


@pytest.mark.parametrize(
    ("batch", "samples"),
    [
        (torch.zeros(3), 3),
        (torch.zeros(3, 5), 3),
        (torch.zeros(0, 5), 0),
        ((torch.zeros(4, 1), torch.zeros(7)), 4),
        ([torch.zeros(4, 1)], 4),
        ({"x": torch.zeros(2, 2), "y": torch.zeros(5)}, 2),
        (("name", 5, None, torch.zeros(6)), 6),
        ((torch.tensor(1.0), torch.zeros(6)), 6),  # one number is no batch of them
        ([{"a": (), "b": [[torch.zeros(8)]]}], 8),
        (Pair(torch.zeros(9), None), 9),
    ],
)
def test_samples_are_the_length_of_the_first_tensor(batch: Any, samples: int) -> None:
    assert count_samples(batch) == samples


@pytest.mark.parametrize("batch", [None, 5, "text", [], {}, (torch.tensor(1.0),), [[], {"a": 5}]])
def test_without_a_tensor_there_is_nothing_to_count(batch: Any) -> None:
    with pytest.raises(TypeError, match=f"{type(batch).__name__}.*get_num_samples"):
        count_samples(batch)


# Devices


def test_all_tensors_go_to_the_device() -> None:
    batch = {**batch_of(3), "name": "a batch", "number": 5, "movable": Movable()}
    moved = to_device(batch, META)
    assert [tensor.device for tensor in tensors(moved)] == [META] * 3
    assert [tensor.shape for tensor in tensors(moved)] == [t.shape for t in tensors(batch)]
    assert [type(moved["pair"]), type(moved["mask"])] == [Pair, tuple]
    assert list(moved) == list(batch)
    assert (moved["name"], moved["number"], moved["movable"].at) == ("a batch", 5, META)
    # The batch itself stays.
    assert [tensor.device for tensor in tensors(batch)] == [CPU] * 3


def test_what_is_there_already_is_not_copied() -> None:
    batch = batch_of(3)
    for before, after in zip(tensors(batch), tensors(to_device(batch, CPU)), strict=True):
        assert after is before


@pytest.mark.parametrize("value", [None, 5, "text", [], (), {}, object])
def test_what_cannot_be_moved_stays(value: Any) -> None:
    assert to_device(value, META) == value


# Micro-batches


@given(size=st.integers(1, 40), parts=st.integers(1, 50))
def test_micro_batches_are_the_batch_in_order(size: int, parts: int) -> None:
    batch = batch_of(size)
    pieces = split(batch, parts)
    assert 1 <= len(pieces) <= parts
    for i, whole in enumerate(tensors(batch)):
        assert torch.equal(torch.cat([tensors(piece)[i] for piece in pieces]), whole)
    sizes = [count_samples(piece) for piece in pieces]
    assert all(0 < size <= sizes[0] for size in sizes)
    assert sizes[0] <= -(-size // parts)
    for piece in pieces:
        assert {len(tensor) for tensor in tensors(piece)} == {len(tensors(piece)[0])}
        assert [type(piece["pair"]), type(piece["mask"])] == [Pair, tuple]
        assert piece["mask"][1] == {}


@pytest.mark.parametrize(
    ("batch", "text"),
    [
        ([torch.zeros(3), "text"], "not of Tensor, str"),
        ({"a": torch.zeros(3), "b": 5}, "not of Tensor, int"),
        ((torch.zeros(3), torch.tensor(1.0)), "not of Tensor, Tensor without dimensions"),
        ("text", "not of str"),
        ([], "not of nothing"),
        ({}, "not of nothing"),
        ((torch.zeros(3), torch.zeros(4)), r"one length only, not of \[3, 4\]"),
    ],
)
def test_what_cannot_be_split(batch: Any, text: str) -> None:
    with pytest.raises(TypeError, match=f"grad_accum.*{text}"):
        split(batch, 2)
