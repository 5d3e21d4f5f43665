"""The other processes of a distributed training, as torch.distributed knows them."""

from __future__ import annotations

import sys

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from torch.distributed import ProcessGroup

    T = TypeVar("T")

__all__ = ["gather", "has_ranks", "rank", "size", "total"]


def has_ranks() -> bool:
    """Whether there is a process group. Does not import torch: without it there is none."""
    distributed: Any = sys.modules.get("torch.distributed")
    return distributed is not None and distributed.is_available() and distributed.is_initialized()


def rank() -> int:
    """The number of this process, 0 without a process group."""
    if not has_ranks():
        return 0
    from torch import distributed

    return distributed.get_rank()


def size() -> int:
    """The number of processes, 1 without a process group."""
    if not has_ranks():
        return 1
    from torch import distributed

    return distributed.get_world_size()


def gather(value: T, group: ProcessGroup | None = None) -> list[T]:
    """What each rank gives, on all of them: a collective call."""
    if not has_ranks():
        return [value]
    from torch import distributed

    values: list[Any] = [None] * distributed.get_world_size(group)
    distributed.all_gather_object(values, value, group)
    return values


def total(counts: list[int], group: ProcessGroup | None = None) -> tuple[list[int], int]:
    """Sums of counts over the ranks, and the number of ranks: one all-reduce of int64."""
    import torch
    from torch import distributed

    # NCCL and its like reduce on their device only.
    on_cpu = "cpu:" in distributed.get_backend_config(group)
    device = None if on_cpu else torch.accelerator.current_accelerator()
    sums = torch.tensor([*counts, 1], dtype=torch.int64, device=device)
    distributed.all_reduce(sums, group=group)
    *counts, ranks = sums.tolist()
    return counts, ranks
