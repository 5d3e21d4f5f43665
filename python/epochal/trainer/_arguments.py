"""What a user gives to the Trainer, checked, in the form in which it is used."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from epochal import _ranks as ranks
from epochal._core import EpochalError, Run, ScheduleError, Time, TimeUnit, UnitError
from epochal._numbers import integer
from epochal._shown import shown
from epochal._warning import warn

if TYPE_CHECKING:
    from epochal._types import TimeLike, UnitLike

__all__ = [
    "HOOKS",
    "batches_per_epoch",
    "check_apart",
    "check_choice",
    "check_counted",
    "check_loader",
    "check_type",
    "counter",
    "device",
    "device_of",
    "hooks",
    "interval",
    "length_explained",
    "listed",
    "loss_function",
    "optimizers",
    "path",
    "positive",
    "seed",
    "warn_of_length",
    "whole",
]

# The methods that a callback may have.
HOOKS = ("fit_start", "batch_end", "epoch_end", "eval_end", "fit_end")


def check_type(name: str, given: Any, wanted: type | tuple[type, ...], words: str) -> None:
    """Raises `TypeError` for what is of another type."""
    if not isinstance(given, wanted):
        raise TypeError(f"{name} must be {words}, not {shown(given)}")


def check_choice(name: str, given: Any, choices: Sequence[str]) -> None:
    """Raises `ScheduleError` for what is not among the choices."""
    if not isinstance(given, str) or given not in choices:
        words = f"{', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}"
        raise ScheduleError(f"{name} must be {words}, not {shown(given)}")


def whole(name: str, number: Any, least: int | None = None) -> int:
    """A whole number, perhaps one that may not be too small."""
    value = integer(number)
    if value is None:
        raise TypeError(f"{name} must be a whole number, not {shown(number)}")
    if least is not None and value < least:
        raise ScheduleError(f"{name} must be {least} or more, not {shown(number)}")
    if abs(value) > sys.maxsize:
        raise ScheduleError(f"{name} must be within ±{sys.maxsize}, not {shown(number)}")
    return value


def positive(name: str, number: Any) -> float | None:
    """A finite number above zero, or None."""
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, Real):
        raise TypeError(f"{name} must be a number, not {shown(number)}")
    value = float(number)
    if not 0 < value < float("inf"):
        raise ScheduleError(f"{name} must be finite and above zero, not {shown(number)}")
    return value


def seed(number: Any) -> int:
    """A whole number that every source of random numbers takes, and with a rank added too."""
    value = whole("seed", number)
    if abs(value) >= 1 << 62:
        raise ScheduleError(f"seed must be within ±2**62, not {shown(number)}")
    return value


def check_apart(train: Any, evaluation: Any) -> None:
    """Raises `ScheduleError` for one dataloader that cannot be read twice at a time."""
    if train is evaluation and getattr(train, "persistent_workers", False):
        raise ScheduleError(
            "train_dataloader and eval_dataloader are one, whose persistent workers give one epoch "
            "at a time: pass another eval_dataloader"
        )


def counter(name: str, function: Any) -> Callable[[Any], int] | None:
    """A user's function of a batch. What it gives is checked before the batch is trained."""
    if function is None:
        return None
    check_type(name, function, Callable, "a function of a batch")  # type: ignore[arg-type]
    return lambda batch: whole(f"the result of {name}", function(batch), 0)


def path(name: str, given: Any) -> Path | None:
    """Where to read or write, if anywhere."""
    if given is None:
        return None
    check_type(name, given, (str, os.PathLike), "a path")
    text = os.fsdecode(given)
    if not text or "\0" in text:
        raise ScheduleError(f"{name} must be a path, not {shown(given)}")
    return Path(given)


def listed(given: Any) -> list[Any]:
    """One or several or none of something, as a list. Several may be in Hydra's `ListConfig`."""
    if given is None:
        return []
    several = isinstance(given, Sequence) and not isinstance(given, str)
    return list(given) if several else [given]


def check_loader(name: str, loader: Any) -> None:
    """Raises `TypeError` for what does not give its batches anew each time."""
    words = "iterable, such as a DataLoader or a list of batches"
    check_type(name, loader, Iterable, words)
    if hasattr(loader, "__next__"):
        raise TypeError(
            f"{name} must give its batches each time it is iterated over, but {shown(loader)} is "
            "an iterator, which does so once: pass what it was made of"
        )


def batches_per_epoch(loader: Any) -> int | None:
    """The batches of an epoch, if the dataloader tells."""
    try:
        length = len(loader)
    except (TypeError, NotImplementedError):
        length = None
    lengths = ranks.gather(length)
    if any(other != length for other in lengths):
        raise ScheduleError(f"train_dataloader must be as long on every rank, not {lengths}")
    if length == 0:
        raise ScheduleError("train_dataloader is empty: its length is 0")
    return length


def warn_of_length(length: int, batches: int | str) -> None:
    """Warns that the dataloader gave another number of batches than it said."""
    warn(
        f"train_dataloader has the length {length}, by which schedules go, but gave {batches} "
        "batches in an epoch"
    )


def interval(name: str, given: TimeLike, run: Run) -> Time:
    """How often something is done; a fraction of the run as a count."""
    try:
        time = Time(given)
        if time.unit == TimeUnit.DURATION:
            in_epochs = run.duration.unit == TimeUnit.EPOCH
            time = run.convert(time, TimeUnit.BATCH if in_epochs else run.duration.unit)
    except (TypeError, EpochalError) as error:
        raise type(error)(f"{name}: {error}") from None
    if time <= 0:
        less = "" if time == given else f", which is {time} of {run.duration}"
        raise ScheduleError(f"{name} must be above zero, not {shown(given)}{less}")
    return time


@contextmanager
def length_explained(batches_per_epoch: int | None) -> Iterator[None]:
    """Says why the length of an epoch is missing, where an error says that it is."""
    try:
        yield
    except UnitError as error:
        if batches_per_epoch is None and "batches_per_epoch" in str(error):
            raise UnitError(f"{error}, and train_dataloader has no length") from None
        raise


def check_counted(name: str, units: Collection[UnitLike], run: Run, counts_tokens: bool) -> None:
    """Raises `UnitError` for a clock that does not move in a Trainer."""
    if TimeUnit.ITERATION in units:
        raise UnitError(f"{name} must not be in 'iter', since the Trainer has no iterations")
    if TimeUnit.TOKEN in units and not counts_tokens and run.tokens_per_batch is None:
        raise UnitError(
            f"{name} must not be in 'tok' as long as nothing counts tokens: give get_num_tokens, "
            "or tokens_per_batch where all batches have as many"
        )


def loss_function(
    bare_model: nn.Module,
    loss_fn: Callable[[Any, Any], Tensor] | None,
    train_step: Callable[[nn.Module, Any], Tensor] | None,
) -> Callable[[nn.Module, Any], Tensor]:
    """A function of model and batch, whichever way the loss was told; its result is checked."""
    for name, function in (("loss_fn", loss_fn), ("train_step", train_step)):
        if function is not None and not callable(function):
            raise TypeError(f"{name} must be a function, not {shown(function)}")
    if loss_fn is not None and train_step is not None:
        raise TypeError("give loss_fn or train_step, not both")
    step: Callable[[nn.Module, Any], Any]
    if train_step is not None:
        step = train_step
    elif loss_fn is not None:

        def step(model: nn.Module, batch: Any) -> Any:
            inputs, targets = _pair(batch)
            return loss_fn(model(inputs), targets)

    elif callable(loss := getattr(bare_model, "loss", None)):

        def step(model: nn.Module, batch: Any) -> Any:
            return loss(model(batch), batch)

    else:
        raise TypeError(
            "give loss_fn(outputs, targets), train_step(model, batch), or a model with "
            "loss(outputs, batch)"
        )

    def checked(model: nn.Module, batch: Any) -> Tensor:
        loss = step(model, batch)
        if not (isinstance(loss, Tensor) and loss.numel() == 1):
            given = f"of shape {list(loss.shape)}" if isinstance(loss, Tensor) else repr(loss)
            raise TypeError(f"the loss must be a tensor of one number, not {given}")
        return loss

    return checked


def _pair(batch: Any) -> tuple[Any, Any]:
    listed = isinstance(batch, (tuple, list))
    if listed and len(batch) == 2:
        return batch[0], batch[1]
    number = f" of {len(batch)}" if listed else ""
    raise TypeError(
        "with loss_fn a batch must be (inputs, targets), not a "
        f"{type(batch).__name__}{number}: give train_step for other batches"
    )


def optimizers(given: Any, schedulers: Any, model: nn.Module) -> list[Optimizer]:
    """The optimizers as a list; by default those that the schedulers name."""
    found = listed(given)
    if given is None:
        keys = list(schedulers) if isinstance(schedulers, Mapping) else []
        owners = [s.optimizer for s in listed(schedulers) if isinstance(s, LRScheduler)]
        owners += [key for key in keys if isinstance(key, Optimizer)]
        found = list(dict.fromkeys(owners))
    if not found:
        raise TypeError("optimizers is missing: give one, or a list of them")
    for i, optimizer in enumerate(found):
        check_type("optimizers", optimizer, Optimizer, "one of torch.optim or a list of them")
        if any(optimizer is other for other in found[:i]):
            raise ScheduleError(
                f"optimizers holds the same {type(optimizer).__name__} twice: it would make two "
                "steps for each batch"
            )
    trained = {id(p) for o in found for group in o.param_groups for p in group["params"]}
    weights = {id(p) for p in model.parameters()}
    if weights and not weights & trained:
        raise ScheduleError(
            "optimizers hold no parameter of the model: make them of this model's parameters(), "
            "after it has been wrapped or moved in a way that makes new ones"
        )
    return found


def hooks(callbacks: Any) -> dict[str, list[Callable[[Any], None]]]:
    """The methods of all callbacks by their names; a function is a `batch_end`."""
    methods: dict[str, list[Callable[[Any], None]]] = {name: [] for name in HOOKS}
    for callback in listed(callbacks):
        found = [name for name in HOOKS if callable(getattr(callback, name, None))]
        if isinstance(callback, type) or not (found or callable(callback)):
            raise TypeError(
                f"callbacks must be functions, or objects with a method {', '.join(HOOKS[:-1])} "
                f"or {HOOKS[-1]}, not {shown(callback)}"
            )
        for name in found:
            methods[name].append(getattr(callback, name))
        if not found:
            methods["batch_end"].append(callback)
    return methods


def device(given: Any) -> torch.device:
    """A device of PyTorch, by its name too."""
    try:
        return torch.device(given)
    except (RuntimeError, TypeError) as error:
        words = str(error).partition("\n")[0]
        message = f"device must be a device, such as 'cuda:0', not {shown(given)}: {words}"
        raise (ScheduleError if isinstance(given, str) else TypeError)(message) from None


def device_of(model: nn.Module) -> torch.device:
    """Where its parameters are."""
    for parameter in model.parameters():
        return parameter.device
    return torch.device("cpu")
