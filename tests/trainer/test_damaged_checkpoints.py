"""Damaged, foreign and hostile checkpoints: refused as a whole, and nothing of them is run."""

import copy
import io
import pickle
import random
import re
import zipfile
from collections import deque
from pathlib import Path
from typing import Any

import pytest
import torch
from damage import at, everything, keys_of, same, structure, with_scheduler
from epochal import CosineAnnealingScheduler, StateError
from epochal.trainer import _content as content
from epochal.trainer import _files as files
from epochal.trainer._stepping import PROGRESS
from sizes import sized, some
from torch import nn
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import ChainedScheduler, StepLR
from training import History, make_trainer, model, weights


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
    for place in some(sorted(places), 6):
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
    places += rng.sample(sorted(set(structure(data))), sized(120, 40))
    places += rng.sample(range(len(data)), sized(30, 10))
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
ODD: list[Any] = ["", "0.5", {}, torch.zeros(2)]
# States of `random` that it takes and cannot go on from: the last entry is a number or None.
GAUSS = [(*random.getstate()[:2], value) for value in [*ODD, []]]
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
        for value in (..., None, [], *ODD)
    ),
    at("schedulers", 0, "_schedulers", 0, "step_size", value="3"),
    at("schedulers", 0, "_schedulers", 0, "base_lrs", value=[]),
]


if hasattr(StepLR(SGD([torch.zeros(1)], lr=0.5), 1), "_is_initial"):  # not in older versions
    DEEP.append(at("schedulers", 0, "_schedulers", 1, "_is_initial", value=0.5))


def test_deep_damage_is_refused_as_a_whole(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    right = torch.load(saved)
    history = History()
    for number, change in some(enumerate(DEEP), 6):
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
    for keys in some((keys for keys in paths if not may_be_missing(keys)), 6):
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
