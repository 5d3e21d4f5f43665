"""A checkpoint in mid-epoch, and ways to damage it."""

import copy
import io
import random
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from epochal import CosineAnnealingScheduler, Trainer
from torch import Tensor, nn
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import ChainedScheduler, StepLR
from training import make_trainer, model


def with_scheduler(**changes: Any) -> Trainer:
    parts = model()
    optimizers = [SGD(parts[0].parameters(), lr=0.5, momentum=0.9), AdamW(parts[3].parameters())]
    chained = ChainedScheduler([StepLR(optimizers[0], 1), StepLR(optimizers[0], 3)])
    schedulers = [chained, CosineAnnealingScheduler()]
    arguments = {"model": parts, "optimizers": optimizers, "schedulers": schedulers, **changes}
    return make_trainer(**arguments)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        return isinstance(one, Tensor) and isinstance(other, Tensor) and torch.equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def structure(data: bytes) -> Iterator[int]:
    """The places that no checksum covers: headers of entries, and the directory at the end."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            yield from range(entry.header_offset, entry.header_offset + 64)
        yield from range(archive.start_dir, len(data))


def at(*keys: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    """A change of the state deep inside; `...` as the value removes it."""

    def change(state: Any) -> None:
        *path, last = keys
        for key in path:
            state = state[key]
        if value is ...:
            del state[last]
        else:
            state[last] = value

    return change


def everything(trainer_parts: tuple[nn.Module, list[Any], list[Any]]) -> Any:
    module, optimizers, schedulers = trainer_parts
    return copy.deepcopy(
        [
            dict(module.state_dict()),
            [optimizer.state_dict() for optimizer in optimizers],
            [scheduler.state_dict() for scheduler in schedulers],
            [random.getstate(), torch.get_rng_state()],
        ]
    )


def keys_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all keys of all mappings within."""
    items: Iterable[Any] = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list | tuple) and len(value) < 20:
        items = enumerate(value)
    for key, item in items:
        if isinstance(value, dict):
            yield (*path, key)
        yield from keys_of(item, (*path, key))
