"""Files of checkpoints: whole or not there; damaged, foreign and hostile ones are refused."""

import copy
import io
import multiprocessing
import os
import pickle
import random
import re
import resource
import time
import zipfile
from collections import Counter, OrderedDict, deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from damage import at, everything, keys_of, same, structure, with_scheduler
from epochal import CosineAnnealingScheduler, StateError, Trainer
from epochal.trainer import _content as content
from epochal.trainer import _files as files
from epochal.trainer._stepping import PROGRESS
from torch import Tensor, nn
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import ChainedScheduler, MultiStepLR, StepLR
from training import History, make_trainer, model, weights

# Writing


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


# Damage


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In mid-epoch, so that all parts are in use."""
    path = tmp_path_factory.mktemp("saved") / "x.pt"
    trainer = with_scheduler(max_duration="5ba")
    trainer.fit()
    trainer.save_checkpoint(path)
    return path


def test_truncated(saved: Path, tmp_path: Path) -> None:
    data = saved.read_bytes()
    places = {*range(300), *range(0, len(data), 97), *range(len(data) - 300, len(data))}
    path = tmp_path / "x.pt"
    for place in sorted(places):
        path.write_bytes(data[:place])
        with pytest.raises(StateError, match=r"x\.pt is damaged, or no checkpoint: \S"):
            files.load(path)


def test_flipped(saved: Path, tmp_path: Path) -> None:
    """Found, or without any effect."""
    data, right = saved.read_bytes(), files.load(saved)
    rng = random.Random(0)
    with zipfile.ZipFile(saved) as archive:
        # The attributes of the first entry, which might make it a folder.
        places = [archive.start_dir + 38]
    places += rng.sample(sorted(set(structure(data))), 120)
    places += rng.sample(range(len(data)), 30)
    path = tmp_path / "x.pt"
    found = 0
    for place in places:
        for bits in (0x10, 1 << rng.randrange(8), 0xFF):
            damaged = bytearray(data)
            damaged[place] ^= bits
            path.write_bytes(damaged)
            try:
                state = files.load(path)
            except StateError:
                found += 1
            else:
                assert same(state, right), place
    assert found > len(places)


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def written(path: Path, content: Any) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("notes.txt", "no checkpoint")
    return file.getvalue()


OTHER_FILES: dict[str, tuple[Any, str]] = {
    "empty": (b"", "is damaged, or no checkpoint: File is not a zip file"),
    "text": (b"learning rate\n" * 99, "is damaged, or no checkpoint: File is not a zip file"),
    "pickle": (pickle.dumps({"model": {}}), "is damaged, or no checkpoint: File is not a zip"),
    "zip": (zipped(), "is damaged, or no checkpoint: "),
    "class": (Path("x"), "is damaged, or no checkpoint: Weights only load failed"),
    "list": ([1, 2], "is no checkpoint: it holds a list"),
    "tensor": (torch.zeros(3), "is no checkpoint: it holds a Tensor"),
    "state_dict": (model().state_dict(), "no checkpoint of a Trainer: 'settings' is missing"),
    "deque": ({"model": deque()}, "is damaged, or no checkpoint: Weights only load failed"),
}


@pytest.mark.parametrize("name", OTHER_FILES)
def test_other_files(name: str, tmp_path: Path) -> None:
    content, message = OTHER_FILES[name]
    path = tmp_path / "x.pt"
    written(path, content)
    with pytest.raises(StateError, match=message) as raised:
        make_trainer(resume=path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("forced", ["0", "1"])
@pytest.mark.parametrize("protocol", ["zip", "pickle", "old"])
def test_code_in_a_file_is_not_run(
    protocol: str, forced: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where a variable has `torch.load` run it by default."""
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", forced)
    path, proof = tmp_path / "x.pt", tmp_path / "proof"
    content = {"model": Hostile(proof)}
    if protocol == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=protocol == "zip")
    with pytest.raises(StateError, match="is damaged, or no checkpoint"):
        make_trainer(resume=path)
    assert not proof.exists()
    pickle.loads(pickle.dumps(content))
    assert proof.exists()  # so it would have


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.pt"):
        make_trainer(resume=tmp_path / "none.pt")
    with pytest.raises(IsADirectoryError):
        make_trainer(resume=tmp_path)


# Deep damage: nothing of it is loaded


PARTS = [*content.PARTS]
MOMENTUM = ("optimizers", 0, "param_groups", 0, "momentum")
ODD: list[Any] = ["", "0.5", [], {}, torch.zeros(2)]
# States of `random` that it takes and cannot go on from: the last entry is a number or None.
GAUSS = [(*random.getstate()[:2], value) for value in ODD]
DEEP = [
    *(at(part, value=...) for part in PARTS),
    *(
        at(part, value=value)
        for part in PARTS
        for value in (None, 5, "text", torch.zeros(2))
        # No cooldown, and any version.
        if (part, value) not in (("cooldown", None), ("epochal", "text"))
    ),
    *(at(part, value=[]) for part in PARTS if part != "lr"),
    *(at(part, value={}) for part in PARTS if part != "settings"),
    at("settings", "run", value=3),
    at("settings", 3, value="x"),
    at("lr", 0, value="0.5"),
    at("alphas", 0, value=[]),
    at("alphas", 0, value=["1.0"]),
    at("cooldown", value={"at": "3ba"}),
    at("cooldown", value={"alphas": [[0.5]]}),
    at("cooldown", value={"at": "3epp", "alphas": [[0.5]]}),
    at("cooldown", value={"at": "3ba", "alphas": [[-0.5]]}),
    at("cooldown", value={"at": "3ba", "alphas": []}),
    at("cooldown", value={"at": "3ba", "alphas": [[0.5, 0.5]]}),
    *(at("last", name, value=...) for name in ("loss", "lr", "eval_loss")),
    at("lr", 0, value=None),
    at("model", "0.weight", value=...),
    at("model", "0.more", value=torch.zeros(2)),
    at("model", "0.weight", value="x"),
    at("model", "0.weight", value=torch.zeros(4, 6)),
    at("model", "0.weight", value=torch.zeros(6, 4, dtype=torch.float64)),
    at("trained", 0, value=...),
    at("trained", 0, value="0.other in group 0 of SGD 0"),
    at("optimizers", 1, value=...),
    at("optimizers", 1, value=5),
    at("optimizers", 0, "state", value=[]),
    at("optimizers", 0, "state", 7, value={}),
    at("optimizers", 0, "state", 0, value="x"),
    at("optimizers", 0, "param_groups", value=...),
    at("optimizers", 0, "param_groups", value=[]),
    at("optimizers", 0, "param_groups", 0, value="x"),
    at("optimizers", 0, "param_groups", 0, "params", value=[0]),
    at("optimizers", 0, "param_groups", 0, "params", value=...),
    at(*MOMENTUM, value=...),
    at(*MOMENTUM, value="0.9"),
    at("optimizers", 0, "param_groups", 0, "lr", value="0.5"),
    at("optimizers", 0, "param_groups", 0, "lr", value=torch.zeros(2)),
    at("schedulers", 1, value=...),
    at("schedulers", 0, value=[]),
    at("schedulers", 0, "_schedulers", value=[]),
    at("schedulers", 0, "_schedulers", value=...),
    at("schedulers", 0, "_schedulers", 0, "last_epoch", value="1"),
    at("schedulers", 0, "_schedulers", 0, "last_epoch", value=...),
    at("schedulers", 0, "_schedulers", 0, "_last_lr", value=[]),
    at("schedulers", 0, "_schedulers", 0, "_last_lr", value=["x"]),
    at("schedulers", 0, 3, value=5),
    at("schedulers", 1, "last_epoch", value=-5),
    at("schedulers", 1, "last_epoch", value=...),
    at("schedulers", 1, "timestamp", "batch", value="5"),
    at("clock", "batch", value=-1),
    at("clock", "batch", value=5.5),
    at("clock", "token", value=...),
    at("clock", "more", value=1),
    at("clock", "total_wct", value=float("nan")),
    at("random", 0, value=None),
    at("epoch_random", 0, value=None),
    *(
        at(part, 0, name, value=value)
        for part in ("random", "epoch_random")
        for name in ("python", "numpy", "torch", "loader")
        for value in (..., None, 5, "x", (3, (1, 2), None), torch.zeros(4), [torch.zeros(4)])
    ),
    at("random", 0, "torch", value=torch.zeros(3, dtype=torch.uint8)),
    *(
        at(part, 0, "python", value=python)
        for part in ("random", "epoch_random")
        for python in GAUSS
    ),
    *(at("random", 0, "loader", value=value) for value in ODD),
    at("random", 0, "numpy", 3, value=True),
    at("optimizers", 0, "param_groups", 0, "params", 0, value=torch.zeros(2)),
    at("optimizers", 1, "param_groups", 0, "betas", value={"a": 1}),
    at("optimizers", 1, "param_groups", 0, "betas", value=(0.9,)),
    *(
        at("optimizers", number, "param_groups", 0, "initial_lr", value=value)
        for number in (0, 1)
        for value in (..., None, *ODD)
    ),
    at("schedulers", 0, "_schedulers", 0, "step_size", value="3"),
    at("schedulers", 0, "_schedulers", 0, "base_lrs", value=[]),
    at("schedulers", 0, "_schedulers", 1, "_is_initial", value=0.5),
]


def test_deep_damage_is_refused_as_a_whole(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    right = torch.load(saved)
    history = History()
    for number, change in enumerate(DEEP):
        state = copy.deepcopy(right)
        change(state)
        torch.save(state, path)
        parts = model()
        optimizers = [
            SGD(parts[0].parameters(), lr=0.5, momentum=0.9),
            AdamW(parts[3].parameters()),
        ]
        chained = ChainedScheduler([StepLR(optimizers[0], 1), StepLR(optimizers[0], 3)])
        before = everything((parts, optimizers, [chained]))
        groups = [optimizer.param_groups[0] for optimizer in optimizers]
        with pytest.raises(StateError) as raised:
            make_trainer(
                model=parts,
                optimizers=optimizers,
                schedulers=[chained, CosineAnnealingScheduler()],
                max_duration="5ba",
                resume=path,
                seed=None,
                callbacks=history,
            )
        assert str(path) in str(raised.value), number
        assert same(before, everything((parts, optimizers, [chained]))), (number, raised.value)
        assert all(o.param_groups[0] is g for o, g in zip(optimizers, groups, strict=True)), number
    torch.save(right, path)
    assert with_scheduler(max_duration="5ba", resume=path).clock.timestamp.batch == 5


def may_be_missing(path: tuple[Any, ...]) -> bool:
    """Settings of PyTorch's own, which it fills in; descriptions; and what only an optimizer
    knows of its parameters."""
    part, last = path[0], path[-1]
    if len(path) == 1:
        return False
    if part == "optimizers":
        return ("state" in path and last != "state") or last in FILLED_IN
    progress = PROGRESS - {"_is_initial", "_get_lr_called_within_step"}
    return part == "schedulers" and last not in progress and "timestamp" not in path


FILLED_IN = (
    "amsgrad",
    "decoupled_weight_decay",
    "foreach",
    "maximize",
    "capturable",
    "differentiable",
    "fused",
    "nesterov",
)


def test_each_missing_key_is_refused(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    right = torch.load(saved)
    paths = list(keys_of(right))
    assert len(paths) > 100
    for keys in (keys for keys in paths if not may_be_missing(keys)):
        state = copy.deepcopy(right)
        at(*keys, value=...)(state)
        torch.save(state, path)
        parts = model()
        before = weights(parts)
        optimizers = [
            SGD(parts[0].parameters(), lr=0.5, momentum=0.9),
            AdamW(parts[3].parameters()),
        ]
        chained = ChainedScheduler([StepLR(optimizers[0], 1), StepLR(optimizers[0], 3)])
        states = copy.deepcopy([optimizer.state_dict() for optimizer in optimizers])
        arguments: dict[str, Any] = {
            "model": parts,
            "optimizers": optimizers,
            "schedulers": [chained, CosineAnnealingScheduler()],
            "max_duration": "5ba",
            "resume": path,
        }
        with pytest.raises(StateError, match=re.escape(str(path))):
            make_trainer(**arguments)
        assert all(map(torch.equal, before, weights(parts))), keys
        assert same(states, [optimizer.state_dict() for optimizer in optimizers]), keys


@pytest.mark.parametrize("place", ["model", "optimizer"])
def test_what_cannot_be_loaded_stays(place: str, saved: Path) -> None:
    """Whatever fails, here a hook of the last part, all before it is put back."""

    def refuse(*args: object) -> None:
        raise ValueError("not today")

    parts = model()
    before = weights(parts)
    optimizers = [SGD(parts[0].parameters(), lr=0.5, momentum=0.9), AdamW(parts[3].parameters())]
    if place == "model":
        parts[3]._register_load_state_dict_pre_hook(refuse)
    else:
        optimizers[1].register_load_state_dict_pre_hook(refuse)
    schedulers = [
        ChainedScheduler([StepLR(optimizers[0], 1), StepLR(optimizers[0], 3)]),
        CosineAnnealingScheduler(),
    ]
    with pytest.raises(StateError, match=r"cannot go on from .*x\.pt: not today"):
        make_trainer(
            model=parts,
            optimizers=optimizers,
            schedulers=schedulers,
            max_duration="5ba",
            resume=saved,
        )
    assert all(map(torch.equal, before, weights(parts)))
    assert all(not optimizer.state for optimizer in optimizers)
    assert [o.param_groups[0]["lr"] for o in optimizers] == [0.5, 0.001]


def test_another_program(saved: Path) -> None:
    """What differs is told: a few names, not thousands."""
    deep = nn.Sequential(*(nn.Linear(4, 4) for _ in range(9)))
    with pytest.raises(
        StateError,
        match=r"another model: it lacks 1.weight; it lacks 1.bias; .*; and 13 more",
    ):
        make_trainer(model=deep, resume=saved)
    parts = model()
    swapped = [AdamW(parts[3].parameters()), SGD(parts[0].parameters(), lr=0.5)]
    with pytest.raises(
        StateError,
        match=r"0.weight in group 0 of SGD 0 was trained, now 3.weight in group 0 of AdamW 0 is",
    ):
        make_trainer(model=parts, optimizers=swapped, resume=saved)
    with pytest.raises(TypeError, match="resume must be True, False or the path of a .*, not 3"):
        make_trainer(resume=3)
