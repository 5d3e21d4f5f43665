"""Which of an optimizer's groups is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeAlias, TypeVar

from epochal._core import Schedule, ScheduleError
from epochal._functions import as_schedule
from epochal._numbers import integer
from epochal._shown import shown

__all__ = ["ByGroup", "Group", "labels", "schedules", "whole_or_not"]

T = TypeVar("T")
Group: TypeAlias = dict[str, Any]


class ByGroup(Generic[T]):
    """A mapping from groups, each by its index or its `name`; the key of the rest is None."""

    def __init__(self, what: str, given: Mapping[Any, T]) -> None:
        self.what = what
        self.given: dict[int | str | None, T] = {}
        for key, value in given.items():
            if key is None or isinstance(key, str):
                self.given[key] = value
            elif (i := integer(key)) is not None and i >= 0:
                self.given[i] = value
            else:
                raise ScheduleError(
                    f"{what} must name each group by its index, from 0 on, or by its 'name', and "
                    f"the rest by None, not by {shown(key)}"
                )

    def check(self, groups: Sequence[Group]) -> None:
        """Raises `ScheduleError` for a key without a group, and for two keys of one group."""
        names = [_name(group) for group in groups]
        for key in self.given:
            if isinstance(key, int) and key >= len(groups):
                raise ScheduleError(
                    f"{self.what} names group {key}, but the last one is {len(groups) - 1}"
                )
            if isinstance(key, str) and key not in names:
                known = ", ".join(repr(name) for name in names if name is not None)
                has = f"the names of the groups are {known}" if known else "no group has a 'name'"
                raise ScheduleError(f"{self.what} names group {shown(key)}, but {has}")
        for i, name in enumerate(names):
            if name is not None and {i, name} <= self.given.keys():
                raise ScheduleError(f"{self.what} names one group twice, by {i} and by {name!r}")

    def describe(self, text: Callable[[T], str]) -> str:
        """The mapping in words, or if all groups get one thing, that."""
        if list(self.given) == [None]:
            return text(self.given[None])
        return "{" + ", ".join(f"{key!r}: {text(v)}" for key, v in self.given.items()) + "}"

    def of(self, i: int, group: Group) -> T | None:
        """What the i-th group gets, if anything."""
        for key in (i, _name(group), None):
            if key in self.given:
                return self.given[key]
        return None


def schedules(name: str, given: Any) -> Schedule | dict[Any, Schedule]:
    """The schedule of all groups, or those of a mapping from groups. Raises `TypeError` for what
    is neither, a configuration such as `{"name": "linear"}` included."""
    if isinstance(given, Mapping) and not isinstance(given.get("name"), str):
        return {group: as_schedule(schedule, name) for group, schedule in given.items()}
    return as_schedule(given, name)


@contextmanager
def whole_or_not(groups: Sequence[Group]) -> Iterator[None]:
    """Puts the settings of groups back if what is done to them fails."""
    before = [dict(group) for group in groups]
    try:
        yield
    except BaseException:
        for group, settings in zip(groups, before, strict=True):
            group.clear()
            group.update(settings)
        raise


def labels(groups: Sequence[Group]) -> list[str]:
    """What each group is called in a log: its name, or where that does not tell it from the others,
    its index."""
    names = [_name(group) for group in groups]
    return [
        str(i) if name is None or name.isdecimal() or names.count(name) > 1 else name
        for i, name in enumerate(names)
    ]


def _name(group: Group) -> str | None:
    name = group.get("name")
    return name if isinstance(name, str) else None
