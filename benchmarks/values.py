"""One value at a time, against the nearest thing in the standard library."""

from dataclasses import dataclass
from datetime import timedelta

import epochal
from contest import Contest, Statements

CALLS = "Single values"
CONSTRUCTORS = "Constructors"


@dataclass
class State:
    """The state of a trainer, in Composer's form."""

    timestamp: epochal.Timestamp
    max_duration: str
    dataloader_len: int


# What the statements see.
NAMES = {
    **{name: getattr(epochal, name) for name in epochal.__all__ if name[0].isupper()},
    "timedelta": timedelta,
    "a": epochal.Time(5, "ep"),
    "b": epochal.Time(7, "ep"),
    "stamp": epochal.Timestamp(batch=5, sample=160, token=20_480),
    "curve": epochal.CosineAnnealingWithWarmupScheduler("100ba").resolve(epochal.Run("1000ba")),
    "schedule": epochal.CosineAnnealingWithWarmupScheduler("100ba"),
    "state": State(epochal.Timestamp(batch=5), "1000ba", 100),
    "t": 300,
    "x": timedelta(seconds=5),
    "y": timedelta(seconds=7),
}

SUM = ("timedelta + timedelta", "x + y")
COMPARISON = ("timedelta < timedelta", "x < y")


def call(
    name: str, ours: str, peer: tuple[str, str], goal: float, in_readme: bool = False
) -> Contest:
    peer_name, statement = peer
    sides = Statements(ours, statement, NAMES)
    return Contest(CALLS, f"{name} : {peer_name}", goal, lambda: sides, in_readme)


def constructor(
    ours: str, peer: str, goal: float | None = None, in_readme: bool = False
) -> Contest:
    sides = Statements(ours, peer, NAMES)
    return Contest(CONSTRUCTORS, f"{ours} : {peer}", goal, lambda: sides, in_readme)


CONTESTS = [
    call("Time + Time", "a + b", SUM, 5, in_readme=True),
    call("Time < Time", "a < b", COMPARISON, 4),
    call("to_next_batch()", "stamp.to_next_batch()", SUM, 10),
    call("to_next_batch(32, 4096)", "stamp.to_next_batch(32, 4096)", SUM, 10),
    call("curve(t)", "curve(t)", SUM, 4, in_readme=True),
    call("schedule(state)", "schedule(state)", ("curve(timestamp)", "curve(stamp)"), 1.5),
    constructor("Time('3e10tok')", "float('3e10')", 4, in_readme=True),
    constructor("Time('5ep')", "float('3e10')", 4),
    constructor("Time(5, 'ep')", "timedelta(seconds=5)"),
    constructor("Timestamp(batch=5)", "timedelta(seconds=5)"),
    constructor("Run('1000ba')", "timedelta(seconds=5)"),
    constructor("LinearScheduler()", "timedelta(seconds=5)"),
]
