"""Checkpoints: files that are whole or not there, and load without running code."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from epochal._core import StateError

__all__ = ["check", "load", "newest_batch", "path_at", "save"]

# What a Trainer's checkpoint holds.
PARTS = {
    "settings": dict,
    "lr": list,
    "model": dict,
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
    names = (re.fullmatch(r"ba(\d+)\.pt", path.name) for path in folder.iterdir())
    return max((int(name[1]) for name in names if name), default=None)


def save(state: Mapping[str, Any], path: Path) -> None:
    """Writes a file that is there as a whole, or not at all, whenever the process is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since only within one file system a name is replaced in one go.
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":
        # The name is on the disk when its folder is.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def load(path: Path) -> dict[str, Any]:
    """Reads a checkpoint onto the CPU, with `torch.load`'s defaults: no code in it is run.

    Raises `StateError` if the file is damaged or no checkpoint, `OSError` if it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            # PyTorch does not compare the checksums that it writes.
            with zipfile.ZipFile(file) as archive:
                if damaged := archive.testzip():
                    raise zipfile.BadZipFile(f"the checksum of {damaged} is wrong")
            file.seek(0)
            state = torch.load(file, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise StateError(f"{path} is damaged, or no checkpoint: {reason}") from error
    if not isinstance(state, dict):
        raise StateError(f"{path} is no checkpoint: it holds a {type(state).__name__}")
    return state


def check(
    path: Path,
    state: Mapping[str, Any],
    model: Mapping[str, Any],
    optimizers: Sequence[Mapping[str, Any]],
) -> None:
    """Raises `StateError` if a checkpoint is not a Trainer's, or of another model or optimizer.

    Compares with the states of those at hand: names and shapes, and the numbers of parameters.
    """
    for name, kind in PARTS.items():
        if not isinstance(state.get(name), kind):
            raise StateError(
                f"{path} is no checkpoint of a Trainer: {name!r} is missing or damaged"
            )
    differences = [f"it lacks {name}" for name in model if name not in state["model"]]
    differences += [f"it has {name}" for name in state["model"] if name not in model]
    for name, own in model.items():
        saved = state["model"].get(name, own)
        if isinstance(own, Tensor) and isinstance(saved, Tensor) and saved.shape != own.shape:
            differences.append(f"{name} is {list(saved.shape)} there, {list(own.shape)} here")
    if differences:
        raise StateError(f"{path} is of another model: {'; '.join(differences)}")
    sizes = [_group_sizes(optimizers), _group_sizes(state["optimizers"])]
    if sizes[0] != sizes[1]:
        raise StateError(
            f"{path} is of other optimizers: parameters in their groups were {sizes[1]}, now they "
            f"are {sizes[0]}"
        )


def _group_sizes(optimizers: Sequence[Any]) -> list[list[int]]:
    return [[len(group["params"]) for group in state["param_groups"]] for state in optimizers]
