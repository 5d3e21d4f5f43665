"""Clocks that are ticked, told counts, saved, loaded, copied, and follow an optimizer."""

import copy
import json
import pickle
import random
from datetime import timedelta
from typing import Any

import torch
from epochal import Clock, EpochalError, Run, StateError, Time, UnitError
from program import Program, same
from reference import timestamp as reference
from strategies import plain_timestamp

COUNTERS = {"samples": "sample", "tokens": "token", "seconds": "total_wct"}
UNITS = {"samples": "sp", "tokens": "tok"}
BAD = {
    "samples": [-1, 1.5, True, "5tok", "-5sp", 2**63, float("nan"), [3]],
    "tokens": [-1, 0.5, "5", "5sp", 2**64, float("inf"), (3,)],
    "seconds": [-0.5, "5s", float("nan"), float("inf"), timedelta(seconds=-1), 1e300],
}


def pickled(clock: Clock) -> Any:
    return pickle.loads(pickle.dumps(clock))


class ClockProgram(Program):
    OPERATIONS = (
        *("tick",) * 6,
        *("count",) * 3,
        *("optimizer_step",) * 4,
        *("next_epoch", "next_iteration", "sync", "bad_tick", "bad_count", "save", "save"),
        *("load", "bad_load", "replace_by_a_copy", "follow", "follow", "follow_nothing", "skip"),
    )
    STEPS = 120

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.run_ = Run(
            rng.choice(["30ba", "2Ktok", "100sp"]),
            batches_per_epoch=rng.choice([None, 7]),
            samples_per_batch=rng.choice([None, 4]),
            tokens_per_batch=rng.choice([None, 100]),
        )
        self.clock = Clock(self.run_)
        self.optimizer = self.new_optimizer()
        self.follows = False
        # The model: counters now and where this clock began; what was counted for the next batch.
        self.now = self.start = reference.timestamp()
        self.counted: dict[str, int] = {}
        self.saved = [self.snapshot()]

    def new_optimizer(self) -> torch.optim.SGD:
        return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, fused=True)

    def snapshot(self) -> tuple[dict[str, Any], reference.Timestamp, dict[str, int]]:
        return json.loads(json.dumps(self.clock.state_dict())), self.now, dict(self.counted)

    # What is told, and what the model makes of it

    def numbers(self) -> tuple[dict[str, Any], dict[str, int]]:
        """Arguments of a tick, and their plain numbers; seconds in microseconds."""
        given: dict[str, Any] = {}
        plain: dict[str, int] = {}
        for name in COUNTERS:
            if self.rng.random() < 0.5:
                continue
            plain[name] = n = self.rng.randrange(300)
            if name == "seconds":
                given[name] = self.rng.choice([n / 10**6, timedelta(microseconds=n)])
            else:
                given[name] = self.rng.choice([n, f"{n}{UNITS[name]}", Time(n, UNITS[name])])
        return given, plain

    def add(self, plain: dict[str, int]) -> None:
        for name, n in plain.items():
            self.counted[name] = self.counted.get(name, 0) + n

    def end_batch(self, plain: dict[str, int]) -> None:
        self.add(plain)
        declared = {
            "samples": self.run_.samples_per_batch,
            "tokens": self.run_.tokens_per_batch,
            "seconds": 0,
        }
        told = [self.counted.get(name, int(declared[name] or 0)) for name in COUNTERS]
        self.now, self.counted = reference.to_next_batch(self.now, *told), {}

    # Operations

    def tick(self) -> None:
        given, plain = self.numbers()
        if self.follows:
            self.refused(EpochalError, self.clock.tick, **given)
        else:
            self.clock.tick(**given)
            self.end_batch(plain)

    def count(self) -> None:
        given, plain = self.numbers()
        self.clock.count(**given)
        self.add(plain)

    def refused(self, error: Any, call: Any, *args: Any, **named: Any) -> None:
        try:
            call(*args, **named)
        except error:
            return
        raise AssertionError(f"{args or named} was not refused")

    def bad(self) -> dict[str, Any]:
        given, _ = self.numbers()
        name = self.rng.choice(list(BAD))
        return {**given, name: self.rng.choice(BAD[name])}

    def bad_tick(self) -> None:
        self.refused((EpochalError, TypeError), self.clock.tick, **self.bad())

    def bad_count(self) -> None:
        self.refused((EpochalError, TypeError), self.clock.count, **self.bad())

    def next_epoch(self) -> None:
        self.clock.next_epoch()
        self.now = reference.to_next_epoch(self.now)

    def next_iteration(self) -> None:
        self.clock.next_iteration()
        self.now = reference.to_next_iteration(self.now)

    def sync(self) -> None:
        self.clock.sync()

    def save(self) -> None:
        self.saved.append(self.snapshot())

    def load(self) -> None:
        state, self.now, counted = self.rng.choice(self.saved)
        self.clock.load_state_dict(state)
        self.start, self.counted = self.now, dict(counted)

    def bad_load(self) -> None:
        state, _, _ = self.rng.choice(self.saved)
        name = self.rng.choice([name for name in state if not name.endswith("_wct")])
        bad = self.rng.choice([-1, "1", None, 0.5, 2**63, [1]])
        self.refused(StateError, self.clock.load_state_dict, {**state, name: bad})

    def replace_by_a_copy(self) -> None:
        """It goes its own way, and follows nothing."""
        before = self.clock
        how: Any = self.rng.choice(
            [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
        )
        self.clock = how(before)
        before.follow(None)
        before.tick(samples=5, tokens=7)
        self.follows, self.optimizer = False, self.new_optimizer()

    def follow(self) -> None:
        if self.rng.random() < 0.5:
            self.optimizer = self.new_optimizer()
        self.clock.follow(self.optimizer)
        self.follows = True

    def follow_nothing(self) -> None:
        self.clock.follow(None)
        self.follows = False

    def optimizer_step(self) -> None:
        self.optimizer.step()
        if self.follows:
            self.end_batch({})

    def skip(self) -> None:
        """A step that a GradScaler has the optimizer skip."""
        optimizer: Any = self.optimizer
        optimizer.found_inf = torch.ones(())
        optimizer.step()
        del optimizer.found_inf

    # The model

    def check(self) -> None:
        same(plain_timestamp(self.clock.timestamp), self.now, "the time")
        same(self.clock.follows, self.follows, "follows")
        state = self.clock.state_dict()
        counted = {
            f"counted_{COUNTERS[name]}": n / 10**6 if name == "seconds" else n
            for name, n in self.counted.items()
        }
        same({k: v for k, v in state.items() if k.startswith("counted_")}, counted, "counted")
        duration = self.run_.duration
        clock = {"ba": "batch", "sp": "sample", "tok": "token"}[str(duration.unit)]
        done: bool | None = self.now[clock] >= duration.value
        if not done and clock != "batch" and self.now["batch"] > self.start["batch"]:
            done = None if self.now[clock] == self.start[clock] else False
        same(self.done(), done, "done")

    def done(self) -> bool | None:
        """None if it says that it never will be."""
        try:
            return self.clock.done
        except UnitError:
            return None
