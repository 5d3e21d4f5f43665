"""What comes from elsewhere: the states of other trainers, classes derived from ours."""

import math
from datetime import timedelta
from fractions import Fraction
from types import SimpleNamespace as Plain
from typing import Any

import numpy as np
import pytest
from epochal import (
    EpochalError,
    FunctionSchedule,
    LinearScheduler,
    Run,
    Schedule,
    StepScheduler,
    Time,
    Timestamp,
    _core,
)


def of_an_epoch(state: Any) -> float:
    return float(1 / state.dataloader_len.value)


COUNT = type("Count", (), {"__int__": lambda self: 50})()


@pytest.mark.parametrize(
    "duration",
    [
        "100ba",
        Time("100ba"),
        Plain(to_timestring=lambda: "100ba"),
        Plain(value=100, unit="ba"),
        Plain(value=100, unit=Plain(value="ba")),
    ],
)
@pytest.mark.parametrize("batch", [50, "50ba", Time("50ba"), COUNT])
def test_states_of_any_make(duration: Any, batch: Any) -> None:
    for length in (None, 10, "10ba", Time("10ba")):
        state = Plain(timestamp=Plain(batch=batch), max_duration=duration, dataloader_len=length)
        assert LinearScheduler()(state) == 0.5


@pytest.mark.parametrize(
    ("schedule", "duration"),
    [
        (LinearScheduler(), "20ep"),
        (LinearScheduler(t_max="20ep"), "200ba"),
        (StepScheduler("1ep", gamma=0.5), "200ba"),
        (LinearScheduler() * StepScheduler("1ep", gamma=0.5), "200ba"),
        (LinearScheduler().after_warmup("2ep"), "200ba"),
        (FunctionSchedule(of_an_epoch) * LinearScheduler(), "200ba"),
    ],
)
def test_the_batches_in_an_epoch_may_change(schedule: Schedule, duration: str) -> None:
    """One schedule is asked about one run after another, and back."""
    for length in (10, 20, 5, 10):
        timestamp = Timestamp(epoch=60 // length, batch=60)
        state = Plain(timestamp=timestamp, max_duration=duration, dataloader_len=length)
        curve = schedule.resolve(Run(duration, batches_per_epoch=length))
        assert schedule(state) == curve(timestamp)


def test_only_what_counts_in_epochs_asks_for_the_batches_in_one() -> None:
    class State(Plain):
        asked = 0

        @property
        def dataloader_len(self) -> int:
            self.asked += 1
            return 10

    for schedule, asked in ((LinearScheduler(), 1), (StepScheduler("1ep"), 4)):
        state = State(timestamp=Timestamp(batch=50), max_duration="100ba")
        for _ in range(4):
            schedule(state)
        assert state.asked == asked, schedule


def test_a_state_may_ask_the_schedule_itself() -> None:
    """What runs while a kept curve is looked up waits for no lock of it."""
    schedule = StepScheduler("1ep", gamma=0.5)
    first = Plain(timestamp=Timestamp(batch=0), max_duration="400ba", dataloader_len=10)
    assert schedule(first) == 1.0

    class Asking(Plain):
        @property
        def dataloader_len(self) -> int:
            assert schedule(plain) == 0.5
            return 10

    plain = Plain(timestamp=Timestamp(batch=10), max_duration="200ba", dataloader_len=10)
    # The curve of the first run is found without a lock, that of the last one needs it.
    for duration in ("100ba", "300ba", "300ba", "100ba"):
        state = Asking(timestamp=Timestamp(batch=20), max_duration=duration)
        assert schedule(state) == 0.25


def test_attributes_of_derived_classes() -> None:
    class Named(LinearScheduler):
        pass

    named: Any = Named()
    named.label = "mine"
    assert named.label == "mine"
    del named.label
    with pytest.raises(AttributeError, match="schedules are immutable, so alpha_i cannot change"):
        named.alpha_i = 0.5
    plain: Any = LinearScheduler()
    with pytest.raises(AttributeError, match="has no attribute 'label'"):
        plain.label = "mine"


def test_counters_that_a_curve_does_not_read_may_have_any_shape() -> None:
    curve = LinearScheduler().resolve("100ba")
    assert curve({"ba": [1, 2], "tok": [1, 2, 3]}).tolist() == [0.99, 0.98]


def test_operations_are_what_schedules_can_do() -> None:
    methods = set(_core.operations()) - {"product", "scale", "lift"}
    assert {"after_warmup", "until"} <= methods
    assert all(callable(getattr(Schedule, name)) for name in methods)


@pytest.mark.parametrize(
    ("seconds", "alpha"),
    [
        (1.5, 0.85),
        (np.float32(1.5), 0.85),
        (Fraction(3, 2), 0.85),
        (2, 0.8),
        (np.int64(2), 0.8),
        ("2sec", 0.8),
        (timedelta(seconds=2.5), 0.75),
    ],
)
def test_elapsed_seconds_in_any_form(seconds: Any, alpha: float) -> None:
    state = Plain(timestamp=Plain(total_wct=seconds), max_duration="10sec", dataloader_len=None)
    assert LinearScheduler()(state) == alpha


@pytest.mark.parametrize("seconds", [math.nan, np.float32(math.nan), math.inf, -0.5, 1e300])
def test_seconds_that_no_clock_can_show(seconds: float) -> None:
    state = Plain(timestamp=Plain(total_wct=seconds), max_duration="10sec", dataloader_len=None)
    with pytest.raises(EpochalError, match="total_wct must be finite, 0 or above, and at most"):
        LinearScheduler()(state)


def test_a_length_that_changes_in_place_is_read_anew() -> None:
    schedule = LinearScheduler()
    duration = Plain(value=100, unit="ba")
    state = Plain(timestamp=Timestamp(batch=10), max_duration=duration, dataloader_len=None)
    assert schedule(state) == 0.9
    duration.value = 50
    assert schedule(state) == 0.8


def test_a_function_sees_fields_that_the_schedule_beside_it_does_not_read() -> None:
    def samples(state: Any) -> float:
        return float(state.timestamp.sample)

    timestamp = Plain(batch=50, sample=7)
    state = Plain(timestamp=timestamp, max_duration="100ba", dataloader_len=None)
    assert (FunctionSchedule(samples) * LinearScheduler())(state) == 3.5
