"""Of many cases in one test each that fails is told, and none is left out for ever."""

from functools import partial

import pytest
import sizes
from cases import Cases


def divided() -> None:
    with Cases() as cases:
        for by in (0, 1, 2):
            cases.try_one(f"by {by}", partial(divide, by))


def divide(by: int) -> None:
    assert 6 // by == 3


def test_each_that_fails_is_named() -> None:
    with pytest.raises(AssertionError) as failed:
        divided()
    text = str(failed.value)
    assert "2 failed:" in text
    assert "by 0: ZeroDivisionError" in text
    assert "by 1: AssertionError" in text
    assert "by 2" not in text


def test_a_panic_ends_them() -> None:
    class Panic(BaseException):
        pass

    def panic() -> None:
        raise Panic

    cases = Cases()
    with pytest.raises(Panic) as failed:
        cases.try_one("it", panic)
    assert failed.value.__notes__ == ["it"]


def test_all_or_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "_WORKING", False)
    assert sizes.sized(100, 10) == 100
    assert sizes.some(range(10), 3) == list(range(10))
    monkeypatch.setattr(sizes, "_WORKING", True)
    assert sizes.sized(100, 10) == 10
    found = [sizes.some(range(10), 3) for _ in range(200)]
    assert {len(part) for part in found} == {3, 4}
    assert {case for part in found for case in part} == set(range(10))
