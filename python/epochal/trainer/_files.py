"""Files of checkpoints: whole or not there, and read without running code."""

from __future__ import annotations

import copy
import os
import re
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.serialization import get_unsafe_globals_in_checkpoint

from epochal._core import ScheduleError, StateError
from epochal._shown import shown

if TYPE_CHECKING:
    from os import PathLike

__all__ = [
    "check_folder",
    "check_plain",
    "load",
    "newest_batch",
    "path_at",
    "prune",
    "save",
    "source",
]

# A file that is being written. It is one writer's own, so that two at a time cannot mix.
TEMPORARY = re.compile(r"\.epochal-[0-9a-f]{16}\.tmp")
# No write pauses for so long: a temporary file that is this much older is left over.
LEFT_OVER_SECONDS = 3600


def path_at(folder: Path, batch: int) -> Path:
    """The file of the checkpoint before batch `batch`."""
    return folder / f"ba{batch}.pt"


def newest_batch(folder: Path | None) -> int | None:
    """The highest batch that a folder has a checkpoint of, if it has any."""
    return max(_batches(folder), default=None) if folder is not None else None


def _batches(folder: Path) -> list[int]:
    """The batches that a folder has checkpoints of."""
    if not folder.is_dir():
        return []
    names = (re.fullmatch(r"ba(0|[1-9][0-9]*)\.pt", path.name) for path in folder.iterdir())
    return [int(name[1]) for name in names if name]


def prune(folder: Path, batch: int, keep: int) -> None:
    """Removes all but `keep` of the checkpoints up to that of `batch`, which is the newest of
    this training. Later ones are another's."""
    older = sorted(other for other in _batches(folder) if other < batch)
    for other in older[: max(len(older) - (keep - 1), 0)]:
        path_at(folder, other).unlink(missing_ok=True)


def source(resume: bool | str | PathLike[str] | None, folder: Path | None) -> Path | None:
    """The checkpoint to go on from, if any: as a Trainer's `resume` and `save_folder` tell.

    Raises `StateError` for a folder with checkpoints that are not to be resumed.
    """
    if not (resume is None or isinstance(resume, bool)):
        words = f"resume must be True, False or the path of a checkpoint, not {shown(resume)}"
        try:
            path = Path(resume)
        except TypeError:
            raise TypeError(words) from None
        text = os.fsdecode(resume)
        if not text or "\0" in text:  # the path of the present folder, or of none
            raise ScheduleError(words)
        return path
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
    temporary = path.with_name(f".epochal-{os.urandom(8).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            torch.save(_plain(state), file)
            file.flush()
            os.fsync(file.fileno())
        # Better now than when it is needed.
        _check_file(temporary)
        written_at = temporary.stat().st_mtime
        os.replace(temporary, path)
    except BaseException as error:
        error.add_note(f"the checkpoint {path} was not written")
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    _remove_left_over(path.parent, written_at)


def _sync_folder(folder: Path) -> None:
    """The name of a file is on the disk when its folder is. Some file systems cannot tell."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        with suppress(OSError):
            os.fsync(descriptor)
        os.close(descriptor)


def _remove_left_over(folder: Path, now: float) -> None:
    """Removes the temporary files of writers that were killed. `now` is by the folder's clock,
    which need not be that of this machine."""
    for path in folder.iterdir():
        if TEMPORARY.fullmatch(path.name):
            with suppress(OSError):  # another has removed it
                if now - path.stat().st_mtime > LEFT_OVER_SECONDS:
                    path.unlink()


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
