"""Schedules and runs as plain mappings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from epochal._core import Run, Schedule, ScheduleError
from epochal._functions import as_schedule
from epochal._shown import shown
from epochal.config._entries import classes, operations, plain, refuse_functions
from epochal.config._text import parse
from epochal.schedules._words import unknown_argument, unknown_name

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from epochal._types import AnySchedule

__all__ = ["from_config", "run_fields", "run_from_config", "to_config", "unknown_fact"]


def from_config(config: Mapping[str, Any] | Schedule | str) -> Schedule:
    """The schedule that a mapping describes: a `name`, and the arguments as fields.

    Nested schedules are mappings too. Text is read by `parse`, and a schedule is returned as it
    is; either may stand for a mapping within one. A number may be given as text, since YAML 1.1
    reads 1e-4 so.

    llm-foundry's `scheduler` blocks load as they are:

    >>> from epochal import from_config
    >>> block = {"name": "cosine_with_warmup", "t_warmup": "100ba", "alpha_f": 0.1}
    >>> from_config(block) == CosineAnnealingWithWarmupScheduler("100ba", alpha_f=0.1)
    True

    Raises `ScheduleError` for a name or a field that is not known, with the nearest one, and what
    the schedules raise for their arguments.
    """
    try:
        return _from_config(config)
    except RecursionError:
        raise ScheduleError("the schedule's mapping is nested too deep") from None


def _from_config(config: object) -> Schedule:
    if isinstance(config, str):
        return parse(config)
    if isinstance(config, Schedule):
        return config
    if not isinstance(config, Mapping):
        raise TypeError(f"a schedule must be a mapping with a 'name', or text, not {shown(config)}")
    fields = dict(config.items())
    if "name" not in fields:
        given = ", ".join(map(repr, fields)) or "nothing"
        raise ScheduleError(f"a schedule's mapping needs a 'name', e.g. 'linear'; it has {given}")
    name = fields.pop("name")
    known = operations() | classes()
    if not isinstance(name, str) or name not in known:
        raise ScheduleError(unknown_name("schedule", name, known))
    entry = known[name]
    values = {
        field: _value(entry.fields[field].annotation, value) if field in entry.fields else value
        for field, value in fields.items()
    }
    return entry([], values)


def _value(annotation: str, value: Any) -> Any:
    """What a field of a mapping stands for."""
    if annotation == "AnySchedule":
        return _from_config(value)
    if annotation == "Iterable[AnySchedule]" and _is_list(value):
        return [_from_config(part) for part in value]
    if annotation in ("Number", "Number | None") and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value  # to be refused where its name is known
    return value


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def to_config(schedule: AnySchedule) -> dict[str, Any]:
    """`Schedule.to_config`."""
    schedule = as_schedule(schedule)
    refuse_functions(schedule, "a configuration cannot hold")
    config: dict[str, Any] = plain(schedule)
    return config


def run_fields() -> list[str]:
    """The names of the facts of a run."""
    signature = Run.__text_signature__ or ""
    return [part.partition("=")[0] for part in signature.strip("()").split(", ") if part != "*"]


def unknown_fact(name: object) -> str:
    """What is said of a fact that no run has."""
    return unknown_argument("a run", name, run_fields())


def run_from_config(config: Mapping[str, Any]) -> Run:
    """`Run.from_config`."""
    if not isinstance(config, Mapping):
        raise TypeError(f"a run must be a mapping with 'max_duration', not {shown(config)}")
    known = run_fields()
    for field in config:
        if field not in known:
            raise ScheduleError(unknown_fact(field))
    if "max_duration" not in config:
        raise ScheduleError("a run's mapping needs 'max_duration', e.g. '90ep'")
    return Run(**config)
