"""What a clock is saved as, what it refuses to load, and its copies."""

import copy
import io
import json
import pickle
from datetime import timedelta
from typing import Any

import pytest
import torch
from epochal import Clock, Run, StateError
from reference.time import LIMIT

RUN = Run("10ba")
SECOND = timedelta(seconds=1)


def some_clock() -> Clock:
    clock = Clock(Run("2ep", tokens_per_batch=10))
    clock.tick(samples=2**53 + 1, seconds=0.1)
    clock.next_iteration()
    clock.tick(samples=3, tokens=LIMIT - 1000, seconds=1e6 + 1e-6)
    clock.next_epoch()
    clock.tick(seconds=0.3)
    clock.tick(samples=3, tokens=0, seconds=timedelta(microseconds=1))
    return clock


def test_the_state_is_plain_and_continues() -> None:
    clock = some_clock()
    state = clock.state_dict()
    assert all(type(value) in (int, float) for value in state.values())
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    for loaded in (state, json.loads(json.dumps(state)), torch.load(file)):
        other = Clock(Run("2ep", tokens_per_batch=10))
        other.tick(samples=99)
        other.load_state_dict(loaded)
        assert other.timestamp == clock.timestamp
        assert other.state_dict() == state
        other.tick(tokens=0, seconds=0.1)
        assert other.timestamp == clock.timestamp.to_next_batch(0, 0, 0.1 * SECOND)


STATE = Clock(RUN).state_dict()


@pytest.mark.parametrize(
    ("state", "error", "text"),
    [
        (None, TypeError, "None"),
        ([("batch", 1)], TypeError, "batch"),
        ({}, StateError, "iteration"),
        ({k: v for k, v in STATE.items() if k != "token_in_epoch"}, StateError, "token_in_epoch"),
        ({**STATE, "extra": 1}, StateError, "'extra'"),
        ({**STATE, "batch": -1}, StateError, "batch .*-1"),
        ({**STATE, "batch": 1.0}, StateError, "batch .*1.0"),
        ({**STATE, "batch": True}, StateError, "batch .*True"),
        ({**STATE, "batch": "1ba"}, StateError, "batch .*'1ba'"),
        ({**STATE, "batch": 2**63}, StateError, "batch .*9223372036854775808"),
        ({**STATE, "batch": 7, "epoch_wct": -0.5}, StateError, "epoch_wct .*-0.5"),
        ({**STATE, "batch": 7, "batch_wct": float("nan")}, StateError, "batch_wct .*nan"),
        ({**STATE, "batch": 7, "batch_wct": None}, StateError, "batch_wct .*None"),
    ],
)
def test_bad_states_leave_the_clock(state: Any, error: type[Exception], text: str) -> None:
    clock = some_clock()
    before = clock.timestamp
    with pytest.raises(error, match=text):
        clock.load_state_dict(state)
    assert clock.timestamp is before


def test_copies_go_their_own_way() -> None:
    clock = some_clock()
    for other in (copy.copy(clock), copy.deepcopy(clock), pickle.loads(pickle.dumps(clock))):
        assert other.timestamp == clock.timestamp
        assert other.run == clock.run
        before = clock.timestamp
        # Nothing waits in them.
        assert other.state_dict() == clock.state_dict()
        other.tick()
        assert other.timestamp.token == clock.timestamp.token + 10
        assert clock.timestamp is before
