"""What a user gives to the Trainer, checked, in the form in which it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from epochal import ranks
from epochal._core import Run, ScheduleError, Time, TimeUnit

if TYPE_CHECKING:
    from epochal._types import TimeLike

__all__ = [
    "HOOKS",
    "batches_per_epoch",
    "device_of",
    "hooks",
    "interval",
    "loss_function",
    "optimizers",
    "positive",
]

# The methods that a callback may have.
HOOKS = ("fit_start", "batch_end", "epoch_end", "eval_end", "fit_end")


def positive(name: str, number: Any) -> int:
    """A whole number of 1 or more."""
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"{name} must be a whole number, not {number!r}")
    if number < 1:
        raise ScheduleError(f"{name} must be 1 or more, not {number!r}")
    return number


def batches_per_epoch(loader: Any) -> int | None:
    """The batches of an epoch, if the dataloader tells."""
    try:
        length = len(loader)
    except TypeError:
        length = None
    lengths = ranks.gather(length)
    if any(other != length for other in lengths):
        raise ScheduleError(f"train_dataloader must be as long on every rank, not {lengths}")
    if length == 0:
        raise ScheduleError("train_dataloader is empty: its length is 0")
    return length


def interval(name: str, given: TimeLike, run: Run) -> Time:
    """How often something is done; a fraction of the run as a count."""
    time = Time(given)
    if time.unit == TimeUnit.DURATION:
        in_epochs = run.duration.unit == TimeUnit.EPOCH
        time = run.convert(time, TimeUnit.BATCH if in_epochs else run.duration.unit)
    if time.unit == TimeUnit.ITERATION or time <= 0:
        raise ScheduleError(f"{name} must be a time above 0, in a unit that moves, not {given!r}")
    return time


def loss_function(
    bare_model: nn.Module,
    loss_fn: Callable[[Any, Any], Tensor] | None,
    train_step: Callable[[nn.Module, Any], Tensor] | None,
) -> Callable[[nn.Module, Any], Tensor]:
    """A function of model and batch, whichever way the loss was told."""
    if train_step is not None:
        if loss_fn is not None:
            raise TypeError("give loss_fn or train_step, not both")
        return train_step
    if loss_fn is not None:

        def of_pair(model: nn.Module, batch: Any) -> Tensor:
            if not isinstance(batch, (tuple, list)) or len(batch) != 2:
                raise TypeError(
                    f"with loss_fn a batch must be (inputs, targets), not a {type(batch).__name__}"
                    ": give train_step for other batches"
                )
            inputs, targets = batch
            return loss_fn(model(inputs), targets)

        return of_pair
    loss: Any = getattr(bare_model, "loss", None)
    if not callable(loss):
        raise TypeError(
            "give loss_fn(outputs, targets), train_step(model, batch), or a model with "
            "loss(outputs, batch)"
        )
    return lambda model, batch: loss(model(batch), batch)


def optimizers(given: Any, schedulers: Any) -> list[Optimizer]:
    """The optimizers as a list; by default those of the PyTorch schedulers."""
    if given is None:
        listed = schedulers if isinstance(schedulers, (list, tuple)) else [schedulers]
        given = [s.optimizer for s in listed if isinstance(s, LRScheduler)]
        given = list({id(optimizer): optimizer for optimizer in given}.values())
        if not given:
            raise TypeError("optimizers is missing: give one, or a list of them")
    found = list(given) if isinstance(given, (list, tuple)) else [given]
    for optimizer in found:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizers must be torch.optim.Optimizer, not {optimizer!r}")
    if not found:
        raise TypeError("optimizers is empty: give one, or a list of them")
    return found


def hooks(callbacks: Any) -> dict[str, list[Callable[[Any], None]]]:
    """The methods of all callbacks by their names; a function is a `batch_end`."""
    methods: dict[str, list[Callable[[Any], None]]] = {name: [] for name in HOOKS}
    for callback in callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]:
        found = [name for name in HOOKS if callable(getattr(callback, name, None))]
        for name in found:
            methods[name].append(getattr(callback, name))
        if not found and not callable(callback):
            wanted = f"a function, or have a method {', '.join(HOOKS[:-1])} or {HOOKS[-1]}"
            raise TypeError(f"a callback must be {wanted}, not {callback!r}")
        if not found:
            methods["batch_end"].append(callback)
    return methods


def device_of(model: nn.Module) -> torch.device:
    """Where its parameters are."""
    for parameter in model.parameters():
        return parameter.device
    return torch.device("cpu")
