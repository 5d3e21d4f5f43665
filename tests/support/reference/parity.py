"""Does the package do what the reference does, errors included?"""

from collections.abc import Callable
from typing import Any, TypeVar

from reference.errors import Refusal

T = TypeVar("T")


def agree(real: Callable[[], T], expected: Callable[[], T]) -> None:
    """Both give equal values, or the package raises what the reference asks for.

    Whatever is no `Exception`, a panic above all, passes through and fails the test.
    """
    try:
        value = expected()
    except Refusal as refusal:
        assert_refuses(real, refusal)
    else:
        assert real() == value


def assert_refuses(real: Callable[[], object], refusal: Refusal) -> None:
    error = error_of(real)
    names = [cls.__name__ for cls in type(error).__mro__]
    # The base class stands for any kind of error of the package.
    assert refusal.kind in (names if refusal.kind == "EpochalError" else names[:1]), error
    for text in refusal.quoted:
        assert text.lower() in str(error).lower()


def error_of(real: Callable[..., object], *arguments: Any, **named: Any) -> Exception:
    try:
        value = real(*arguments, **named)
    except Exception as error:
        return error
    raise AssertionError(f"{value!r} instead of an error")
