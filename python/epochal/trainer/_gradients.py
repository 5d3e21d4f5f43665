"""The gradients of one batch, whole or in micro-batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from epochal._core import EpochalError, ScheduleError
from epochal.trainer._batches import split
from epochal.trainer._interruption import Buffers

__all__ = ["Gradients", "LossError"]


class LossError(EpochalError):
    """The loss of a batch, or the norm of its gradients that is to be clipped, is not finite. The
    optimizer's step was not made."""


class Gradients:
    """Leaves the gradients of a batch in the parameters.

    Args:
        model: as the Trainer has it.
        loss: a function of model and batch.
        optimizers: of the parameters that are trained.
        micro_batches: into how many a batch is split.
        count_samples: a function of a batch, by which micro-batches are weighted.
        clip_norm: what the norm of all gradients together may be at most, or None.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[nn.Module, Any], Tensor],
        optimizers: Sequence[Optimizer],
        micro_batches: int,
        count_samples: Callable[[Any], int],
        clip_norm: float | None,
    ) -> None:
        self._model = model
        self._loss = loss
        self._optimizers = optimizers
        self._micro_batches = micro_batches
        self._count_samples = count_samples
        self._clip_norm = clip_norm
        self._buffers = Buffers(model)

    def of(self, batch: Any) -> float:
        """The loss of a batch, whose gradients replace those before. Whatever is raised, the
        model's buffers are as before.

        Raises `LossError` if the loss is not finite, or the norm is to be clipped and is not.
        """
        with self._buffers.kept():
            for optimizer in self._optimizers:
                optimizer.zero_grad()
            loss = self._backward(batch)
            _check_finite("loss", loss)
            if self._clip_norm is not None:
                _check_finite("norm of the gradients", self._clip(self._clip_norm))
        return loss

    def _backward(self, batch: Any) -> float:
        """Adds up the gradients and the losses of the micro-batches, by their shares of samples."""
        if self._micro_batches == 1:
            loss = self._loss(self._model, batch)
            loss.backward()
            return loss.item()
        parts = split(batch, self._micro_batches)
        sizes = [self._count_samples(part) for part in parts]
        if not sum(sizes):
            raise ScheduleError(
                "grad_accum weights micro-batches by their samples, but get_num_samples counts none"
            )
        total = 0.0
        for number, (part, size) in enumerate(zip(parts, sizes, strict=True), start=1):
            with self._gradients_stay_here(number < len(parts)):
                loss = self._loss(self._model, part) * (size / sum(sizes))
                loss.backward()
            total += loss.item()
        return total

    def _gradients_stay_here(self, stay: bool) -> AbstractContextManager[None]:
        """Until the last micro-batch there is no need to exchange gradients with other ranks."""
        if stay and isinstance(self._model, DistributedDataParallel):
            return self._model.no_sync()
        return nullcontext()

    def _clip(self, clip_norm: float) -> float:
        """Scales all gradients down to that norm, and returns what it was."""
        parameters = [
            parameter
            for optimizer in self._optimizers
            for group in optimizer.param_groups
            for parameter in group["params"]
        ]
        return float(torch.nn.utils.clip_grad_norm_(parameters, clip_norm))


def _check_finite(name: str, value: float) -> None:
    if not abs(value) < float("inf"):  # nan is not, either
        raise LossError(f"the {name} is {value}")
