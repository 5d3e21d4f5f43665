"""Batches of a dataloader: tensors, and tuples, lists and mappings of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = ["count_samples", "split", "to_device"]


def count_samples(batch: Any) -> int:
    """The length of the first tensor.

    >>> import torch
    >>> from epochal.trainer._batches import count_samples
    >>> count_samples((torch.zeros(8, 3), torch.zeros(8)))
    8
    """
    length = _length(batch)
    if length is None:
        raise TypeError(
            f"a batch of type {type(batch).__name__} holds no tensor to count samples by: "
            "give get_num_samples"
        )
    return length


# For each batch these two are called, so they ask first for what is most likely, and quick to know.


def _length(batch: Any) -> int | None:
    if isinstance(batch, Tensor):
        return batch.size(0) if batch.dim() else None
    if _is_container(batch):
        for value in _values(batch):
            if (length := _length(value)) is not None:
                return length
    return None


def to_device(batch: Any, device: torch.device) -> Any:
    """The batch with all that has a method `to` on the device, and the rest as it is."""
    if isinstance(batch, Tensor) or hasattr(batch, "to"):
        return batch.to(device)
    if _is_container(batch):
        return _rebuilt(batch, [to_device(value, device) for value in _values(batch)])
    return batch


def split(batch: Any, parts: int) -> list[Any]:
    """A batch as micro-batches of nearly the same size, at most `parts` of them.

    >>> import torch
    >>> from epochal.trainer._batches import split
    >>> [targets.tolist() for _, targets in split((torch.zeros(5, 2), torch.arange(5)), 2)]
    [[0, 1, 2], [3, 4]]
    """
    leaves = list(_leaves(batch))
    if not (leaves and all(isinstance(leaf, Tensor) and leaf.dim() for leaf in leaves)):
        kinds = sorted({_kind(leaf) for leaf in leaves}) or ["nothing"]
        raise TypeError(
            f"grad_accum splits batches of tensors only, not of {', '.join(kinds)}: pass another "
            "collate_fn to the dataloader, or smaller batches"
        )
    lengths = sorted({len(leaf) for leaf in leaves})
    if len(lengths) > 1:
        raise TypeError(f"grad_accum splits tensors of one length only, not of {lengths}")
    # As lists of the micro-batches' leaves, from which the structure is built again.
    chunks = zip(*(leaf.chunk(parts) for leaf in leaves), strict=True)
    return [_filled(batch, iter(chunk)) for chunk in chunks]


def _kind(leaf: Any) -> str:
    return (
        "Tensor without dimensions"
        if isinstance(leaf, Tensor) and not leaf.dim()
        else type(leaf).__name__
    )


def _is_container(batch: Any) -> bool:
    return isinstance(batch, (tuple, list, Mapping))


def _values(batch: Any) -> list[Any]:
    return list(batch) if isinstance(batch, (tuple, list)) else list(batch.values())


def _leaves(batch: Any) -> Iterator[Any]:
    if _is_container(batch):
        for value in _values(batch):
            yield from _leaves(value)
    else:
        yield batch


def _filled(batch: Any, leaves: Iterator[Any]) -> Any:
    """The same structure with other leaves."""
    if _is_container(batch):
        return _rebuilt(batch, [_filled(value, leaves) for value in _values(batch)])
    return next(leaves)


def _rebuilt(batch: Any, values: list[Any]) -> Any:
    """A container like this one with other values."""
    if isinstance(batch, list):
        return values
    if isinstance(batch, tuple):
        # A named tuple wants them one by one.
        return type(batch)(*values) if hasattr(batch, "_fields") else tuple(values)
    return dict(zip(batch, values, strict=True))
