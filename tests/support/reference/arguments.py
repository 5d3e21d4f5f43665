"""Which arguments no schedule may have."""

import math
from collections.abc import Iterable, Mapping

from reference.errors import Refusal, shown
from reference.formulas import SHAPE_NAMES
from reference.time import parse

MOMENTS = ("t", "t_warmup", "t_cooldown", "t_decay", "t_up", "by", "length")
LENGTHS = ("step_size", "t_0", "decay_period", "t_scale", "t_down", "every", "t_max")
FLAGS = ("scale", "scale_warmup", "carry", "late")
AT_LEAST_ONE = ("t_mult",)
ABOVE_ZERO = ("power",)


def check(arguments: Mapping[str, object]) -> None:
    for name, value in arguments.items():
        if name in FLAGS:
            if not isinstance(value, bool):
                raise Refusal("TypeError", name, repr(value))
        elif name == "milestones":
            for milestone in items(name, value):
                check_time(name, milestone)
        elif name == "points":
            check_points(name, value)
        elif name.endswith("shape"):
            for shape in [value] if isinstance(value, str) else items(name, value):
                check_shape(name, shape)
        elif name in (*LENGTHS, *MOMENTS):
            check_time(name, value)
        else:
            check_number(name, value)


def items(name: str, value: object) -> list[object]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise Refusal("TypeError", name, repr(value))
    return list(value)


def check_time(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise Refusal("TypeError", name, repr(value), "'5ep'")
    try:
        time = parse(value)
    except Refusal as refusal:
        raise Refusal(refusal.kind, name, *refusal.quoted) from None
    if time.value < 0 or (time.value == 0 and name in LENGTHS):
        raise Refusal("ScheduleError", name, f"'{time}'")


def check_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal("TypeError", name, repr(value))
    in_range = value >= 1 if name in AT_LEAST_ONE else value >= 0
    if not math.isfinite(value) or not in_range or (value == 0 and name in ABOVE_ZERO):
        raise Refusal("ScheduleError", name, shown(value))


def check_shape(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise Refusal("TypeError", name, repr(value))
    if value not in SHAPE_NAMES:
        raise Refusal("ScheduleError", name, f"'{value}'")


def check_points(name: str, value: object) -> None:
    points = items(name, value)
    if not points:
        raise Refusal("ScheduleError", name)
    for point in points:
        if not isinstance(point, tuple | list) or len(point) != 2:
            raise Refusal("TypeError", name, repr(point))
        check_time(name, point[0])
        check_number(name, point[1])
