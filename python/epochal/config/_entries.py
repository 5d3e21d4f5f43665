"""What texts and mappings may hold: the schedules and the operations on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import epochal
from epochal import _core
from epochal._core import Schedule, ScheduleError, Time
from epochal._functions import FunctionSchedule
from epochal.schedules import CosineAnnealingWarmRestartsScheduler
from epochal.schedules import __all__ as names_of_schedules
from epochal.schedules._words import unknown_argument

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from epochal._types import Number, TimeLike

__all__ = [
    "Entry",
    "arguments_of",
    "classes",
    "entry_of",
    "operations",
    "parts_of",
    "plain",
    "refuse_functions",
    "signatures",
]


def _cosine_restarts_with_warmup(
    t_warmup: TimeLike,
    t_0: TimeLike,
    t_mult: Number = 1.0,
    alpha_f: Number = 0.0,
    scale_warmup: bool = False,
) -> Schedule:
    """A warmup to 1, then half cosines that start again, the first one at its end."""
    restarts = CosineAnnealingWarmRestartsScheduler(t_0, t_mult, alpha_f)
    return restarts.after_warmup(t_warmup, scale=scale_warmup)


# What llm-foundry calls by another name than its class here, or has no class for.
_LLM_FOUNDRY: dict[str, str | Callable[..., Schedule]] = {
    "cosine_with_warmup": "CosineAnnealingWithWarmup",
    "cosine_restarts_with_warmup": _cosine_restarts_with_warmup,
    "inv_sqrt_with_warmup": "InverseSquareRootWithWarmup",
    "linear_decay_with_warmup": "LinearWithWarmup",
}


_REQUIRED = object()


class Field:
    """An argument: what it may be, in the words of `epochal._types`, and its default."""

    __slots__ = ("annotation", "default")

    def __init__(self, annotation: str, default: object = _REQUIRED) -> None:
        self.annotation = annotation
        self.default = default

    @property
    def is_required(self) -> bool:
        return self.default is _REQUIRED


class Entry:
    """A schedule or an operation: its names in mappings, the first of which is written; its
    fields; what makes it of them; and a docstring."""

    __slots__ = ("doc", "fields", "make", "names")

    def __init__(
        self,
        names: tuple[str, ...],
        fields: dict[str, Field],
        make: Callable[..., Schedule],
        doc: str | None,
    ) -> None:
        self.names = names
        self.fields = fields
        self.make = make
        self.doc = doc

    def __call__(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> Schedule:
        """The schedule of these arguments, the first ones by their order."""
        name = self.names[0]
        if len(arguments) > len(self.fields):
            raise ScheduleError(
                f"{name!r} takes {len(self.fields)} arguments, not {len(arguments)}"
            )
        given = dict(zip(self.fields, arguments, strict=False))
        for field, value in named.items():
            if field not in self.fields:
                raise ScheduleError(unknown_argument(repr(name), field, self.fields))
            if field in given:
                raise ScheduleError(f"{name!r} is given {field} twice")
            given[field] = value
        missing = [f for f, known in self.fields.items() if known.is_required and f not in given]
        if missing:
            raise ScheduleError(f"{name!r} needs {' and '.join(missing)}")
        return self.make(**given)


def _fields_of(function: Any) -> dict[str, Field]:
    """The fields of a class or a function in Python: its parameters."""
    function = getattr(function, "__wrapped__", function)
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    defaults = function.__defaults__ or ()
    with_default = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    known = dict(zip(with_default, defaults, strict=True)) | (function.__kwdefaults__ or {})
    annotations = function.__annotations__
    return {
        name: Field(annotations[name], known.get(name, _REQUIRED))
        for name in names
        if name != "cls"
    }


def _operation(name: str, fields: dict[str, Field]) -> Entry:
    def make(**given: Any) -> Schedule:
        made: Schedule = _core.build(
            name, [given.get(name, field.default) for name, field in fields.items()]
        )
        return made

    return Entry((name,), fields, make, getattr(getattr(Schedule, name, None), "__doc__", None))


@cache
def classes() -> dict[str, Entry]:
    """The schedules, by every name that they have."""
    entries = {}
    for class_name in names_of_schedules:
        stem = class_name.removesuffix("Scheduler")
        pairs = zip(" " + stem, stem, strict=False)
        snake = "".join("_" + b if a.islower() and b.isupper() else b for a, b in pairs).lower()
        theirs = [name for name, ours in _LLM_FOUNDRY.items() if ours == stem]
        cls = getattr(epochal, class_name)
        names = (*theirs, snake, stem, class_name)
        entry = Entry(names, _fields_of(cls.__new__), cls, cls.__doc__)
        entries.update(dict.fromkeys(names, entry))
    for name, ours in _LLM_FOUNDRY.items():
        if not isinstance(ours, str):
            entries[name] = Entry((name,), _fields_of(ours), ours, ours.__doc__)
    return entries


def signatures() -> list[str]:
    """The schedules with their arguments, as text has them."""
    signatures = []
    for entry in dict.fromkeys(classes().values()):
        fields = entry.fields.items()
        arguments = [name if f.is_required else f"{name}={f.default!r}" for name, f in fields]
        signatures.append(f"{entry.names[-1].removesuffix('Scheduler')}({', '.join(arguments)})")
    return signatures


@cache
def operations() -> dict[str, Entry]:
    return {
        name: _operation(name, {field: Field(*known) for field, known in fields.items()})
        for name, fields in _core.operations().items()
    }


def entry_of(schedule: Schedule) -> Entry | None:
    """What a schedule is outermost; None if it is a function."""
    name = _core.name(schedule)
    return None if name is None else operations().get(name) or classes()[name]


def arguments_of(schedule: Schedule) -> dict[str, Any]:
    """The arguments that rebuild a schedule, by name; a function has none."""
    entry = entry_of(schedule)
    known = _core.arguments(schedule)
    return {} if entry is None else {field: known[field] for field in entry.fields}


def plain(value: Any) -> Any:
    """An argument as mappings hold it."""
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    if isinstance(value, Schedule):
        entry = entry_of(value)
        assert entry is not None  # functions are refused before
        arguments = {
            field: plain(argument)
            for field, argument in arguments_of(value).items()
            if argument != entry.fields[field].default
        }
        return {"name": entry.names[0], **arguments}
    return str(value) if isinstance(value, Time) else value


def parts_of(argument: object) -> Iterator[Schedule]:
    """The schedules in an argument."""
    if isinstance(argument, Schedule):
        yield argument
    elif isinstance(argument, tuple):
        for part in argument:
            yield from parts_of(part)


def refuse_functions(schedule: Schedule, purpose: str) -> None:
    if isinstance(schedule, FunctionSchedule):
        raise ScheduleError(
            f"{schedule!r} is a Python function, which {purpose}: "
            "write what it computes as a schedule, for instance a PiecewiseScheduler"
        )
    for part in parts_of(tuple(arguments_of(schedule).values())):
        refuse_functions(part, purpose)
