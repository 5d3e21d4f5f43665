"""Schedules with other arguments, and what tells schedules apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from epochal import _core
from epochal._core import Schedule, ScheduleError
from epochal._functions import as_schedule
from epochal.config._entries import arguments_of, entry_of, parts_of, refuse_functions
from epochal.schedules._words import unknown_argument

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from epochal._types import AnySchedule

__all__ = ["fingerprint", "replace"]


def replace(schedule: AnySchedule, /, **changes: Any) -> Schedule:
    """`Schedule.replace`."""
    schedule = as_schedule(schedule)
    for field in changes:
        owners = list(_owners(schedule, field))
        if not owners:
            raise ScheduleError(unknown_argument(_shown(schedule), field, _fields_within(schedule)))
        if len(owners) > 1:
            others = [f"{len(owners) - 3} more"] if len(owners) > 3 else []
            shown = " and ".join([*map(_shown, owners[:3]), *others])
            raise ScheduleError(f"{field} is an argument of {shown}: replace it in one of them")
    return _replaced(schedule, changes)


def _shown(schedule: Schedule) -> str:
    text = repr(schedule)
    return text if len(text) <= 200 else text[:199] + "…"


def _owners(schedule: Schedule, field: str) -> Iterator[Schedule]:
    """The outermost parts of a schedule that have an argument."""
    arguments = arguments_of(schedule)
    if field in arguments:
        yield schedule
        return
    for part in parts_of(tuple(arguments.values())):
        yield from _owners(part, field)


def _fields_within(schedule: Schedule) -> list[str]:
    arguments = arguments_of(schedule)
    found = list(arguments)
    for part in parts_of(tuple(arguments.values())):
        found += [field for field in _fields_within(part) if field not in found]
    return found


def _replaced(schedule: Schedule, changes: Mapping[str, Any]) -> Schedule:
    entry = entry_of(schedule)
    if entry is None:
        return schedule
    arguments = arguments_of(schedule)
    own = {field: value for field, value in changes.items() if field in arguments}
    others = {field: value for field, value in changes.items() if field not in arguments}

    def inside(value: Any) -> Any:
        if isinstance(value, Schedule):
            return _replaced(value, others)
        return tuple(map(inside, value)) if isinstance(value, tuple) else value

    kept = {field: inside(value) for field, value in arguments.items() if field not in own}
    return entry.make(**kept, **own)


def fingerprint(schedule: AnySchedule) -> str:
    """`Schedule.fingerprint`."""
    import hashlib

    schedule = as_schedule(schedule)
    refuse_functions(schedule, "has no text of its own")
    return hashlib.sha256(_core.expanded(schedule).encode()).hexdigest()[:16]
