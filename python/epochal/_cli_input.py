"""What the command line reads: schedules from text, files and modules, and the run's facts."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from epochal._core import Run, Schedule, ScheduleError
from epochal._functions import as_schedule
from epochal.config import from_config, parse
from epochal.config._mappings import run_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Source", "read"]


class Source:
    """A schedule, and the facts of the run that stand beside it."""

    __slots__ = ("facts", "schedule")

    def __init__(self, schedule: Schedule, facts: Mapping[str, Any]) -> None:
        self.schedule = schedule
        self.facts = facts

    def run(self, given: Mapping[str, Any]) -> Run:
        """The run, whose facts those that were given replace."""
        facts = {**self.facts, **{name: fact for name, fact in given.items() if fact is not None}}
        if "max_duration" not in facts:
            raise ScheduleError("the length of the run is missing: give --run, e.g. --run 90ep")
        return Run.from_config(facts)


def read(text: str) -> Source:
    """The schedule of an argument: its text, a file, or `module:function`."""
    ending = os.path.splitext(text)[1]
    if ending in _FORMATS:
        return _from_file(text, _FORMATS[ending])
    module, colon, name = text.partition(":")
    if colon and all(part.isidentifier() for part in (module + "." + name).split(".")):
        return Source(_from_module(module, name), {})
    return Source(parse(text), {})


def _from_file(path: str, load: Any) -> Source:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        document = load(text)
    except ValueError as error:
        raise ScheduleError(f"{path!r} cannot be read: {error}") from None
    if not isinstance(document, Mapping):
        raise ScheduleError(f"{path!r} must hold a mapping, with a 'name' or a 'scheduler'")
    if "scheduler" not in document:
        if "name" not in document:
            raise ScheduleError(f"{path!r} has neither a 'name' nor a 'scheduler'")
        return Source(from_config(document), {})
    return Source(from_config(document["scheduler"]), _facts_of(path, document))


def _facts_of(path: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts of the run beside a scheduler, and those under `run`. All else that stands there is
    of the training's own configuration."""
    beside = {name: document[name] for name in run_fields() if name in document}
    block = document.get("run", {})
    if not isinstance(block, Mapping):
        raise ScheduleError(
            f"'run' in {path!r} must be a mapping of the run's facts, not {block!r}"
        )
    for name in beside:
        if name in block and block[name] != beside[name]:
            raise ScheduleError(
                f"{path!r} has {name} twice: {beside[name]!r}, and {block[name]!r} under 'run'"
            )
    return {**beside, **block}


def _load_json(text: str) -> Any:
    import json

    return json.loads(text)


def _load_toml(text: str) -> Any:
    import tomllib

    return tomllib.loads(text)


def _load_yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise ScheduleError("YAML is read by PyYAML, which is not installed") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


_FORMATS = {".json": _load_json, ".toml": _load_toml, ".yaml": _load_yaml, ".yml": _load_yaml}


def _from_module(module: str, name: str) -> Schedule:
    from importlib import import_module

    # As `python -m` does; an installed program looks only where packages are installed.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = import_module(module)
    except ModuleNotFoundError as error:
        raise ScheduleError(f"{module + ':' + name!r} is not found: {error}") from None
    for part in name.split("."):
        if not hasattr(found, part):
            raise ScheduleError(f"{module + ':' + name!r} is not found: there is no {part!r}")
        found = getattr(found, part)
    return as_schedule(found)
