"""Forks while a thread uses epochal for the first time, and uses it in the children too.

Prints how many children ended well, how many did not end, and how many there were.
"""

import os
import sys
import threading
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
from epochal import CosineAnnealingScheduler, FunctionSchedule, Run, Timestamp

SECONDS = 30
RUN = Run("10ba", batches_per_epoch=5)
COSINE = CosineAnnealingScheduler("10ba")


def falling(state: Any) -> float:
    return float(1 / (1 + state.timestamp.batch.value))


def use() -> None:
    timestamp = Timestamp(batch=3, total_wct=timedelta(seconds=7))
    state = SimpleNamespace(timestamp=timestamp, max_duration="10ba", dataloader_len=5)
    curve = COSINE.resolve(RUN)
    COSINE(state)
    FunctionSchedule(falling)(state)
    curve(np.arange(10))
    curve({"ba": [1, 2]})
    _ = timestamp.total_wct


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


if __name__ == "__main__":
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
    sys.stdout.write(f"{codes.count(0)} {codes.count(None)} {len(children)}\n")
