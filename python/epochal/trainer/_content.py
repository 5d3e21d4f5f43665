"""What a checkpoint holds, and whether a training can go on from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import zip_longest
from numbers import Number
from pathlib import Path
from types import NoneType
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from epochal import _ranks as ranks
from epochal._core import StateError, Timestamp
from epochal._shown import shown
from epochal.trainer._randomness import check_random_state

__all__ = [
    "check",
    "check_alphas",
    "check_place",
    "check_schedulers",
    "load_optimizer",
    "random_states",
    "snapshot",
    "trained",
]

# What a Trainer's checkpoint holds.
PARTS: dict[str, type | tuple[type, ...]] = {
    "settings": dict,
    "lr": list,
    "last": dict,
    "model": dict,
    "trained": list,
    "optimizers": list,
    "schedulers": list,
    "alphas": list,
    "cooldown": (dict, NoneType),
    "clock": dict,
    "random": list,
    "epoch_random": list,
    "epochal": str,
}
# What it tells of the last batch.
LAST = ("loss", "lr", "eval_loss")


def trained(model: nn.Module, optimizers: Sequence[Optimizer]) -> list[str]:
    """The parameters in the optimizers, in their order, each in words."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = []
    for number, optimizer in enumerate(optimizers):
        kind = type(optimizer).__name__
        for group, settings in enumerate(optimizer.param_groups):
            for parameter in settings["params"]:
                if id(parameter) not in names:
                    raise StateError(
                        f"{kind} trains a parameter of shape {list(parameter.shape)} that is not "
                        "in the model, so a checkpoint would lack it: make it a part of the model"
                    )
                found.append(f"{names[id(parameter)]} in group {group} of {kind} {number}")
    return found


def check(
    path: Path, state: Mapping[str, Any], model: nn.Module, optimizers: Sequence[Optimizer]
) -> None:
    """Raises `StateError` if a checkpoint is not a Trainer's, or of another model or optimizer.

    The schedulers, the clock and the random state are not looked into.
    """
    for name, kind in PARTS.items():
        if name not in state or not isinstance(state[name], kind):
            raise StateError(
                f"{path} is no checkpoint of a Trainer: {name!r} is missing or damaged"
            )
    if not all(isinstance(text, str) for item in state["settings"].items() for text in item):
        raise _damaged(path, "settings", "not all of it is text")
    if not all(map(_is_number, state["lr"])):
        raise _damaged(path, "lr", f"not all of {state['lr']} are numbers")
    if not _is_last(state["last"]):
        raise _damaged(path, "last", f"it is {shown(state['last'])}")
    if not state["random"] or len(state["random"]) != len(state["epoch_random"]):
        raise _damaged(path, "random", "it must be there for each rank")
    if differences := _differences_of_models(state["model"], model.state_dict()):
        raise StateError(f"{path} is of another model: {_some(differences)}")
    was, now = state["trained"], trained(model, optimizers)
    if differences := [f"{a} was trained, now {b} is" for a, b in zip_longest(was, now) if a != b]:
        raise StateError(f"{path} is of other optimizers: {_some(differences)}")
    if len(optimizers) != len(state["optimizers"]):
        raise _damaged(
            path, "optimizers", f"there are {len(state['optimizers'])} of {len(optimizers)}"
        )
    for number, (saved, optimizer) in enumerate(zip(state["optimizers"], optimizers, strict=True)):
        if reason := _fault_of_optimizer(saved, optimizer):
            raise _damaged(path, f"optimizers[{number}]", reason)


def _differences_of_models(saved: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    differences = [f"it lacks {name}" for name in own if name not in saved]
    differences += [f"it has {name}" for name in saved if name not in own]
    for name, value in own.items():
        was, now = (_kind(values.get(name)) for values in (saved, own))
        if name in saved and isinstance(value, Tensor) and was != now:
            differences.append(f"{name} is {was} there, {now} here")
    return differences


def _kind(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{value.dtype} {list(value.shape)}"
    return f"a {type(value).__name__}"


def _fault_of_optimizer(saved: Any, optimizer: Optimizer) -> str | None:
    """What in a state of the optimizer it could not go on with."""
    own = optimizer.state_dict()["param_groups"]
    if not (isinstance(saved, dict) and isinstance(saved.get("state"), dict)):
        return f"it is {_kind(saved)}, without a state"
    groups = saved.get("param_groups")
    if not (isinstance(groups, list) and len(groups) == len(own)):
        return f"param_groups must be a list of {len(own)}"
    for group, expected in zip(groups, own, strict=True):
        if not (isinstance(group, dict) and _are_numbers(group.get("params"), expected["params"])):
            return "the params of a group are not those of the optimizer"
        # Others come and go with schedulers.
        for name in optimizer.defaults:
            value = expected.get(name)
            if not _alike(group.get(name), value):
                return f"{name} of a group is {shown(group.get(name))}"
    parameters = {number for group in own for number in group["params"]}
    for number, values in saved["state"].items():
        if isinstance(number, int) and not (number in parameters and isinstance(values, dict)):
            return f"its state of parameter {number} is {_kind(values)}"
    return None


def _are_numbers(numbers: Any, expected: Sequence[int]) -> bool:
    """Whether these are the numbers of the parameters that are expected."""
    return (
        isinstance(numbers, list)
        and all(type(number) is int for number in numbers)
        and numbers == expected
    )


def load_optimizer(optimizer: Optimizer, saved: Mapping[str, Any], *, settings: bool) -> None:
    """Loads a state, with the settings of its groups, which must have all that the groups have
    now. Without `settings` the groups keep their own."""
    groups = list(zip(saved["param_groups"], optimizer.param_groups, strict=True))
    if not settings:
        kept = [{**group, "params": was["params"]} for was, group in groups]
        saved = {**saved, "param_groups": kept}
    # PyTorch fills in what it knows. What a scheduler or a program has added, nobody does.
    for number, (was, group) in enumerate(
        zip(saved["param_groups"], optimizer.param_groups, strict=True)
    ):
        for name in group.keys() - optimizer.defaults.keys():
            if name not in was:
                raise StateError(f"group {number} lacks {name}")
            if name != "params" and not _alike(was[name], group[name]):
                raise StateError(f"{name} of group {number} is {shown(was[name])}")
    optimizer.load_state_dict(dict(saved))


def random_states(state: Mapping[str, Any]) -> tuple[Any, Any]:
    """Of this rank: to go on with, and at the start of the epoch. A new rank has none."""
    rank = ranks.rank()
    if rank >= len(state["random"]):
        return None, None
    return state["random"][rank], state["epoch_random"][rank]


def check_place(
    state: Mapping[str, Any], timestamp: Timestamp, loader: Any, batches_per_epoch: int | None
) -> None:
    """Raises `StateError` if the dataloader cannot go on there, with the same random numbers."""
    position = int(timestamp.batch_in_epoch)
    if batches_per_epoch is not None and position > batches_per_epoch:
        raise StateError(
            f"it is at batch {position} of an epoch, and train_dataloader has only "
            f"{batches_per_epoch}: pass on_change='restart'"
        )
    if ranks.rank() < len(state["random"]):
        random, epoch_random = random_states(state)
        check_random_state(random, loader)
        if position or epoch_random is not None:
            check_random_state(epoch_random, loader)


def check_schedulers(saved: Any, own: Sequence[LRScheduler], progress: Collection[str]) -> None:
    """Raises `StateError` for states that schedulers could not go on with.

    Looks at what changes with each step, `progress`. The rest may be anything, where classes are
    the user's; in PyTorch's own it is of the same kind.
    """
    if not isinstance(saved, (list, tuple)) or len(saved) != len(own):
        raise StateError(f"its schedulers must be a list of {len(own)}, not {shown(saved)}")
    for number, (state, scheduler) in enumerate(zip(saved, own, strict=True)):
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            raise StateError(f"the state of scheduler {number} is {shown(state)}")
        is_known = type(scheduler).__module__ == LRScheduler.__module__
        for name, value in scheduler.state_dict().items():
            is_looked_at = name in progress or (is_known and name in state)
            if is_looked_at and not _alike(state.get(name), value):
                raise StateError(f"{name} of scheduler {number} is {shown(state.get(name))}")
        if children := getattr(scheduler, "_schedulers", ()):
            check_schedulers(state.get("_schedulers"), children, progress)


def check_alphas(saved: Any, own: Sequence[Sequence[float]]) -> None:
    """Raises `StateError` for what are not as many α of schedules."""
    if len(saved) != len(own) or not all(map(_alike, saved, own)):
        raise StateError(f"alphas must be as many as the schedules, not {shown(saved)}")


def snapshot(model: nn.Module, optimizers: Sequence[Optimizer]) -> Callable[[], None]:
    """A function that puts the weights and the optimizers' states back as they are now."""
    tensors = [value for value in model.state_dict().values() if isinstance(value, Tensor)]
    values = [tensor.clone() for tensor in tensors]
    # A load replaces them.
    states = [(optimizer.state, optimizer.param_groups) for optimizer in optimizers]

    def restore() -> None:
        for tensor, value in zip(tensors, values, strict=True):
            tensor.copy_(value)
        for optimizer, (state, groups) in zip(optimizers, states, strict=True):
            optimizer.state, optimizer.param_groups = state, groups

    return restore


def _alike(value: Any, other: Any) -> bool:
    """Both numbers, both mappings, or both lists of as many that are alike. What may be None or a
    flag may be both, and what is nothing here may be anything."""
    if isinstance(other, (list, tuple)):
        return (
            isinstance(value, (list, tuple))
            and len(value) == len(other)
            and all(map(_alike, value, other))
        )
    if isinstance(other, bool):
        return value is None or isinstance(value, bool)
    if isinstance(other, dict):
        return isinstance(value, dict)
    return _is_number(value) or not _is_number(other)


def _is_number(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.numel() == 1
    return isinstance(value, Number) and not isinstance(value, bool)


def _is_last(last: Mapping[str, Any]) -> bool:
    if not all(name in last for name in LAST):
        return False
    loss, lr, eval_loss = (last[name] for name in LAST)
    numbers = all(loss is None or type(loss) is float for loss in (loss, eval_loss))
    return numbers and isinstance(lr, list) and all(map(_is_number, lr))


def _damaged(path: Path, part: str, reason: str) -> StateError:
    return StateError(f"{path} is damaged, or was changed: {part}: {reason}")


def _some(differences: Sequence[str]) -> str:
    """The first few; of another model there may be thousands."""
    more = len(differences) - 5
    return "; ".join(differences[:5]) + (f"; and {more} more" if more > 0 else "")
