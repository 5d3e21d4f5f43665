"""Objects that no function takes, objects that few take, and some of ours to call with them."""

import math
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
from epochal import (
    CosineAnnealingScheduler,
    MultiStepScheduler,
    Run,
    Time,
    Timestamp,
    TimeUnit,
)
from sizes import sized

# Of ours

TIME, SPAN = Time("7ep"), Time("0.5dur")
STAMP = Timestamp(batch=7, total_wct=timedelta(seconds=1))
RUN = Run("10ep", batches_per_epoch=10, samples_per_batch=3, tokens_per_batch=5)
SCHEDULE = CosineAnnealingScheduler()
CURVE = SCHEDULE.resolve(RUN)
CLOCKS = MultiStepScheduler(["3ba", "5tok"]).resolve(RUN)
STATE = SimpleNamespace(timestamp=STAMP, max_duration="10ep", dataloader_len=10)


# Of nobody's


class SabotageError(Exception):
    """Raised by the objects below, and by nothing else."""


def fail(*_: object, **__: object) -> NoReturn:
    raise SabotageError


DUNDERS = (
    *("__float__", "__index__", "__int__", "__str__", "__repr__", "__hash__", "__eq__", "__bool__"),
    *("__len__", "__iter__", "__getitem__", "__getattr__", "__call__", "__add__", "__radd__"),
    *("__mul__", "__rmul__", "__lt__", "__gt__", "__array__", "__buffer__", "__complex__"),
    *("__format__", "__contains__", "__dir__", "__trunc__", "__floor__", "__divmod__"),
)


@cache
def saboteur(*names: str, base: type = object) -> type:
    return type(f"Bad{''.join(names)}"[:40], (base,), dict.fromkeys(names, fail))


class LiesAboutItsText:
    def __repr__(self) -> str:
        return "\ud800" * 3

    __str__ = __repr__


class BadText:
    def __repr__(self) -> str:
        return 5  # type: ignore[return-value]


class EndsInTheMiddle:
    """An iterable of milestones, a mapping and a state whose second item cannot be had."""

    def __init__(self) -> None:
        self.left = 1

    def __iter__(self) -> Iterator[str]:
        yield "3ba"
        raise SabotageError

    def keys(self) -> list[str]:
        return ["batch", "ba"]

    def __len__(self) -> int:
        return 2

    def __getitem__(self, key: object) -> NoReturn:
        raise SabotageError


def strangers() -> list[Any]:
    """Nothing that any function takes."""
    return [
        *(saboteur(name)() for name in DUNDERS),
        saboteur(*DUNDERS)(),
        LiesAboutItsText(),
        BadText(),
        EndsInTheMiddle(),
        object(),
        object,
        len,
        Ellipsis,
        NotImplemented,
        1j,
        b"5ba",
        {1, 2},
        {"ba": {}},
        SimpleNamespace(),
        np.array([None]),
        np.array(1j),
        np.datetime64("2020-01-01"),
        np.timedelta64(5, "s"),
    ]


HUGE_TEXT = "5" * sized(10**7, 10**6)


def borderline() -> list[Any]:
    """What some function takes, and most do not."""
    return [
        *(math.nan, math.inf, -math.inf, 1e300, -1e300, 5e-324, -0.0, 0, -1, 2**53 + 1),
        *(2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**400, -(10**400), True, None),
        *("", " ", "5", "5epp", "nandur", "\ud800", "5\ud800ba", "\0", "é" * 40, HUGE_TEXT, "ba"),
        *([], [1], ["5ba"], [[1, 2], [3]], [math.nan], {}, {"ba": 1}, {5: 1}, {"ba": "x"}, ()),
        *(timedelta.max, timedelta.min, timedelta(-1), TIME, SPAN, STAMP, RUN, SCHEDULE, CURVE),
        *(TimeUnit.BATCH, np.nan, np.int8(-5), np.uint64(2**64 - 1), np.float16(1.5)),
        *(np.array([1, 2]), np.array(5), np.array([math.nan]), np.zeros((0, 3)), np.array([True])),
        *(np.array(["5ba"]), np.array([]), bytearray(b"5ba"), memoryview(b"5ba"), range(3)),
        *(np.zeros(3, "f4,i4"), np.float32, "float64", "object", "no dtype"),
        *(saboteur(name, base=int)(5) for name in DUNDERS if name != "__getattr__"),
        *(saboteur(name, base=float)(5.5) for name in DUNDERS),
        *(saboteur(name, base=str)("5ba") for name in DUNDERS),
        *(saboteur(name, base=str)("nonsense") for name in DUNDERS),
        *(saboteur(name, base=list)(["5ba"]) for name in DUNDERS),
        *(saboteur(name, base=dict)({"ba": 1}) for name in DUNDERS),
        *(saboteur(name, base=timedelta)(5) for name in DUNDERS),
        saboteur("keys", "items", "get", "__iter__", "__getitem__", base=dict)(STAMP.state_dict()),
    ]
