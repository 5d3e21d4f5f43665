"""torchtune's way to make a scheduler; the package itself no longer runs with PyTorch of today.

Its recipes call a function of the configuration as `function(optimizer, num_training_steps=…,
last_epoch=global_step - 1)`, and load the optimizer's state before.
"""

from typing import Any

from frameworks import page, toys
from frameworks.steps import Steps, rates

LR, STEPS, STOP = 0.1, 12, 5


def train(steps: int, global_step: int, state: Any = None) -> tuple[list[float], Any, Any]:
    """The rates, the state of the optimizer, and the schedule."""
    names = page.run("torchtune, a component")
    optimizer = toys.optimizer(LR)
    if state is not None:
        optimizer.load_state_dict(state)
    seen = Steps(optimizer)
    scheduler = names["epochal_schedule"](
        optimizer, num_training_steps=STEPS, last_epoch=global_step - 1
    )
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
    return seen.first, optimizer.state_dict(), names["schedule"]


def test_rates() -> None:
    done, _, schedule = train(STEPS, 0)
    assert done == rates(schedule, f"{STEPS}ba", LR, STEPS)


def test_resume() -> None:
    before, state, schedule = train(STOP, 0)
    after, _, _ = train(STEPS - STOP, STOP, state)
    assert before + after == rates(schedule, f"{STEPS}ba", LR, STEPS)
