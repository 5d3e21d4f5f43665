"""What several of these files compare with."""

import os
import traceback
from collections.abc import Iterator

import pytest
from epochal import LinearScheduler
from training import History, make_trainer


@pytest.fixture(scope="session", autouse=True)
def nothing_waits() -> Iterator[None]:
    """What takes longer than these trainings: PyTorch writes the stack down at each seed, once for
    each kind of device that is not there, and a checkpoint waits for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(traceback, "format_stack", lambda *args, **kwargs: [])
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="module")
def alone() -> History:
    """Of a training that is neither stopped nor interrupted."""
    history = History()
    make_trainer(schedulers=LinearScheduler(), callbacks=history).fit()
    return history
