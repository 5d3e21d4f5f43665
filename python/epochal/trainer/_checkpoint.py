"""Checkpoints: files that are whole or not there, and load without running code."""

from __future__ import annotations

import copy
import os
import re
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from itertools import zip_longest
from numbers import Number
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.serialization import get_unsafe_globals_in_checkpoint

from epochal import _ranks as ranks
from epochal._core import StateError, Timestamp
from epochal.trainer._randomness import check_random_state

if TYPE_CHECKING:
    from os import PathLike

__all__ = [
    "check",
    "check_folder",
    "check_place",
    "check_plain",
    "check_schedulers",
    "load",
    "newest_batch",
    "path_at",
    "random_states",
    "save",
    "snapshot",
    "source",
    "trained",
]

# What a Trainer's checkpoint holds.
PARTS = {
    "settings": dict,
    "lr": list,
    "last": dict,
    "model": dict,
    "trained": list,
    "optimizers": list,
    "schedulers": list,
    "clock": dict,
    "random": list,
    "epoch_random": list,
}


def path_at(folder: Path, batch: int) -> Path:
    """The file of the checkpoint before batch `batch`."""
    return folder / f"ba{batch}.pt"


def newest_batch(folder: Path | None) -> int | None:
    """The highest batch that a folder has a checkpoint of, if it has any."""
    if folder is None or not folder.is_dir():
        return None
    names = (re.fullmatch(r"ba(0|[1-9][0-9]*)\.pt", path.name) for path in folder.iterdir())
    return max((int(name[1]) for name in names if name), default=None)


def source(resume: bool | str | PathLike[str] | None, folder: Path | None) -> Path | None:
    """The checkpoint to go on from, if any: as a Trainer's `resume` and `save_folder` tell.

    Raises `StateError` for a folder with checkpoints that are not to be resumed.
    """
    if not (resume is None or isinstance(resume, bool)):
        try:
            return Path(resume)
        except TypeError:
            raise TypeError(
                f"resume must be True, False or the path of a checkpoint, not {resume!r}"
            ) from None
    if resume and folder is None:
        raise TypeError("resume=True looks for checkpoints in save_folder, which is missing")
    batch = newest_batch(folder)
    if folder is None or batch is None:
        return None
    if not resume:
        raise StateError(
            f"{folder} holds checkpoints of another training, up to batch {batch}: pass "
            "resume=True to go on with it, or another save_folder"
        )
    return path_at(folder, batch)


def check_folder(folder: Path | None, batch: int | None, source: Path) -> None:
    """Later checkpoints of what was trained before would be taken for those of this one, which
    goes on from `source` at a batch, or restarts."""
    latest = newest_batch(folder)
    if latest is not None and batch is None:
        raise StateError(
            f"{folder} holds checkpoints of before the restart: pass resume={str(source)!r} and "
            "another save_folder"
        )
    if latest is not None and batch is not None and latest > batch:
        raise StateError(
            f"{folder} holds later checkpoints, up to batch {latest}, than batch {batch}, where "
            "this training goes on: move them away, or pass another save_folder"
        )


# Files


def save(state: Mapping[str, Any], path: Path) -> None:
    """Writes a file that is there as a whole, or not at all, whenever the process is killed.

    Raises `TypeError` if the state holds what `torch.load` does not take by default. Whatever is
    raised, a file of before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since only within one file system a name is replaced in one go.
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            torch.save(_plain(state), file)
            file.flush()
            os.fsync(file.fileno())
        # Better now than when it is needed.
        _check_file(temporary)
        temporary.replace(path)
    except BaseException as error:
        error.add_note(f"the checkpoint {path} was not written")
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":
        # The name is on the disk when its folder is. Some file systems cannot tell.
        folder = os.open(path.parent, os.O_RDONLY)
        with suppress(OSError):
            os.fsync(folder)
        os.close(folder)


def check_plain(state: Any) -> None:
    """Raises `TypeError` if a part of a checkpoint could not be saved."""
    file = BytesIO()
    torch.save(_plain(state), file)
    file.seek(0)
    _check_file(file)


def _check_file(file: Path | BytesIO) -> None:
    if foreign := get_unsafe_globals_in_checkpoint(file):
        raise TypeError(
            f"a checkpoint holds tensors and plain data only, not {', '.join(foreign)}: take it "
            "out of the state of the model, the optimizers or the schedulers"
        )


def _plain(value: Any) -> Any:
    """With Python's numbers in place of NumPy's, which `torch.load` does not take by default."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    if isinstance(value, dict):
        # A copy keeps attributes, such as the versions in a model's state.
        new = copy.copy(value)
        new.clear()
        for key, item in value.items():
            new[_plain(key)] = _plain(item)
        return new
    return value


def load(path: Path) -> dict[str, Any]:
    """Reads a checkpoint onto the CPU, with `torch.load`'s defaults: no code in it is run.

    Raises `StateError` if the file is damaged or no checkpoint, `OSError` if it cannot be opened.
    """
    with path.open("rb") as file:
        try:
            # PyTorch does not compare the checksums that it writes.
            with zipfile.ZipFile(file) as archive:
                if damaged := archive.testzip():
                    raise zipfile.BadZipFile(f"the checksum of {damaged} is wrong")
                # It reads nothing for an entry that is marked as a folder, and says nothing.
                if any(entry.external_attr for entry in archive.infolist()):
                    raise zipfile.BadZipFile("an entry has attributes")
            file.seek(0)
            state = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise StateError(f"{path} is damaged, or no checkpoint: {reason}") from error
    if not isinstance(state, dict):
        raise StateError(f"{path} is no checkpoint: it holds a {type(state).__name__}")
    return state


# What is in them


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
        if not isinstance(state.get(name), kind):
            raise StateError(
                f"{path} is no checkpoint of a Trainer: {name!r} is missing or damaged"
            )
    if not all(isinstance(text, str) for item in state["settings"].items() for text in item):
        raise _damaged(path, "settings", "not all of it is text")
    if not all(map(_is_number, state["lr"])):
        raise _damaged(path, "lr", f"not all of {state['lr']} are numbers")
    if not _is_last(state["last"]):
        raise _damaged(path, "last", f"it is {state['last']!r:.200}")
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
        if not isinstance(group, dict) or group.get("params") != expected["params"]:
            return "the params of a group are not those of the optimizer"
        # Others come and go with schedulers.
        for name in optimizer.defaults:
            value = expected.get(name)
            if _is_number(value) and not _is_number(group.get(name)):
                return f"{name} of a group is {group.get(name)!r:.200}"
    parameters = {number for group in own for number in group["params"]}
    for number, values in saved["state"].items():
        if isinstance(number, int) and not (number in parameters and isinstance(values, dict)):
            return f"its state of parameter {number} is {_kind(values)}"
    return None


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


def check_schedulers(
    saved: Any, own: Sequence[Mapping[str, Any]], progress: Collection[str]
) -> None:
    """Raises `StateError` for states that schedulers could not go on with.

    Looks at what changes with each step, `progress`. The rest may be anything, where classes are
    the user's.
    """
    if not isinstance(saved, (list, tuple)) or len(saved) != len(own):
        raise StateError(f"its schedulers must be a list of {len(own)}, not {saved!r:.200}")
    for number, (state, expected) in enumerate(zip(saved, own, strict=True)):
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            raise StateError(f"the state of scheduler {number} is {state!r:.200}")
        for name, value in expected.items():
            if name in progress and not _alike(state.get(name), value):
                raise StateError(f"{name} of scheduler {number} is {state.get(name)!r:.200}")
        if "_schedulers" in expected:
            check_schedulers(state.get("_schedulers"), expected["_schedulers"], progress)


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
    """Both numbers, or both lists of as many."""
    if isinstance(other, (list, tuple)):
        return (
            isinstance(value, (list, tuple))
            and len(value) == len(other)
            and all(map(_is_number, value))
        )
    return _is_number(value) or not _is_number(other)


def _is_number(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.numel() == 1
    return isinstance(value, Number) and not isinstance(value, bool)


def _is_last(last: Mapping[str, Any]) -> bool:
    losses, lr = [last.get("loss"), last.get("eval_loss")], last.get("lr")
    numbers = all(loss is None or type(loss) is float for loss in losses)
    return numbers and isinstance(lr, list) and all(map(_is_number, lr))


def _damaged(path: Path, part: str, reason: str) -> StateError:
    return StateError(f"{path} is damaged, or was changed: {part}: {reason}")


def _some(differences: Sequence[str]) -> str:
    """The first few; of another model there may be thousands."""
    more = len(differences) - 5
    return "; ".join(differences[:5]) + (f"; and {more} more" if more > 0 else "")
