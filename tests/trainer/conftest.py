"""What several of these files compare with."""

import pytest
from epochal import LinearScheduler
from training import History, make_trainer


@pytest.fixture(scope="module")
def alone() -> History:
    """Of a training that is neither stopped nor interrupted."""
    history = History()
    make_trainer(schedulers=LinearScheduler(), callbacks=history).fit()
    return history
