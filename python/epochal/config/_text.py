"""Schedules as text."""

from __future__ import annotations

# The nodes of `ast`, whose functions take longer to import than all of this package.
import _ast as ast

from epochal._core import EpochalError, Run, Schedule, ScheduleError, Time
from epochal._shown import shown
from epochal.config._entries import classes, operations
from epochal.schedules._words import unknown_name

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

__all__ = ["parse", "read_back"]


def parse(text: str) -> Schedule:
    """The schedule of a text: what `repr` prints, with or without "Scheduler".

    The text is read, never run: it may hold schedules, their operations, `*` and `+`, numbers,
    strings, lists and tuples, and a `Time`.

    >>> from epochal import parse
    >>> parse("WSD(t_warmup='2000ba') * 0.5") == WSDScheduler("2000ba") * 0.5
    True

    Raises `ScheduleError` for anything else, and what the schedules raise for their arguments.
    """
    if not isinstance(text, str):
        raise TypeError(f"a schedule's text must be a string, not {shown(text)}")
    text = text.strip()
    if text.isidentifier() and text not in classes():
        raise ScheduleError(unknown_name("schedule", text, classes()))
    value = _value(text, _read)
    if not isinstance(value, Schedule):
        expected = "such as \"Linear(t_max='90ep')\""
        raise ScheduleError(f"the text of a schedule is expected, {expected}, not {quoted(text)}")
    return value


def read_back(text: str) -> Any:
    """A run, a schedule, or a mapping to schedules, of the text that `repr` has made of it."""

    def read(node: ast.expr, text: str) -> Any:
        match node:
            case ast.Call(func=ast.Name(id="Run")):
                arguments, named = _call(node, text)
                return Run(*arguments, **named)
            case ast.Dict(keys=keys, values=values) if None not in keys:
                pairs = zip(filter(None, keys), values, strict=True)
                return {_read(key, text): _read(value, text) for key, value in pairs}
        return _read(node, text)

    return _value(text, read)


def _value(text: str, read: Callable[[ast.expr, str], Any]) -> Any:
    try:
        tree = compile(text, "the text", "eval", ast.PyCF_ONLY_AST)
        assert isinstance(tree, ast.Expression)
        return read(tree.body, text)
    except EpochalError:
        raise
    except (SyntaxError, ValueError) as error:
        message = error.msg if isinstance(error, SyntaxError) else error
        raise ScheduleError(f"{quoted(text)} is not the text of a schedule: {message}") from None
    except (RecursionError, MemoryError):
        raise ScheduleError(f"{quoted(text)} is nested too deep") from None


def _read(node: ast.expr, text: str) -> Any:
    match node:
        case ast.Constant(value=str() | int() | float() | None):
            return node.value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_read(item, text) for item in items]
        case ast.BinOp():
            return _read_operators(node, text)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(ast.Name("epochal"), attr=name)):
            return _maker(name)(*_call(node, text))
        case ast.Call(func=ast.Attribute(value=value, attr=name)):
            of = _read(value, text)
            if not isinstance(of, Schedule):
                raise ScheduleError(f"'.{name}' must follow a schedule, not {_source(value, text)}")
            methods = [method for method in operations() if hasattr(Schedule, method)]
            if name not in methods:
                raise ScheduleError(unknown_name("operation", name, methods))
            arguments, named = _call(node, text)
            return operations()[name]([of, *arguments], named)
        case ast.Name(id=name) if name in classes():
            raise ScheduleError(f"{name!r} needs its arguments, or empty brackets: '{name}()'")
    raise _foreign(node, text)


def _read_operators(node: ast.BinOp, text: str) -> Any:
    """Products and sums, left to right: a product of many factors is no deep recursion."""
    pairs = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp):
        pairs.append((left, left.right))
        left = left.left
    value = _read(left, text)
    for operation, right in reversed(pairs):
        other = _read(right, text)
        kinds = {_kind(value), _kind(other)}
        if isinstance(operation.op, ast.Mult) and kinds in ({"schedule"}, {"schedule", "number"}):
            value = value * other
        elif isinstance(operation.op, ast.Add) and kinds == {"schedule", "number"}:
            value = value + other
        else:
            raise _foreign(operation, text)
    return value


def _kind(value: object) -> str:
    if isinstance(value, Schedule):
        return "schedule"
    return "number" if type(value) in (int, float) else "other"


def _foreign(node: ast.expr, text: str) -> ScheduleError:
    return ScheduleError(
        f"{_source(node, text)} cannot be in the text of a schedule: it holds schedules, their "
        "operations, '*' and '+', numbers, strings and lists"
    )


def _maker(name: str) -> Callable[[Sequence[Any], Mapping[str, Any]], Any]:
    if name == "Time":
        return lambda arguments, named: Time(*arguments, **named)
    if name == "FunctionSchedule":
        raise ScheduleError(
            "'FunctionSchedule' holds a Python function, which cannot be read from text"
        )
    if name not in classes():
        raise ScheduleError(unknown_name("schedule", name, classes()))
    return classes()[name]


def _call(node: ast.Call, text: str) -> tuple[list[Any], dict[str, Any]]:
    named = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise ScheduleError(f"arguments are written out, not {_source(node, text)}")
        named[keyword.arg] = _read(keyword.value, text)
    return [_read(argument, text) for argument in node.args], named


def _source(node: ast.expr, text: str) -> str:
    from ast import get_source_segment

    return quoted(get_source_segment(text, node) or text)


def quoted(text: str) -> str:
    return repr(text if len(text) <= 64 else text[:63] + "…")
