"""The other processes of a distributed training, as torch.distributed knows them."""

from __future__ import annotations

import sys

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from torch.distributed import ProcessGroup

    T = TypeVar("T")

__all__ = ["check_group", "gather", "has_ranks", "rank", "size", "total"]

# Counts are summed in two halves, of 32 bits and of the rest.
HALF = 1 << 32


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


def size(group: ProcessGroup | None = None) -> int:
    """The number of processes in the group or the world, 1 without a process group."""
    if not has_ranks():
        return 1
    from torch import distributed

    return distributed.get_world_size(group)


def check_group(group: Any) -> None:
    """Raises `TypeError` for what is no process group. `new_group` gives a number where a process
    does not belong to the group, and then PyTorch's collective calls do nothing."""
    distributed: Any = sys.modules.get("torch.distributed")
    if not (has_ranks() and isinstance(group, distributed.ProcessGroup)):
        raise TypeError(
            "group must be a process group of torch.distributed that this process belongs to, "
            f"not {group!r}"
        )


def gather(value: T, group: ProcessGroup | None = None) -> list[T]:
    """What each rank gives, on all of them: a collective call."""
    if not has_ranks():
        return [value]
    from torch import distributed

    values: list[Any] = [None] * distributed.get_world_size(group)
    distributed.all_gather_object(values, value, group)
    return values


def total(counts: list[int], group: ProcessGroup | None = None) -> list[int]:
    """Sums of counts, 0 or above, over the ranks: one all-reduce of int64."""
    import torch
    from torch import distributed

    # NCCL and its like reduce on their device only.
    on_cpu = "cpu:" in distributed.get_backend_config(group)
    device = None if on_cpu else torch.accelerator.current_accelerator()
    # A sum beyond int64 would come back as some other number; those of halves do not get there.
    halves = [half for count in counts for half in divmod(count, HALF)]
    sums = torch.tensor(halves, dtype=torch.int64, device=device)
    distributed.all_reduce(sums, group=group)
    halves = sums.tolist()
    return [high * HALF + low for high, low in zip(halves[::2], halves[1::2], strict=True)]
