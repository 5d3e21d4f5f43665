"""What must be the same after a call that has failed, and whether all in it is finite."""

import math
from typing import Any

import numpy as np
import torch
from epochal import Clock, Curve, Run, Schedule, Time, Timestamp, Trainer
from epochal.torch import EpochalLR, Plateau
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

__all__ = ["not_finite", "state_of"]


def state_of(value: Any) -> Any:
    """What compares equal as long as the value is as it was; None of what cannot change."""
    kind = type(value)
    if isinstance(value, (Schedule, Curve, Run, Time, Timestamp)):
        return repr(value)
    if isinstance(value, np.ndarray):
        return list(map(id, value.flat)) if value.dtype.hasobject else value.tobytes()
    if isinstance(value, torch.Tensor):
        if value.is_meta or value.is_sparse or value.is_quantized:
            return None
        return value.dtype, value.shape, repr(value.detach().tolist())
    if isinstance(value, Optimizer):
        return _optimizer(value)
    if isinstance(value, (EpochalLR, Plateau)):
        return value.state_dict(), _optimizer(value.optimizer)
    if isinstance(value, LRScheduler):
        own = {key: repr(item) for key, item in vars(value).items() if key != "optimizer"}
        return own, _optimizer(value.optimizer)
    if isinstance(value, Clock):
        return value.state_dict(), repr(value.run), value.follows
    if isinstance(value, Trainer):
        return _trainer(value)
    if isinstance(value, torch.nn.Module):
        return [state_of(tensor) for tensor in value.parameters()]
    if kind in (list, tuple):
        return list(map(id, value))
    if kind is dict:
        return [(id(key), id(item)) for key, item in value.items()]
    if kind is bytearray:
        return bytes(value)
    return None


def _optimizer(optimizer: Any) -> Any:
    groups = getattr(optimizer, "param_groups", None)
    if not isinstance(groups, list):
        return None
    return [
        {key: _held(item) for key, item in group.items() if key != "params"}
        for group in groups
        if type(group) is dict
    ]


def _held(item: Any) -> Any:
    if isinstance(item, torch.Tensor):
        return state_of(item)
    return item if type(item) in (int, float, bool, str) else id(item)


def _trainer(trainer: Trainer) -> Any:
    """Seconds apart."""
    clock = {k: v for k, v in trainer.clock.state_dict().items() if not k.endswith("_wct")}
    return (
        clock,
        repr(trainer.run),
        state_of(trainer.model),
        [_optimizer(optimizer) for optimizer in trainer.optimizers],
        [repr(scheduler.state_dict()) for scheduler in trainer.schedulers],
        trainer.loss,
        trainer.lr,
        trainer.eval_loss,
    )


def not_finite(value: Any, depth: int = 4) -> bool:
    """Whether there is a float within that is not finite."""
    kind = type(value)
    if kind is float:
        return not math.isfinite(value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return not np.isfinite(value).all()
    if isinstance(value, torch.Tensor):
        if value.is_meta or not value.is_floating_point():
            return False
        return not bool((value.to_dense() if value.is_sparse else value).isfinite().all())
    if depth and isinstance(value, (list, tuple)):
        return any(not_finite(part, depth - 1) for part in value)
    if depth and kind is dict:
        return any(not_finite(part, depth - 1) for part in value.values())
    return False
