"""How checkpoints are written: a file is there whole or not at all, and holds what can be read."""

import io
import multiprocessing
import os
import resource
import time
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from epochal import CosineAnnealingScheduler, StateError, Trainer
from epochal.trainer import _files as files
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import MultiStepLR
from training import make_trainer, model, weights


def fail(*args: object, **kwargs: object) -> None:
    raise OSError(28, "No space left on device")


FAILURES: dict[str, tuple[Any, str]] = {
    "save": (torch, "save"),
    "fsync": (os, "fsync"),
    "replace": (os, "replace"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failing_write_leaves_the_old_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ba3.pt"
    files.save({"a": 1}, path)
    module, function = FAILURES[name]
    monkeypatch.setattr(module, function, fail)
    with pytest.raises(OSError, match="No space") as raised:
        files.save({"a": 2}, path)
    assert raised.value.__notes__ == [f"the checkpoint {path} was not written"]
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["ba3.pt"]
    assert torch.load(path) == {"a": 1}
    files.save({"a": 2}, path)
    assert torch.load(path) == {"a": 2}


def test_a_full_disk(tmp_path: Path) -> None:
    """A real one, as far as the process can tell."""
    path = tmp_path / "ba3.pt"
    files.save({"a": 1}, path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises((OSError, RuntimeError)):
            files.save({"a": torch.zeros(10_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == ["ba3.pt"]
    assert torch.load(path) == {"a": 1}


def test_an_interrupted_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(state: object, file: io.BytesIO) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        files.save({"a": 2}, tmp_path / "new" / "ba3.pt")
    assert os.listdir(tmp_path / "new") == []


def test_the_order_of_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content is on the disk before the name points at it, and the name is after."""
    done = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        fsync(descriptor)

    def noted_replace(*names: Any) -> None:
        done.append("replace")
        assert [Path(name).parent for name in names] == [tmp_path, tmp_path]
        assert torch.load(names[0]) == {"a": 1}
        replace(*names)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    files.save({"a": 1}, tmp_path / "ba3.pt")
    assert done == ["file", "replace", "folder"]


def test_a_file_system_that_cannot_sync_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def of_files(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(22, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", of_files)
    files.save({"a": 1}, tmp_path / "ba3.pt")
    assert torch.load(tmp_path / "ba3.pt") == {"a": 1}


def test_the_newest_checkpoint(tmp_path: Path) -> None:
    (tmp_path / ".epochal-0123456789abcdef.tmp").write_bytes(b"half")
    for name in ("ba09.pt", "ba8.pt.old", "xba8.pt", "ba-8.pt", "ba٨.pt", "ba.pt"):
        (tmp_path / name).touch()
    assert files.newest_batch(tmp_path) is None
    files.save({"a": 1}, tmp_path / "ba9.pt")
    files.save({"a": 1}, tmp_path / "ba10.pt")
    assert files.newest_batch(tmp_path) == 10  # and not 9, the last in alphabetical order
    assert files.newest_batch(tmp_path / "none") is files.newest_batch(None) is None


def test_temporary_files_of_killed_processes_are_removed(tmp_path: Path) -> None:
    """Not those that another process may be writing, and not those of others."""
    old = time.time() - files.LEFT_OVER_SECONDS - 60
    names = [".epochal-0123456789abcdef.tmp", ".epochal-.tmp", ".ba9.pt.tmp", "ba8.pt"]
    for name in names:
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (old, old))
    young = tmp_path / ".epochal-fedcba9876543210.tmp"
    young.write_bytes(b"half")
    files.save({"a": 1}, tmp_path / "ba9.pt")
    assert set(os.listdir(tmp_path)) == {*names[1:], young.name, "ba9.pt"}


def save_often(path: Path, number: int, saves: int) -> None:
    for _ in range(saves):
        files.save({"number": number, "values": torch.full((40_000,), number)}, path)


def test_several_writers_of_a_file(tmp_path: Path) -> None:
    """Whenever it is read, it is whole, and of one of them."""
    path = tmp_path / "ba5.pt"
    save_often(path, 9, 1)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=save_often, args=(path, n, 25)) for n in range(3)]
    for writer in writers:
        writer.start()
    found = set()
    while any(writer.is_alive() for writer in writers):
        state = files.load(path)
        found.add(state["number"])
        assert bool((state["values"] == state["number"]).all())
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(found) > 1
    assert os.listdir(tmp_path) == ["ba5.pt"]


def test_the_newest_state_of_several_writers(tmp_path: Path) -> None:
    """One is further than the other, and neither removes what the other has written last."""
    ahead = make_trainer(save_folder=tmp_path, save_interval="1ba", keep_last=2, max_duration="8ba")
    behind = make_trainer(
        save_folder=tmp_path, save_interval="1ba", keep_last=2, max_duration="5ba", seed=6
    )
    ahead.fit()
    behind.fit()
    assert sorted(os.listdir(tmp_path)) == ["ba4.pt", "ba5.pt", "ba7.pt", "ba8.pt"]
    resumed = make_trainer(save_folder=tmp_path, resume=True, max_duration="8ba")
    assert resumed.clock.timestamp.batch == 8
    assert all(map(torch.equal, weights(resumed.model), weights(ahead.model)))


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_the_last_checkpoints_are_kept(keep: int, tmp_path: Path) -> None:
    """Of a resumed training too, with those from before; a file elsewhere is another matter."""
    settings: dict[str, Any] = {"save_folder": tmp_path, "save_interval": "2ba", "keep_last": keep}

    def elsewhere(trainer: Trainer) -> None:
        trainer.save_checkpoint(tmp_path / "other.pt")

    make_trainer(max_duration="5ba", callbacks=elsewhere, **settings).fit()
    assert files.newest_batch(tmp_path) == 5
    resumed = make_trainer(max_duration="5ba", resume=True, **settings)
    resumed.fit("9ba")
    written = [2, 4, 5, 6, 8, 9][-keep:]
    assert set(os.listdir(tmp_path)) == {"other.pt", *(f"ba{batch}.pt" for batch in written)}
    assert make_trainer(max_duration="9ba", resume=tmp_path / "ba9.pt").clock.done


def plain(value: Any) -> bool:
    if isinstance(value, dict):
        return type(value) in (dict, OrderedDict, Counter) and all(map(plain, value.items()))
    if type(value) in (list, tuple):
        return all(map(plain, value))
    return type(value) in (int, float, str, bool, Tensor) or value is None


def test_the_content_is_plain(tmp_path: Path) -> None:
    """And is what the objects themselves give, so that it can be used by hand."""
    trainer = make_trainer(schedulers=CosineAnnealingScheduler())
    trainer.fit()
    trainer.save_checkpoint(tmp_path / "any name")
    state = torch.load(tmp_path / "any name")
    assert plain(state)
    other = model(seed=3)
    other.load_state_dict(state["model"])
    assert all(map(torch.equal, weights(other), weights(trainer.model)))
    optimizer = SGD(other.parameters(), lr=0.1)
    optimizer.load_state_dict(state["optimizers"][0])
    assert state["lr"] == [optimizer.param_groups[0]["lr"]] == [0.0]
    assert state["clock"] == trainer.clock.state_dict()


def test_numbers_of_numpy_are_saved_as_pythons(tmp_path: Path) -> None:
    """A sweep often takes them out of an array, and torch.load takes none by default."""
    arguments: dict[str, Any] = {"model": nn.Sequential(model(), nn.BatchNorm1d(3))}
    momentum: Any = np.float32(0.5)
    optimizer = SGD(arguments["model"].parameters(), lr=np.float64(0.1), momentum=momentum)
    milestones: Any = np.array([1, 2])
    arguments |= {"optimizers": optimizer, "schedulers": MultiStepLR(optimizer, milestones)}
    trainer = make_trainer(**arguments)
    trainer.fit()
    trainer.save_checkpoint(tmp_path / "x.pt")
    state = torch.load(tmp_path / "x.pt")
    assert plain(state)
    assert state["model"]._metadata["1"] == {"version": 2}
    make_trainer(**arguments, resume=tmp_path / "x.pt")


def test_what_could_not_be_loaded_is_not_saved(tmp_path: Path) -> None:
    trainer = make_trainer()
    trainer.optimizers[0].param_groups[0]["name"] = Path("layers")
    with pytest.raises(TypeError, match=r"plain data only, not pathlib\S*: take it out"):
        trainer.save_checkpoint(tmp_path / "x.pt")
    assert os.listdir(tmp_path) == []


def test_what_would_not_be_saved_is_refused_early(tmp_path: Path) -> None:
    """A parameter that is in an optimizer only."""
    first = model()
    optimizer = SGD([*first.parameters(), nn.Parameter(torch.zeros(2, 3))], lr=0.1)
    with pytest.raises(StateError, match=r"SGD trains a parameter of shape \[2, 3\] that is not"):
        make_trainer(model=first, optimizers=optimizer, save_folder=tmp_path)
    make_trainer(model=first, optimizers=optimizer)
