"""A bool is no number, and neither is one of NumPy's, whatever its version."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from epochal import Clock, EpochalError, LinearScheduler, PiecewiseScheduler, Run, Time, Timestamp
from epochal.torch import bind, scale_scheduler
from optimizers import sgd
from torch.optim.lr_scheduler import StepLR

LINEAR = LinearScheduler()
CURVE = LINEAR.resolve("10ba")
Use = Callable[[Any], object]


def bound(schedule: Any = LINEAR, **settings: Any) -> Any:
    return bind(schedule, sgd(1.0), "10ba", **settings)


USES: dict[str, Use] = {
    "Time(·, 'ba')": lambda x: Time(x, "ba"),
    "Time * ·": lambda x: Time(2, "ba") * x,
    "Time + ·": lambda x: Time(2, "ba") + x,
    "Timestamp(batch=·)": lambda x: Timestamp(batch=x),
    "Run(samples_per_batch=·)": lambda x: Run("10ba", samples_per_batch=x),
    "Run(scale_schedule_ratio=·)": lambda x: Run("10ba", scale_schedule_ratio=x),
    "LinearScheduler(·)": lambda x: LinearScheduler(x),
    "PiecewiseScheduler([(…, ·), …])": lambda x: PiecewiseScheduler([("0ba", x), ("5ba", 0.0)]),
    "schedule * ·": lambda x: LINEAR * x,
    "· + schedule": lambda x: x + LINEAR,
    "curve(·)": CURVE,
    "curve([·])": lambda x: CURVE([x]),
    "curve(array of ·)": lambda x: CURVE(np.array([x])),
    "curve.at_batch(·)": CURVE.at_batch,
    "curve.grid(step=·)": lambda x: CURVE.grid(0, 5, x),
    "Clock(every=·)": lambda x: Clock(Run("10ba"), every=x),
    "tick(samples=·)": lambda x: Clock(Run("10ba")).tick(samples=x),
    "tick(seconds=·)": lambda x: Clock(Run("10ba")).tick(seconds=x),
    "count(tokens=·)": lambda x: Clock(Run("10ba")).count(tokens=x),
    "scheduler.step(·)": lambda x: bound().step(x),
    "scheduler.factor": lambda x: setattr(bound(), "factor", x),
    "bind(base_lr=·)": lambda x: bound(base_lr=x),
    "bind({·: …})": lambda x: bound({x: LINEAR, None: LINEAR}),
    "load_state_dict({last_epoch: ·})": lambda x: bound().load_state_dict({"last_epoch": x}),
    "a function that returns ·": lambda x: bound(lambda state: x),
    "scale_scheduler(…, ·)": lambda x: scale_scheduler(StepLR(sgd(1.0), 3), x),
}


@pytest.mark.parametrize("value", [True, np.True_], ids=["bool", "NumPy's"])
@pytest.mark.parametrize("use", USES)
def test_it_is_refused(use: str, value: Any) -> None:
    with pytest.raises((TypeError, EpochalError)):
        USES[use](value)
