"""Forks while a thread uses epochal for the first time, and uses it in the children too.

`python first_uses.py use copies` prints for each process that forks how many of its children ended
well, how many did not end, and how many there were.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
from epochal import CosineAnnealingScheduler, FunctionSchedule, Run, Timestamp

SECONDS = 10
RUN = Run("10ba", batches_per_epoch=5)
COSINE = CosineAnnealingScheduler("10ba")


def falling(state: Any) -> float:
    return float(1 / (1 + state.timestamp.batch.value))


def an_array() -> None:
    COSINE.resolve(RUN)(np.arange(10))


def a_mapping() -> None:
    COSINE.resolve(RUN)(MappingProxyType({"ba": [1, 2]}))


def a_state() -> None:
    timestamp = Timestamp(batch=3, total_wct=timedelta(seconds=7))
    state = SimpleNamespace(timestamp=timestamp, max_duration="10ba", dataloader_len=5)
    COSINE(state)
    FunctionSchedule(falling)(state)
    _ = timestamp.total_wct


USES: tuple[Callable[[], None], ...] = (an_array, a_mapping, a_state)


def end(child: int, until: float) -> int | None:
    """Its exit code; None if it has none at that time."""
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return None


def forks(use: Callable[[], None]) -> bool:
    """Whether all children end well."""
    sys.setswitchinterval(1e-6)  # a fork wherever one may be
    thread = threading.Thread(target=use)
    thread.start()
    children: list[int] = []
    while thread.is_alive() or not children:
        child = os.fork()
        if child == 0:
            use()
            os._exit(0)
        children.append(child)
    thread.join()
    until = time.monotonic() + SECONDS
    codes = [end(child, until) for child in children]
    os.write(1, f"{codes.count(0)} {codes.count(None)} {len(children)}\n".encode())
    return codes.count(0) == len(children)


def main(name: str, copies: int) -> None:
    """In processes that are copies of this one, until one of them does not do well, and in it."""
    use = next(use for use in USES if use.__name__ == name)
    for _ in range(copies):
        copy = os.fork()
        if copy == 0:
            os._exit(not forks(use))
        if os.waitpid(copy, 0)[1]:
            break
    forks(use)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
