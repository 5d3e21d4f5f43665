"""A run in which a schedule can be shown before anybody has one."""

from __future__ import annotations

from epochal._core import Run, Schedule, ScheduleError, Time, arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def times(argument: Any) -> Iterator[Time]:
    """Every time in an argument, and in the schedules in it."""
    if isinstance(argument, Time):
        yield argument
    elif isinstance(argument, Schedule):
        yield from times(list(arguments(argument).values()))
    elif isinstance(argument, (list, tuple)):
        for part in argument:
            yield from times(part)


def nominal_run(schedule: Schedule) -> tuple[Run, bool]:
    """A run that is long enough to show the schedule, and whether its length means anything: of a
    schedule that is written in fractions of the run, it does not."""
    written = list(times(schedule))
    counts = [time for time in written if time.unit != "dur" and time.value > 0]
    if not counts:
        return Run("1000ba"), False
    if len({time.unit for time in counts}) > 1:
        raise ScheduleError("a schedule in several units needs the rates of a run")
    fractions = any(time.unit == "dur" for time in written)
    longest = max(counts)
    # A warmup before a decay by the run's length is short; milestones and steps go on a while.
    return Run(longest * 10 if fractions else longest + longest // 2 + 1), True
