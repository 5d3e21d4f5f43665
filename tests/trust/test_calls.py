"""The campaign of bad calls finds what is wrong with a name, if something is."""

import faulthandler
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import calls
import numpy as np
import pytest
from epochal import Clock
from public_names import LEFT_OUT, Made, Target, targets
from sizes import sized


class Panic(BaseException):
    """As pyo3's, it is no `Exception`."""


def panic(self: Clock, *given: Any, **named: Any) -> NoReturn:
    raise Panic


def forget(self: Clock, *given: Any, **named: Any) -> NoReturn:
    raise KeyError("tok")


def half(self: Clock, *given: Any, **named: Any) -> NoReturn:
    self.tick()
    raise TypeError("units must be a list")


def infinite(self: Clock, *given: Any, **named: Any) -> Any:
    return [np.ones(3) / 0.0]


FAULTS: dict[str, Callable[..., Any]] = {
    "panics": panic,
    "other errors": forget,
    "half-applied states": half,
    "values that are not finite": infinite,
}


@pytest.fixture(scope="module")
def everything() -> list[Target]:
    return list(targets())


@pytest.mark.filterwarnings("ignore")  # as the campaign does
@pytest.mark.parametrize("wrong", FAULTS)
def test_faults_are_found(
    wrong: str, everything: list[Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    (target,) = (target for target in everything if target.name == "Clock.check_moving")
    assert {calls.the_call(target, number) for number in range(50)} == {None}
    monkeypatch.setattr(Clock, "check_moving", FAULTS[wrong])
    found = [calls.the_call(target, number) for number in range(50)]
    assert {each[0] for each in found if each is not None} == {wrong}


def test_every_public_name_is_called(everything: list[Target]) -> None:
    """Or left out with a reason; names of each kind are among them."""
    names = {target.name for target in everything}
    assert not names & LEFT_OUT.keys()
    for name in ("Trainer()", "Clock.run =", "Time.__add__ (asked)", "bind", "Curve.grid", "parse"):
        assert name in names


def crash(*_: object) -> None:
    faulthandler.disable()  # nobody needs its report
    os.abort()


def hang(*_: object) -> None:
    time.sleep(60)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of threads that it does not use
def test_a_crash_and_a_hang_are_told_and_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "HANG_SECONDS", sized(2, 1))

    def target(name: str, function: Callable[..., Any]) -> tuple[Target, int]:
        return Target(name, lambda random: Made(function), [], lambda random: {}), 1

    worker = calls.Worker(0, [target("crash", crash), target("hang", hang)], tmp_path)
    found = []
    while worker.process:
        time.sleep(0.05)
        if (wrong := worker.look()) is not None:
            found.append(wrong)
    assert [what for what, _ in found] == ["crashes", "hangs"]
    assert [words.split()[0] for _, words in found] == ["crash", "hang"]
