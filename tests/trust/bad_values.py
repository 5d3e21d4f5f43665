"""What the campaign of bad calls gives: one value of hundreds, drawn by a generator."""

import copy
import itertools
import math
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Any

import epochal
import numpy as np
import torch
from epochal import Clock, Time
from hostile import DUNDERS, RUN, SCHEDULE, SabotageError, borderline, fail, saboteur, strangers
from numpy.lib.stride_tricks import as_strided
from torch import nn

__all__ = ["draw"]


class Lies:
    """Says of itself what is not so."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def __len__(self) -> Any:
        return self.answers.get("length", 10**18)

    def __iter__(self) -> Any:
        return iter(self.answers.get("items", [0.5, "3ba"]))

    def __index__(self) -> Any:
        return self.answers.get("index", 5)

    def __float__(self) -> Any:
        return self.answers.get("number", math.nan)

    def __eq__(self, other: object) -> Any:
        return self.answers.get("equal", True)

    def __hash__(self) -> int:
        return int(self.answers.get("hash", 1))

    def __bool__(self) -> Any:
        return self.answers.get("truth", False)


class Recursive(list[Any]):
    def __init__(self) -> None:
        self.append(self)


class Stops(BaseException):
    """As `KeyboardInterrupt`, it is no error; it must pass, and leave everything as it was."""


def stop(*_: object, **__: object) -> Any:
    raise Stops


def overlapping() -> np.ndarray[Any, Any]:
    return as_strided(np.arange(3.0), (4,), (0,))


def read_only(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    array.flags.writeable = False
    return array


def deep(levels: int, of: Any = "3ba") -> Any:
    for _ in range(levels):
        of = [of]
    return of


def deep_mapping(levels: int) -> Any:
    of: Any = {"name": "linear"}
    for _ in range(levels):
        of = {"name": "clip", "of": of}
    return of


def itself() -> Any:
    mapping: dict[str, Any] = {"name": "clip"}
    mapping["of"] = mapping
    return mapping


ARRAYS: list[Callable[[], Any]] = [
    *(lambda kind=kind: np.arange(4).astype(kind) for kind in "bBhHiIlLqQefdgFD?SUO"),
    *(lambda kind=kind: np.ones(3, kind) for kind in (">f8", ">i4", "m8[s]", "M8[s]", "f4,i4")),
    *(
        lambda shape=shape: np.zeros(shape)
        for shape in ((), (0,), (1,), (2, 0, 3), (2, 3), (1,) * 32)
    ),
    lambda: np.array([0.0, math.nan, math.inf]),
    lambda: np.array([-1.0, -0.0, 1e308]),
    lambda: np.array([2**63, 2**64 - 1], "u8"),
    lambda: np.array([SabotageError, None, "3ba"], object),
    lambda: np.array([[1, 2], [3, 4]], object),
    lambda: np.arange(12.0)[::-2],
    lambda: np.arange(12.0).reshape(3, 4).T,
    lambda: np.asfortranarray(np.ones((2, 3))),
    lambda: np.frombuffer(bytes(33), "u1")[1:].view("f8"),  # not aligned
    lambda: read_only(np.zeros(4)),
    lambda: read_only(np.zeros(1)),
    overlapping,
    lambda: np.broadcast_to(np.float64(1), (5,)),
    lambda: np.ma.masked_array([1.0, 2.0], [False, True]),
    lambda: np.ma.masked_array([1.0, 2.0]),
    lambda: np.matrix([[1.0, 2.0]]),
    lambda: np.rec.array([(1, 2.0)], "i4,f8"),
    lambda: np.float128(0.5) if hasattr(np, "float128") else np.float64(0.5),
    lambda: np.random.default_rng(0),
    lambda: torch.zeros(3),
    lambda: torch.tensor(0.5),
    lambda: torch.tensor([0.5], dtype=torch.float64),
    lambda: torch.tensor(0.5, requires_grad=True),
    lambda: torch.zeros(2, requires_grad=True),
    lambda: torch.tensor(0.5, dtype=torch.bfloat16),
    lambda: torch.tensor(1 + 2j),
    lambda: torch.tensor(True),
    lambda: torch.tensor(7),
    lambda: torch.tensor([math.nan]),
    lambda: torch.empty(3, device="meta"),
    lambda: torch.empty((), device="meta"),
    lambda: torch.zeros(3).to_sparse(),
    lambda: torch.quantize_per_tensor(torch.zeros(1), 0.1, 0, torch.quint8),
    lambda: nn.Parameter(torch.zeros(1)),
    lambda: torch.float32,
    lambda: torch.device("meta"),
    lambda: torch.Generator(),
]

OTHERS: list[Callable[[], Any]] = [
    lambda: None,
    lambda: Recursive(),
    itself,
    *(lambda levels=levels: deep(levels) for levels in (1, 3, 5000)),
    *(lambda levels=levels: deep_mapping(levels) for levels in (1, 3, 300)),
    lambda: "(" * 300,
    lambda: "Linear()" + ".clip()" * 3000,
    lambda: "Linear()" + " * 0.5" * 3000,
    lambda: "-" * 5000 + "5",
    lambda: "Linear(alpha_f=" + "9" * 5000 + ")",
    *(
        lambda text=text: text
        for text in ("3ba", "0.5dur", "10ep", "2Ktok", "5sec", "1iter", "0ba")
    ),
    *(lambda text=text: text for text in ("linear", "cosine", "geometric", "step", "ba", "dur")),
    *(lambda text=text: text for text in ("Linear()", "Cosine", "Linear(", "Run('5ba')", "\x00ba")),
    *(
        lambda text=text: text
        for text in ("9223372036854775807ba", "1e308dur", "5e-324dur", "-3ba")
    ),
    *(
        lambda number=number: number
        for number in (0, 1, 2, 5, 0.5, 1.0, 1e-308, 1e308, 2**31, 2**70)
    ),
    lambda: Decimal("0.5"),
    lambda: Decimal("NaN"),
    lambda: Decimal("1e999"),
    lambda: Fraction(1, 3),
    lambda: Fraction(10**400),
    lambda: Lies(),
    lambda: Lies(length=-1),
    lambda: Lies(length="three", index=5.5, number="x", truth=None),
    lambda: Lies(index=10**400, number=1e400, hash=2**70),
    lambda: Lies(items=itertools.repeat("3ba", 3), equal=np.zeros(3)),
    lambda: Lies(items=[Stops], equal=NotImplemented),
    *(lambda name=name: saboteur(name)() for name in DUNDERS),
    *(
        lambda name=name, base=base: type("Stopping", (base,), {name: stop})()
        for name in ("__iter__", "__len__", "__float__", "__index__", "__eq__", "__hash__", "keys")
        for base in (object, dict, str)
    ),
    lambda: iter(["3ba", "5ba"]),
    lambda: (number for number in (1, 2, 3)),
    lambda: (1 / 0 for _ in range(2)),
    lambda: (int(letter) for letter in "12x"),
    lambda: lambda: 0.5,
    lambda: lambda state: 0.5,
    lambda: lambda state, ssr: 0.5,
    lambda: lambda state, ssr=1.0: math.nan,
    lambda: lambda state, ssr=1.0: state.timestamp.no_such_counter,
    lambda: lambda *, state: 0.5,
    lambda: lambda a, b, c: 0.5,
    lambda: fail,
    lambda: stop,
    lambda: print,
    lambda: type,
    lambda: int,
    lambda: epochal,
    lambda: epochal.Schedule,
    lambda: epochal.LinearScheduler,
    lambda: epochal.Time,
    lambda: SabotageError("an error, not raised"),
    lambda: Clock(RUN),
    lambda: RUN,
    lambda: SCHEDULE,
    lambda: SCHEDULE.resolve(RUN),
    lambda: SCHEDULE.resolve(RUN).at_batch,
    lambda: epochal.FunctionSchedule(lambda state: 0.5),
    lambda: epochal.StepScheduler("1ep") * epochal.LinearScheduler(),
    lambda: [SCHEDULE, SCHEDULE],
    lambda: {0: SCHEDULE, None: SCHEDULE},
    lambda: {"weight_decay": SCHEDULE},
    lambda: {"momentum": 0.5, "betas[0]": 0.9},
    lambda: {"": 1},
    lambda: {None: None},
    lambda: {"name": "linear"},
    lambda: {"name": "linear", "alpha_f": "x"},
    lambda: {"name": "product", "factors": ["Linear()", {"name": "step", "step_size": "3ba"}]},
    lambda: {"batch": 3, "last_epoch": 3},
    lambda: {"last_epoch": 2**70},
    lambda: {"last_epoch": 3, "_last_lr": [math.nan]},
    lambda: {"last_epoch": 3, "timestamp": {}},
    lambda: {"best": 1.0, "num_bad_epochs": 0, "cooldown_counter": 0, "last_epoch": 0},
    lambda: RUN.at_batch(12).state_dict(),
    lambda: {**RUN.at_batch(12).state_dict(), "batch": 1.5},
    lambda: SimpleNamespace(
        timestamp=RUN.at_batch(3), max_duration=Time("10ep"), dataloader_len=10
    ),
    lambda: timedelta(microseconds=1),
    lambda: nn.Linear(1, 1),
    lambda: torch.optim.SGD([torch.zeros(1)], lr=0.1),
    lambda: torch.optim.SGD([torch.zeros(1)], lr=torch.tensor(0.1)),
    lambda: torch.optim.SGD,
    lambda: [(torch.zeros(2, 4), torch.zeros(2, dtype=torch.long))] * 2,
    lambda: b"3ba",
    lambda: bytearray(b"3ba"),
    lambda: memoryview(bytearray(24)).cast("d"),
    lambda: __builtins__,
]

# Those that a call could change, and that are copied for it.
CHANGEABLE = (list, dict, set, bytearray, np.ndarray, SimpleNamespace)


@cache
def constants() -> list[Any]:
    return [*strangers(), *borderline()]


def draw(random: Random) -> Any:
    """Any of them; at times within a list, a tuple or a mapping, with others."""
    kind = random.randrange(10)
    if kind == 0:
        parts = [draw(random) for _ in range(random.randrange(4))]
        return random.choice((list, tuple, iter))(parts)
    if kind == 1:
        keys = ("name", "of", "lr", "ba", "weight_decay", "last_epoch", "batch", 0, None, "\ud800")
        return {key: draw(random) for key in random.sample(keys, random.randrange(1, 4))}
    if kind <= 4:
        value = random.choice(constants())
        return copy.copy(value) if type(value) in CHANGEABLE else value
    return random.choice(ARRAYS if kind <= 6 else OTHERS)()
