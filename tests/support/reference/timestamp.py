"""Timestamps: a plain dict of counters; wall clocks in microseconds."""

from fractions import Fraction

from reference.errors import Refusal
from reference.time import LIMIT

UNIT = {
    "iteration": "iter",
    "epoch": "ep",
    "batch": "ba",
    "sample": "sp",
    "token": "tok",
    "epoch_in_iteration": "ep",
    "token_in_iteration": "tok",
    "batch_in_epoch": "ba",
    "sample_in_epoch": "sp",
    "token_in_epoch": "tok",
}
WALL_CLOCKS = ("total_wct", "iteration_wct", "epoch_wct", "batch_wct")
FIELDS = (*UNIT, *WALL_CLOCKS)

Timestamp = dict[str, int]


def timestamp(**counters: int) -> Timestamp:
    state = dict.fromkeys(FIELDS, 0) | counters
    for value in state.values():
        if value < 0:
            raise Refusal("EpochalError", str(value))
        if value > LIMIT:
            raise Refusal("TimeOverflowError")
    return state


def _plus(state: Timestamp, changes: dict[str, int]) -> Timestamp:
    return timestamp(**{name: value + changes.get(name, 0) for name, value in state.items()})


def to_next_batch(state: Timestamp, samples: int, tokens: int, duration: int) -> Timestamp:
    timestamp(sample=samples, token=tokens, batch_wct=duration)
    return _plus(
        state | {"batch_wct": 0},
        {"batch": 1, "batch_in_epoch": 1}
        | dict.fromkeys(("sample", "sample_in_epoch"), samples)
        | dict.fromkeys(("token", "token_in_epoch", "token_in_iteration"), tokens)
        | dict.fromkeys(WALL_CLOCKS, duration),
    )


_IN_EPOCH = dict.fromkeys(
    ("batch_in_epoch", "sample_in_epoch", "token_in_epoch", "epoch_wct", "batch_wct"), 0
)
_IN_ITERATION = dict.fromkeys(("epoch_in_iteration", "token_in_iteration", "iteration_wct"), 0)


def to_next_epoch(state: Timestamp) -> Timestamp:
    return _plus(state | _IN_EPOCH, {"epoch": 1, "epoch_in_iteration": 1})


def to_next_iteration(state: Timestamp) -> Timestamp:
    return _plus(state | _IN_EPOCH | _IN_ITERATION, {"iteration": 1})


def clock(state: Timestamp, unit: str) -> Fraction:
    """What a clock reads: a count, or seconds."""
    if unit == "sec":
        return Fraction(state["total_wct"], 10**6)
    if unit == "dur":
        raise Refusal("UnitError", "'dur'")
    return Fraction(state[next(name for name in UNIT if UNIT[name] == unit)])
