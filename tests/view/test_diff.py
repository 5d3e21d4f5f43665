"""How two curves differ, against sampling."""

import numpy as np
import pytest
from curves import SCHEDULES
from epochal import (
    CosineAnnealingScheduler,
    CosineAnnealingWithWarmupScheduler,
    LinearScheduler,
    MultiStepScheduler,
    PolynomialScheduler,
    Run,
    Schedule,
    StepScheduler,
    UnitError,
    diff,
)

RUN = Run("1000ba", batches_per_epoch=40)


@pytest.mark.parametrize("one", SCHEDULES[::4], ids=str)
@pytest.mark.parametrize("other", SCHEDULES[1::5], ids=str)
def test_the_worst_point(one: Schedule, other: Schedule) -> None:
    a, b = one.resolve(RUN), other.resolve(RUN)
    found = diff(a, b)
    assert bool(found) == (one != other)
    ends = [row["start"] for row in found.rows] + [1000.0]
    assert ends == sorted(set(ends))
    for row in found.rows:
        times = np.linspace(row["start"], np.nextafter(row["end"], 0.0), 2001)
        apart = np.abs(a(times) - b(times))
        assert (row["a"], row["b"]) == (a(row["at"]), b(row["at"]))
        assert row["start"] <= row["at"] <= row["end"]
        assert abs(row["a"] - row["b"]) >= apart.max() - 1e-4
    worst = found.worst
    times = np.linspace(0.0, 999.999, 100_001)
    assert abs(worst["a"] - worst["b"]) >= np.abs(a(times) - b(times)).max() - 1e-4


def test_equal_curves() -> None:
    a = CosineAnnealingScheduler().after_warmup("5ba").resolve(RUN)
    b = CosineAnnealingWithWarmupScheduler("5ba").resolve(RUN)
    assert not diff(a, b)
    assert str(diff(a, b)) == "the two curves are the same"
    # Not as trees, but as curves.
    c = PolynomialScheduler(1.0).resolve(RUN)
    assert not diff(LinearScheduler().resolve(RUN), c)


def test_rates() -> None:
    a, b = (LinearScheduler(alpha).resolve(RUN) for alpha in (1.0, 0.5))
    found = diff(a, b, base_lr=0.2)
    assert found
    assert (found.worst["at"], found.worst["lr_a"], found.worst["lr_b"]) == (0.0, 0.2, 0.1)
    assert str(found).splitlines()[0] == "the rate differs most at 0 ba: 0.2 and 0.1"


def test_runs_of_two_lengths() -> None:
    schedule = LinearScheduler()
    found = diff(schedule.resolve("100ba"), schedule.resolve("200ba"))
    assert found.rows[-1]["end"] == 200.0
    assert found.worst["at"] == 100.0
    assert (found.worst["a"], found.worst["b"]) == (0.0, 0.5)


@pytest.mark.parametrize("run", ["1000ba", "7ba", "15Ttok"])
def test_a_stretch_ends_with_what_its_end_has(run: str) -> None:
    a, b = LinearScheduler().resolve(run), LinearScheduler(alpha_f=0.1).resolve(run)
    (row,) = diff(a, b).rows
    assert (row["at"], row["a"], row["b"]) == (row["end"], a("1dur"), b("1dur"))
    assert "just before" not in str(diff(a, b))
    assert (a("1dur"), b("1dur")) == (0.0, 0.1)


def test_before_a_jump() -> None:
    a = LinearScheduler(alpha_f=0.2).resolve("100ba")
    b = MultiStepScheduler(["60ba"], gamma=0.5).resolve("100ba")
    found = diff(a, b)
    first, last = found.rows
    assert first["at"] == np.nextafter(60.0, 0.0)
    assert (first["a"], first["b"]) == (a(first["at"]), b(first["at"]))
    assert (last["at"], last["a"], last["b"]) == (100.0, a(100), b(100))
    assert found.headline() == "α differs most just before 60 ba: 0.52 and 1"
    assert str(found).splitlines()[2].split() == [
        "0",
        "-",
        "60",
        "just",
        "before",
        "60",
        "0.52",
        "->",
        "1",
    ]
    # Within the stretch it is no end of it, and at a beginning it is not before anything.
    worst = diff(b, LinearScheduler(t_max="200ba").resolve("100ba")).headline()
    assert worst == "α differs most just before 60 ba: 1 and 0.7"
    assert diff(a, CosineAnnealingScheduler().resolve("100ba")).headline().count("before") == 0


def test_two_units() -> None:
    run = Run("100ba", tokens_per_batch=10)
    a, b = StepScheduler("500tok").resolve(run), MultiStepScheduler(["50ba"]).resolve(run)
    assert not diff(a, b)
    assert diff(a, MultiStepScheduler(["51ba"]).resolve(run)).worst["at"] == 50.0
    with pytest.raises(UnitError, match="tokens_per_batch"):
        diff(StepScheduler("500tok").resolve("1000tok"), LinearScheduler().resolve("100ba"))


def test_functions_are_sampled() -> None:
    curve = LinearScheduler().resolve("100ba")
    same = lambda state: 1.0 - state.timestamp.batch.value / 100  # noqa: E731
    found = diff(curve, LinearScheduler().until("50ba", same).resolve("100ba"))
    assert abs(found.worst["a"] - found.worst["b"]) <= 0.01 + 1e-9
    again = diff(LinearScheduler().until("50ba", same).resolve("100ba"), curve)
    assert [row["start"] for row in again.rows] == [row["start"] for row in found.rows]
    assert again.worst["at"] == found.worst["at"]


def test_what_is_no_curve() -> None:
    with pytest.raises(TypeError, match=r"b must be a curve, as of schedule.resolve\(run\)"):
        diff(LinearScheduler().resolve("1ba"), LinearScheduler())  # type: ignore[arg-type]
