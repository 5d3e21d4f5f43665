"""The JSON schema of schedules' mappings."""

from __future__ import annotations

from epochal import _core
from epochal._core import TimeUnit
from epochal.config._entries import Entry, classes, operations, plain

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["config_schema"]


def config_schema() -> dict[str, Any]:
    """A JSON schema of the mappings that `from_config` takes, for editors and validators.

    It is made from what the schedules declare. Written to a file, it is named in the first line of
    a YAML file, `# yaml-language-server: $schema=schedule.json`.

    >>> from epochal import config_schema
    >>> config_schema()["$defs"]["linear"]["properties"]["alpha_f"]
    {'type': 'number', 'minimum': 0, 'default': 0.0}
    """
    entries = {entry.names[0]: entry for entry in (*classes().values(), *operations().values())}
    references = [{"$ref": f"#/$defs/{name}"} for name in entries]
    text = {"type": "string", "description": "The text of a schedule."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A learning-rate schedule",
        "$ref": "#/$defs/schedule",
        "$defs": {
            "schedule": {"anyOf": [*references, text]},
            "time": {"type": "string", "pattern": _time_pattern()},
            "shape": {"enum": list(_core.SHAPES)},
            **{name: _object_schema(entry) for name, entry in entries.items()},
        },
    }


def _object_schema(entry: Entry) -> dict[str, Any]:
    properties: dict[str, Any] = {"name": {"enum": list(entry.names)}}
    required = []
    for name, field in entry.fields.items():
        properties[name] = _value_schema(field.annotation)
        if field.is_required:
            required.append(name)
        else:
            properties[name]["default"] = plain(field.default)
    schema = {
        "type": "object",
        "properties": properties,
        "required": ["name", *required],
        "additionalProperties": False,
    }
    if entry.doc:
        schema["description"] = entry.doc.strip().partition("\n")[0]
    return schema


_VALUE_SCHEMAS: dict[str, dict[str, Any]] = {
    "AnySchedule": {"$ref": "#/$defs/schedule"},
    "None": {"type": "null"},
    "Number": {"type": "number", "minimum": 0},
    "Shape": {"$ref": "#/$defs/shape"},
    "TimeLike": {"$ref": "#/$defs/time"},
    "bool": {"type": "boolean"},
}


def _value_schema(annotation: str) -> dict[str, Any]:
    """The schema of what an annotation allows."""
    if " | " in annotation:
        return {"anyOf": [_value_schema(part) for part in annotation.split(" | ")]}
    outer, _, inner = annotation.removesuffix("]").partition("[")
    if outer == "Iterable":
        return {"type": "array", "items": _value_schema(inner)}
    if outer == "tuple":
        parts = [_value_schema(part) for part in inner.split(", ")]
        size = len(parts)
        return {"type": "array", "prefixItems": parts, "minItems": size, "maxItems": size}
    return dict(_VALUE_SCHEMAS[annotation])


def _time_pattern() -> str:
    """What every time looks like that a schedule takes."""
    digits = "[0-9](_?[0-9])*"
    number = rf"[+-]?{digits}(\.{digits})?([eE][+-]?[0-9]+)?"
    units = ["".join(f"[{c}{c.upper()}]" for c in unit.value) for unit in TimeUnit]
    with_unit = f"{number}[KMBT]? ?({'|'.join(units)})"
    hours = "(?=[0-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?"
    return rf"^\s*({with_unit}|{hours})\s*$"
