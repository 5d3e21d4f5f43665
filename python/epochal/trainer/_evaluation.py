"""The loss of a model on data that it is not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from epochal import _ranks as ranks
from epochal._core import ScheduleError

__all__ = ["mean_loss"]


@torch.no_grad()
def mean_loss(
    model: nn.Module,
    batches: Iterable[Any],
    loss: Callable[[Any], Tensor],
    count_samples: Callable[[Any], int],
    before_each: Callable[[], object],
) -> float:
    """The mean over the samples of all batches, on all ranks: a collective call.

    The modules of the model are in evaluation mode meanwhile, and then in their modes of before.
    `before_each` is called before each batch.
    """
    total, samples = 0.0, 0
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        for batch in batches:
            before_each()
            size = count_samples(batch)
            total += loss(batch).item() * size
            samples += size
    finally:
        for module, training in modes:
            module.training = training
    everywhere = ranks.gather((total, samples))
    total, samples = (sum(parts) for parts in zip(*everywhere, strict=True))
    if not samples:
        raise ScheduleError("eval_dataloader is empty: it gave no batch")
    return float(total / samples)
