"""What several of these files compare with."""

import traceback
from collections.abc import Iterator

import pytest
from epochal import LinearScheduler
from training import History, make_trainer


@pytest.fixture(scope="session", autouse=True)
def no_stacks() -> Iterator[None]:
    """At each seed PyTorch writes the stack down, once for each kind of device that is not there:
    for an error, much later, that none of these trainings has, and longer than they take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(traceback, "format_stack", lambda *args, **kwargs: [])
        yield


@pytest.fixture(scope="module")
def alone() -> History:
    """Of a training that is neither stopped nor interrupted."""
    history = History()
    make_trainer(schedulers=LinearScheduler(), callbacks=history).fit()
    return history
