"""What the checks of several ranks share: their list, and what each rank counts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from epochal import (
    Clock,
    Run,
    Timestamp,
)
from epochal import _ranks as ranks
from torch import distributed

LIMIT = 2**63 - 1
RUN = Run("1Mtok")
MICROSECOND = timedelta(microseconds=1)

CHECKS: dict[int, list[Callable[[], None]]] = {2: [], 3: []}


def check(world: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Registers a check for that number of ranks."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        CHECKS[world].append(function)
        return function

    return register


@contextmanager
def reductions(expected: int) -> Iterator[None]:
    """So many all-reduces, each of whole numbers of 64 bits, and no other collective call."""
    done, real = [], distributed.all_reduce

    def counting(tensor: torch.Tensor, *rest: Any, **others: Any) -> Any:
        done.append(tensor.dtype)
        return real(tensor, *rest, **others)

    distributed.all_reduce = counting
    try:
        yield
    finally:
        distributed.all_reduce = real
    assert done == [torch.int64] * expected, done


def on_all(value: Any) -> list[Any]:
    values: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values


def counts(clock: Clock) -> list[int]:
    return [int(clock.timestamp.sample), int(clock.timestamp.token)]


def assert_equal_on_all(value: Any) -> None:
    values = on_all(value)
    assert all(other == value for other in values), values


# What rank r counts in its batch k: uneven, and at times nothing.
def samples(r: int, k: int) -> int:
    return (5 * k + 3 * r) % 7


def tokens(r: int, k: int) -> int:
    return 1 + (37 * k * k + 101 * r) % 211


def microseconds(r: int, k: int) -> int:
    return 10**6 * (k % 3) + 2 * k + 4 * r


def tick(clock: Clock, k: int) -> None:
    r = ranks.rank()
    clock.tick(samples(r, k), tokens(r, k), microseconds(r, k) * MICROSECOND)


def next_time(timestamp: Timestamp, k: int) -> Timestamp:
    """After batch k of all ranks."""
    world = range(ranks.size())
    return timestamp.to_next_batch(
        sum(samples(r, k) for r in world),
        sum(tokens(r, k) for r in world),
        sum(microseconds(r, k) for r in world) // len(world) * MICROSECOND,
    )
