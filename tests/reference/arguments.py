"""Which arguments no schedule may have."""

import math
from collections.abc import Iterable, Mapping

from reference.errors import Refusal, shown
from reference.time import parse

LENGTHS = ("step_size", "t_0", "decay_period", "t_max")
AT_LEAST_ONE = ("t_mult",)
ABOVE_ZERO = ("power",)


def check(arguments: Mapping[str, object]) -> None:
    for name, value in arguments.items():
        if name == "scale_warmup":
            if not isinstance(value, bool):
                raise Refusal("TypeError", name, repr(value))
        elif name == "milestones":
            if isinstance(value, str) or not isinstance(value, Iterable):
                raise Refusal("TypeError", name, repr(value))
            for milestone in value:
                check_time(name, milestone)
        elif name in (*LENGTHS, "t_warmup"):
            check_time(name, value)
        else:
            check_number(name, value)


def check_time(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise Refusal("TypeError", name, repr(value), "'5ep'")
    time = parse(value)
    if time.value < 0 or (time.value == 0 and name in LENGTHS):
        raise Refusal("ScheduleError", name, f"'{time}'")


def check_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal("TypeError", name, repr(value))
    in_range = value >= 1 if name in AT_LEAST_ONE else value >= 0
    if not math.isfinite(value) or not in_range or (value == 0 and name in ABOVE_ZERO):
        raise Refusal("ScheduleError", name, shown(value))
