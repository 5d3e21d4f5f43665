"""Answers to the names that other libraries give to arguments."""

from __future__ import annotations

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from epochal._core import Schedule

# The names in PyTorch, Transformers, timm and Megatron, and those that they have here.
PEERS = {
    "T_0": "t_0",
    "T_max": "t_max",
    "T_mult": "t_mult",
    "end_factor": "alpha_f",
    "eta_min": "alpha_f (relative to the base rate)",
    "factor": "alpha",
    "lr_decay_iters": "t_max",
    "lr_end": "alpha_f (relative to the base rate)",
    "lr_min": "alpha_f (relative to the base rate)",
    "lr_warmup_iters": "t_warmup",
    "min_lr": "alpha_f (relative to the base rate)",
    "min_lr_rate": "alpha_f",
    "min_lr_ratio": "alpha_f",
    "num_decay_steps": "t_decay",
    "num_training_steps": "t_max, or the length of the run",
    "num_warmup_steps": "t_warmup",
    "start_factor": "alpha_i, or warmup_start of a warmup",
    "total_iters": "t_max",
    "total_steps": "t_max",
    "warmup_lr_init": "warmup_start (relative to the base rate)",
    "warmup_steps": "t_warmup",
    "warmup_t": "t_warmup",
}


def unknown_argument(owner: str, name: object, known: Iterable[str]) -> str:
    """What is said of an argument that `owner` does not have."""
    known = list(known)
    message = f"{owner} has no argument {name!r}"
    if name in PEERS:
        return f"{message}: here it is called {PEERS[str(name)]}"
    return message + (_nearest(name, known) or f": it has {', '.join(known) or 'none'}")


def unknown_name(kind: str, name: object, known: Iterable[str]) -> str:
    """What is said of a schedule or an operation that there is not."""
    return f"there is no {kind} {name!r}{_nearest(name, known)}"


def _nearest(name: object, known: Iterable[str]) -> str:
    import difflib

    given = str(name).lower()
    same = {known_name.lower(): known_name for known_name in known}
    found = difflib.get_close_matches(given, same, 1)
    found = found or [other for other in same if given and other.startswith(given)]
    return f": did you mean {same[found[0]]!r}?" if found else ""


def answer_peers(schedule: type[Schedule]) -> None:
    """Lets a class answer keywords that it does not have, such as those of other libraries, with
    its own."""
    import functools

    new = schedule.__new__
    code = new.__code__
    known = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]

    @functools.wraps(new)
    def answering(cls: type[Schedule], *args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name not in known:
                raise TypeError(unknown_argument(cls.__name__, name, known))
        return new(cls, *args, **kwargs)

    schedule.__new__ = answering  # type: ignore[method-assign]
