"""The state of a scheduler: plain data, checked before it is loaded, compared with what is now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from epochal._core import EpochalError, StateError
from epochal._functions import as_schedule
from epochal._shown import shown
from epochal.config._text import read_back
from epochal.torch._fields import number
from epochal.torch._groups import ByGroup, labels
from epochal.torch._time import whole
from epochal.view import diff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epochal._core import Curve, Schedule
    from epochal.torch._fields import Look
    from epochal.torch._groups import Group
    from epochal.view import Difference

__all__ = ["Saved", "curves_apart", "described_as", "differences"]


class Saved(NamedTuple):
    """A saved state, checked. The state of another scheduler may lack all but `last_epoch`.

    `descriptions` say what decides on the values: "schedule", "run", "schedule of weight_decay".
    `values` are those of each field, the learning rates under "lr".
    """

    last_epoch: int
    step_count: int
    factor: float | None
    descriptions: dict[str, str]
    values: dict[str, list[float]]

    @classmethod
    def read(cls, state: Any) -> Saved:
        """Raises `StateError` naming the entry that is not valid."""
        if not isinstance(state, Mapping):
            raise TypeError(f"state_dict must be a dict, not {shown(state)}")
        if "last_epoch" not in state:
            raise StateError("last_epoch is missing from the state")
        # -1: a scheduler in `SequentialLR` whose turn has not come.
        epoch = whole("last_epoch", state["last_epoch"], StateError, least=-1)
        count = whole("_step_count", state.get("_step_count", epoch + 1), StateError)
        factor = None
        if "factor" in state:
            (factor,) = _numbers("factor", [state["factor"]])
            if factor < 0:
                raise StateError(f"factor must be 0 or above, not {shown(factor)}")
        descriptions = {
            name: _text(name, state[name]) for name in ("schedule", "run") if name in state
        }
        values = {}
        if state.get("_last_lr") is not None:
            values["lr"] = _numbers("_last_lr", state["_last_lr"])
        fields = state.get("fields", {})
        for name in fields if isinstance(fields, Mapping) else [fields]:
            field = fields.get(name) if isinstance(fields, Mapping) else None
            if not isinstance(field, Mapping):
                raise StateError(f"fields must be a dict of dicts, not {shown(fields)}")
            descriptions[described_as(name)] = _text(f"fields[{name!r}]", field.get("schedule"))
            values[name] = _numbers(f"fields[{name!r}]", field.get("values"))
        return cls(epoch, count, factor, descriptions, values)


def described_as(field: str) -> str:
    """The name under which a schedule stands among descriptions."""
    return "schedule" if field == "lr" else f"schedule of {field}"


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise StateError(f"{name} must be a description, a string, not {shown(value)}")
    return value


def _numbers(name: str, values: Any) -> list[float]:
    try:
        if isinstance(values, list | tuple):
            return [number(name, value) for value in values]
    except EpochalError as error:
        raise StateError(str(error)) from error
    raise StateError(f"{name} must be a list of numbers, not {shown(values)}")


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What differs in two descriptions of one thing, in words."""
    for name in {**was, **now}:
        if was.get(name) != now.get(name):
            yield f"{name} was {was.get(name, 'none')}, now it is {now.get(name, 'none')}"


def curves_apart(
    was: Mapping[str, str],
    now: Mapping[str, str],
    look: Look,
    groups: Sequence[Group],
    curves: Sequence[Curve],
) -> dict[str, Difference]:
    """How the curves of changed descriptions differ from those of now: see `EpochalLR.apart`."""
    found = {}
    for field in dict.fromkeys(seen.field for seen in look):
        described = described_as(field.name)
        if all(was.get(name) == now[name] for name in ("run", described)):
            continue
        try:
            run, then = read_back(was["run"]), read_back(was[described])
            of_groups = then if isinstance(then, Mapping) else {None: then}
            by_group = ByGroup(described, {key: as_schedule(of_groups[key]) for key in of_groups})
            # Groups share curves: the first one of each.
            pairs: dict[tuple[Schedule, int], int] = {}
            for entry in (seen.entry for seen in look if seen.field is field):
                schedule = by_group.of(entry.group, groups[entry.group])
                if schedule is not None:
                    pairs.setdefault((schedule, entry.curve), entry.group)
            apart = [
                (diff(schedule.resolve(run), curves[curve]), group)
                for (schedule, curve), group in pairs.items()
            ]
        except (EpochalError, KeyError, TypeError):
            continue
        if apart:
            worst, group = max(apart, key=lambda pair: pair[0].distance)
            name = field.name if len(apart) == 1 else f"{field.name}/{labels(groups)[group]}"
            found[name] = worst
    return found
