"""Answers to what other libraries call an argument."""

from __future__ import annotations

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from epochal._core import Schedule

# What PyTorch, Transformers, timm and Megatron say, and what is meant by it here.
PEERS = {
    "T_0": "t_0",
    "T_max": "t_max",
    "T_mult": "t_mult",
    "end_factor": "alpha_f",
    "eta_min": "alpha_f, a part of the base rate",
    "factor": "alpha",
    "lr_decay_iters": "t_max",
    "lr_end": "alpha_f, a part of the base rate",
    "lr_min": "alpha_f, a part of the base rate",
    "lr_warmup_iters": "t_warmup",
    "min_lr": "alpha_f, a part of the base rate",
    "min_lr_rate": "alpha_f",
    "min_lr_ratio": "alpha_f",
    "num_decay_steps": "t_decay",
    "num_training_steps": "t_max, or the length of the run",
    "num_warmup_steps": "t_warmup",
    "start_factor": "alpha_i; of a warmup, warmup_start",
    "total_iters": "t_max",
    "total_steps": "t_max",
    "warmup_lr_init": "warmup_start, a part of the base rate",
    "warmup_steps": "t_warmup",
    "warmup_t": "t_warmup",
}


def answer_peers(schedule: type[Schedule]) -> None:
    """Has a class answer a keyword of another library with its own."""
    import functools

    new = schedule.__new__

    @functools.wraps(new)
    def answering(cls: type[Schedule], *args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name in PEERS and name not in new.__code__.co_varnames:
                raise TypeError(
                    f"{cls.__name__} has no argument {name!r}: here it is called {PEERS[name]}"
                )
        return new(cls, *args, **kwargs)

    schedule.__new__ = answering  # type: ignore[method-assign]
