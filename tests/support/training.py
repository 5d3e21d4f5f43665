"""A tiny model, its data, and a Trainer for them."""

import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from epochal import Trainer
from epochal.trainer._signals import ENDING
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

# Several threads would spend their time on waiting for each other.
torch.set_num_threads(1)

SAMPLES = 20
BATCH_SIZE = 8
BATCHES = 3  # in an epoch: 8, 8 and 4 samples


def dataset(samples: int = SAMPLES) -> TensorDataset:
    """Always the same inputs, of 4 numbers, and targets, of 3 classes."""
    generator = torch.Generator().manual_seed(7)
    inputs = torch.randn(samples, 4, generator=generator)
    return TensorDataset(inputs, torch.randint(3, (samples,), generator=generator))


def loader(shuffle: bool = True, **changes: Any) -> DataLoader[Any]:
    options = {"batch_size": BATCH_SIZE, "shuffle": shuffle, **changes}
    return DataLoader(options.pop("dataset", None) or dataset(), **options)


class _Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter(dataset())


def stream() -> DataLoader[Any]:
    """The samples in their order, from a dataloader that does not tell its length."""
    return DataLoader(_Stream(), batch_size=BATCH_SIZE)


def evaluation() -> list[Any]:
    """Batches of uneven size, so that the mean of their means is not that of the samples."""
    inputs, targets = dataset(13).tensors
    return list(zip(inputs.split(5), targets.split(5), strict=True))


def model(seed: int = 0, dropout: float = 0.25) -> nn.Sequential:
    """The same weights for the same seed; the global random state stays."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Dropout(dropout), nn.Linear(6, 3))


def weights(module: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


@dataclass
class History:
    """A callback that notes each batch: its number, its loss, and the rates it was trained with."""

    rows: list[tuple[int, float, list[float]]] = field(default_factory=list)

    def batch_end(self, trainer: Trainer) -> None:
        assert trainer.loss is not None
        batch = trainer.clock.timestamp.batch.value - 1
        self.rows.append((int(batch), trainer.loss, list(trainer.lr)))

    @property
    def losses(self) -> list[float]:
        return [loss for _, loss, _ in self.rows]

    @property
    def rates(self) -> list[float]:
        """Of the first parameter group."""
        return [lr[0] for _, _, lr in self.rows]


def make_trainer(**changes: Any) -> Trainer:
    """A Trainer with all it needs: 3 epochs of 3 shuffled batches, dropout, SGD with momentum.

    `changes` are arguments of the Trainer. An optimizer is made for the model, if none is given.
    """
    arguments: dict[str, Any] = {
        "train_dataloader": loader(),
        "max_duration": "3ep",
        "loss_fn": cross_entropy,
        "progress_bar": False,
        "seed": 5,
        **changes,
    }
    arguments.setdefault("model", model())
    if "optimizers" not in arguments:
        parameters = arguments["model"].parameters()
        arguments["optimizers"] = torch.optim.SGD(parameters, lr=0.5, momentum=0.9)
    return Trainer(**arguments)


def at(batch: int, do: Callable[[Trainer], object], times: int = 1) -> Callable[[Trainer], None]:
    """A callback that does something after a batch, so many times."""
    left = [times]

    def callback(trainer: Trainer) -> None:
        if trainer.clock.timestamp.batch == batch and left[0]:
            left[0] -= 1
            do(trainer)

    return callback


def send(number: int) -> Callable[[object], None]:
    return lambda trainer: signal.raise_signal(number)


@contextmanager
def handlers_unchanged() -> Iterator[None]:
    numbers = [signal.SIGINT, *ENDING]
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


def everything(trainer: Trainer) -> Any:
    """All that a training has come to, its seconds apart."""
    numpy_state: Any = np.random.get_state()  # noqa: NPY002
    return {
        "model": dict(trainer.model.state_dict()),
        "optimizers": [optimizer.state_dict() for optimizer in trainer.optimizers],
        "schedulers": [scheduler.state_dict() for scheduler in trainer.schedulers],
        "clock": trainer.clock.state_dict(),
        "random": [random.getstate(), numpy_state[1:], torch.get_rng_state()],
    }


def assert_same(one: Any, other: Any, name: str = "") -> None:
    if isinstance(one, Tensor):
        assert torch.equal(one, other), name
    elif isinstance(one, np.ndarray):
        assert np.array_equal(one, other), name
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), name
        for key, value in one.items():
            if not str(key).endswith("_wct"):
                assert_same(value, other[key], f"{name}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), name
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{name}[{number}]")
    else:
        assert one == other, name
