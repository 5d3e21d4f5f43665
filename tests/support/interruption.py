"""A training in which every place may raise, and what it comes to."""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np
import pytest
import torch
from epochal import (
    CosineAnnealingWithWarmupScheduler,
    LinearScheduler,
    Trainer,
)
from epochal.torch import EpochalLR
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import ChainedScheduler, ExponentialLR, LRScheduler, StepLR
from torch.utils.data import DataLoader, Dataset, IterableDataset
from training import assert_same, dataset, everything, make_trainer, model


@dataclass
class Places:
    """Counts the places that a program passes, and raises at some of them."""

    at: dict[tuple[str, int], type[BaseException]] = field(default_factory=dict)
    # Each with a number among those of its name. A place that is passed again has another number.
    passed: list[tuple[str, int]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __call__(self, name: str) -> None:
        place = name, self.counts[name]
        self.counts[name] += 1
        self.passed.append(place)
        if error := self.at.get(place):
            raise error(name)


class Failure(Exception):
    pass


class Data(Dataset[Any]):
    """Draws from each source of random numbers for each sample."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.all = dataset()

    def __len__(self) -> int:
        return len(self.all)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, int]:
        self.places("sample")
        inputs, target = self.all[index]
        noise = random.random() + np.random.randn() + torch.rand(()).item()  # noqa: NPY002
        return inputs + 0.1 * noise, target, index


class Stream(IterableDataset[Any]):
    def __init__(self, data: Data) -> None:
        self.data = data

    def __iter__(self) -> Iterator[Any]:
        start = int(torch.randint(3, ()))
        return (self.data[index] for index in range(start, start + 18))


class Loader:
    """A DataLoader that may raise at its beginning, before and after each batch, and at its end."""

    def __init__(self, loader: DataLoader[Any], places: Places) -> None:
        self.loader, self.places = loader, places
        self.batch_sampler, self.generator = loader.batch_sampler, loader.generator

    def __iter__(self) -> Iterator[Any]:
        self.places("loader begins")
        iterator = iter(self.loader)
        self.places("loader has begun")
        for batch in iterator:
            self.places("batch is given")
            yield batch
            self.places("batch is asked for")
        self.places("loader ends")


class Sized(Loader):
    def __len__(self) -> int:
        return len(self.loader)


class OwnOrder:
    """Shuffles by random numbers that nobody else knows of: no epoch can be read again."""

    def __init__(self, data: Data) -> None:
        self.data, self.rng = data, np.random.default_rng(4)

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[Any]:
        order = self.rng.permutation(len(self.data)).tolist()
        for part in (order[:8], order[8:16], order[16:]):
            yield torch.utils.data.default_collate([self.data[index] for index in part])


class Net(nn.Module):
    """With dropout, and statistics in buffers."""

    def __init__(self, places: Places) -> None:
        super().__init__()
        self.body, self.norm = model(), nn.BatchNorm1d(3)
        self.places = places

    def forward(self, inputs: Tensor) -> Tensor:
        self.places("forward")
        outputs: Tensor = self.norm(self.body(inputs))
        self.places("forward ends")
        if outputs.requires_grad:
            outputs.register_hook(lambda gradient: self.places("backward"))
        return outputs


@dataclass
class Log:
    """What callbacks find, with a random number that each of them draws."""

    places: Places
    rows: list[Any] = field(default_factory=list)

    def note(self, hook: str, trainer: Trainer) -> None:
        self.places(hook)
        now = trainer.clock.timestamp
        row = (hook, int(now.batch), int(now.epoch), trainer.loss, trainer.lr, trainer.eval_loss)
        rates = [group["lr"] for o in trainer.optimizers for group in o.param_groups]
        drawn = random.random(), np.random.randn(), torch.rand(()).item()  # noqa: NPY002
        indices = getattr(trainer.model, "indices", None)
        self.rows.append((row, rates, drawn, indices))

    def batch_end(self, trainer: Trainer) -> None:
        self.note("batch_end", trainer)

    def epoch_end(self, trainer: Trainer) -> None:
        self.note("epoch_end", trainer)

    def eval_end(self, trainer: Trainer) -> None:
        self.note("eval_end", trainer)


def around(places: Places, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        places(f"before {name}")
        result = call(*args, **kwargs)
        places(f"after {name}")
        return result

    return wrapped


def by_torch(optimizer: Optimizer) -> LRScheduler:
    return ChainedScheduler([StepLR(optimizer, 2, 0.5), ExponentialLR(optimizer, 0.9)])


KINDS = ("shuffled", "own generator", "stream", "in parts", "every batch", "every epoch", "alone")


def program(kind: str, folder: Path, places: Places, rest: bool = True) -> tuple[Trainer, Log]:
    """A Trainer in which everything may raise; `rest`: the data too."""
    net, log = Net(places), Log(places)
    data = Data(places if rest else Places())
    options: dict[str, Any] = {"batch_size": 8}
    if kind == "own generator":
        options["generator"] = torch.Generator().manual_seed(3)
    loader: Any
    if kind == "stream":
        loader = Loader(DataLoader(Stream(data), **options), places)
    elif kind == "own order":
        loader = OwnOrder(data)
    else:
        loader = Sized(DataLoader(data, shuffle=True, **options), places)
    optimizers: list[Any] = [
        SGD(net.body.parameters(), lr=0.5, momentum=0.9),
        AdamW(net.norm.parameters(), lr=0.01),
    ]
    if kind == "alone":
        optimizers = [SGD(net.parameters(), lr=0.5, momentum=0.9)]
    for optimizer in optimizers:
        optimizer.register_step_pre_hook(lambda *args: places("step begins"))
        optimizer.register_step_post_hook(lambda *args: places("step ends"))
        # PyTorch's schedulers wrap the method once more.
        step = around(places, "optimizer.step", type(optimizer).step)
        optimizer.step = MethodType(step, optimizer)
    schedule = LinearScheduler() * CosineAnnealingWithWarmupScheduler("2ba", "9ba", alpha_f=0.1)
    schedulers: Any = {
        optimizers[0]: LinearScheduler(t_max="60sp") if kind == "stream" else schedule
    }
    if kind != "alone":
        schedulers[optimizers[1]] = by_torch(optimizers[1])

    def train_step(module: nn.Module, batch: Any) -> Tensor:
        inputs, targets, indices = batch
        loss = cross_entropy(module(inputs), targets)
        module.indices = indices.tolist()
        return loss

    def count(batch: Any) -> int:
        places("count")
        return 7 * len(batch[0])

    evaluated = Loader(DataLoader(Data(Places()), batch_size=6, shuffle=True), places)
    trainer = make_trainer(
        model=net,
        train_dataloader=loader,
        optimizers=optimizers,
        schedulers=schedulers,
        step_schedulers_every_batch={"every batch": True, "every epoch": False}.get(kind),
        loss_fn=None,
        train_step=train_step,
        get_num_tokens=count,
        grad_accum=2 if kind == "in parts" else 1,
        clip_grad_norm=0.5,
        max_duration="8ba",
        eval_dataloader=evaluated,
        eval_interval="2ba",
        save_folder=folder,
        save_interval="3ba",
        callbacks=[lambda trainer: places("callback"), log, lambda trainer: places("callback")],
    )
    return trainer, log


def finished(trainer: Trainer, fit: Callable[[], None]) -> int:
    """Trains to the end, and says how often that was interrupted."""
    interruptions = 0
    while True:
        try:
            fit()
        except (KeyboardInterrupt, Failure):
            interruptions += 1
            # What happens in between does not matter.
            random.seed(99)
            np.random.seed(99)  # noqa: NPY002
            torch.manual_seed(99)
            trainer.model.eval()
        else:
            return interruptions


def contents(folder: Path) -> dict[str, Any]:
    # Of our own, and read faster without a look for what is not plain.
    paths = sorted(folder.iterdir())
    return {path.name: torch.load(path, weights_only=False) for path in paths}


@dataclass
class Result:
    rows: list[Any]
    state: Any
    checkpoints: dict[str, Any]
    passed: list[tuple[str, int]]

    def __init__(self, kind: str, folder: Path, at: Any = (), rest: bool = True) -> None:
        places = Places(dict(at))
        trainer, log = program(kind, folder, places, rest)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch, "save", around(places, "save", torch.save))
            patch.setattr(os, "replace", around(places, "replace", os.replace))
            for scheduler in (ChainedScheduler, EpochalLR):
                patch.setattr(scheduler, "step", around(places, "scheduler.step", scheduler.step))
            self.interruptions = finished(trainer, trainer.fit)
        self.rows, self.state = log.rows, everything(trainer)
        self.checkpoints, self.passed = contents(folder), places.passed


def assert_equal(one: Result, other: Result) -> None:
    assert one.rows == other.rows
    assert_same(one.state, other.state)
    assert_same(one.checkpoints, other.checkpoints)
