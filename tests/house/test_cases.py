"""Of many cases in one test, each that fails is told."""

import pytest
from cases import Cases


def divide(by: int) -> None:
    assert 6 // by == 3


def test_each_that_fails_is_named() -> None:
    tried = []
    with pytest.raises(AssertionError) as failed, Cases() as cases:
        for by in (0, 1, 2):
            cases.try_one(f"by {by}", lambda by=by: divide(by))  # type: ignore[misc]
            tried.append(by)
    assert tried == [0, 1, 2]
    head, *lines = str(failed.value).splitlines()
    assert head == "2 failed:"
    assert lines[0].startswith("by 0: ZeroDivisionError")
    assert lines[1].startswith("by 1: AssertionError")
    assert "by 2" not in str(failed.value)


def test_a_panic_ends_them() -> None:
    class Panic(BaseException):
        pass

    def panic() -> None:
        raise Panic

    with pytest.raises(Panic) as failed, Cases() as cases:
        cases.try_one("it", panic)
    assert failed.value.__notes__ == ["it"]
