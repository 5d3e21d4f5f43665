"""The state of a scheduler: plain data, checked before it is loaded, compared with what is now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from epochal._core import EpochalError, StateError
from epochal.torch._fields import number
from epochal.torch._time import whole

__all__ = ["Saved", "differences"]


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
            raise TypeError(f"state_dict must be a dict, not {state!r}")
        if "last_epoch" not in state:
            raise StateError("last_epoch is missing from the state")
        # -1: a scheduler in `SequentialLR` whose turn has not come.
        epoch = whole("last_epoch", state["last_epoch"], StateError, least=-1)
        count = whole("_step_count", state.get("_step_count", epoch + 1), StateError)
        factor = None
        if "factor" in state:
            (factor,) = _numbers("factor", [state["factor"]])
            if factor < 0:
                raise StateError(f"factor must be 0 or above, not {factor!r}")
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
                raise StateError(f"fields must be a dict of dicts, not {fields!r}")
            descriptions[f"schedule of {name}"] = _text(f"fields[{name!r}]", field.get("schedule"))
            values[name] = _numbers(f"fields[{name!r}]", field.get("values"))
        return cls(epoch, count, factor, descriptions, values)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise StateError(f"{name} must be a description, a string, not {value!r}")
    return value


def _numbers(name: str, values: Any) -> list[float]:
    try:
        if isinstance(values, list | tuple):
            return [number(name, value) for value in values]
    except EpochalError as error:
        raise StateError(str(error)) from error
    raise StateError(f"{name} must be a list of numbers, not {values!r}")


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What differs in two descriptions of one thing, in words."""
    for name in {**was, **now}:
        if was.get(name) != now.get(name):
            yield f"{name} was {was.get(name, 'none')}, now it is {now.get(name, 'none')}"
