"""A program that is started again as it was is never told that something has changed."""

import functools
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from epochal import (
    CosineAnnealingScheduler,
    CosineAnnealingWithWarmupScheduler,
    LinearScheduler,
    Run,
    Trainer,
)
from optimizers import SCHEDULES
from processes import forked
from torch.optim import SGD
from torch.optim import lr_scheduler as lrs
from training import BATCHES, History, make_trainer, model

Scheduler = Callable[[SGD], Any]


def program(scheduler: Scheduler, lr: float = 0.5, **changes: Any) -> Trainer:
    parts = model()
    optimizer = SGD(parts.parameters(), lr=lr, momentum=0.9)
    settings = {"schedulers": scheduler(optimizer), **changes}
    return make_trainer(model=parts, optimizers=optimizer, **settings)


def of_state(state: Any, ssr: float = 1.0) -> float:
    return 1 / (1 + float(state.timestamp.batch) / ssr)


class OfState:
    __module__ = "test_same_program"  # pytest imports it under another name

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, state: Any, ssr: float = 1.0) -> float:
        return self.factor * of_state(state, ssr)

    def method(self, state: Any, ssr: float = 1.0) -> float:
        return self(state, ssr)


def scaled(factor: float, state: Any) -> float:
    return factor * of_state(state)


class OfEpoch:
    def __init__(self) -> None:
        self.factors = {"a": 0.5, "b": [1.0]}

    def __call__(self, epoch: int) -> float:
        return 1 / (1 + epoch)


def sequential(optimizer: SGD) -> lrs.LRScheduler:
    parts = [lrs.LinearLR(optimizer, 0.1, total_iters=2), lrs.ExponentialLR(optimizer, 0.9)]
    return lrs.SequentialLR(optimizer, parts, milestones=[2])


def chained(optimizer: SGD) -> lrs.LRScheduler:
    return lrs.ChainedScheduler([lrs.ConstantLR(optimizer), lrs.StepLR(optimizer, 2)])


PROGRAMS: dict[str, Scheduler] = {
    **{type(schedule).__name__: lambda _, s=schedule: s for schedule in SCHEDULES},  # type: ignore[misc]
    "product": lambda _: [SCHEDULES[0] * SCHEDULES[3], SCHEDULES[5]],
    "function": lambda _: of_state,
    "lambda": lambda _: lambda state: 0.5,
    "partial": lambda _: functools.partial(scaled, 0.5),
    "object": lambda _: OfState(0.5),
    "method": lambda _: OfState(0.5).method,
    "NumPy": lambda _: CosineAnnealingWithWarmupScheduler("2ba", alpha_f=float(np.float32(0.1))),
    "products of functions": lambda _: [of_state, LinearScheduler(), OfState(2.0)],
    "none": lambda _: None,
    "StepLR": lambda optimizer: lrs.StepLR(optimizer, 2),
    "MultiStepLR": lambda optimizer: lrs.MultiStepLR(optimizer, [4, 2]),
    "ConstantLR": lrs.ConstantLR,
    "LinearLR": lambda optimizer: lrs.LinearLR(optimizer, 1 / 3),
    "ExponentialLR": lambda optimizer: lrs.ExponentialLR(optimizer, 0.9),
    "PolynomialLR": lrs.PolynomialLR,
    "CosineAnnealingLR": lambda optimizer: lrs.CosineAnnealingLR(optimizer, 4),
    "restarts": lambda optimizer: lrs.CosineAnnealingWarmRestarts(optimizer, 2),
    "CyclicLR": lambda optimizer: lrs.CyclicLR(optimizer, 0.1, 0.5, 2, mode="exp_range"),
    "CyclicLR, function": lambda optimizer: lrs.CyclicLR(
        optimizer, 0.1, 0.5, 2, scale_fn=lambda x: x / 2
    ),
    "OneCycleLR": lambda optimizer: lrs.OneCycleLR(optimizer, 0.9, 12),
    "SequentialLR": sequential,
    "ChainedScheduler": chained,
    "LambdaLR": lambda optimizer: lrs.LambdaLR(optimizer, lambda epoch: 0.9),
    "LambdaLR, object": lambda optimizer: lrs.LambdaLR(optimizer, OfEpoch()),
    "LambdaLR, partial": lambda optimizer: lrs.LambdaLR(optimizer, functools.partial(max, 1)),
    "MultiplicativeLR": lambda optimizer: lrs.MultiplicativeLR(optimizer, lambda epoch: 0.9),
}


def program_of(name: str, **changes: Any) -> Trainer:
    rates = {"samples_per_batch": 7, "tokens_per_batch": 100}
    return program(PROGRAMS[name], lr=0.1 + 0.2, **rates, **changes)


def test_the_same_program_in_another_process(tmp_path: Path) -> None:
    expected = {}
    for name in PROGRAMS:
        history = History()

        def save(trainer: Trainer, path: Path = tmp_path / name) -> None:
            if trainer.clock.timestamp.batch == 4:
                trainer.save_checkpoint(path)

        program_of(name, callbacks=[history, save]).fit()
        expected[name] = " ".join(rate.hex() for rate in history.rates[4:])
        assert len(history.rates) == 3 * BATCHES
    done = forked(Path(__file__), str(tmp_path))
    assert done.returncode == 0, done.stderr
    seed, *lines = done.stdout.splitlines()
    # Sets have another order there, unless it has been said that they have not.
    assert int(seed) != hash("seed") or "PYTHONHASHSEED" in os.environ
    assert dict(line.partition(": ")[::2] for line in lines) == expected


def resume_all(folder: str) -> None:
    """In the other process. An error of one says its name."""
    print(hash("seed"))
    for name in PROGRAMS:
        history = History()
        try:
            program_of(name, resume=Path(folder) / name, callbacks=history).fit()
        except Exception as error:
            error.add_note(name)
            raise
        print(f"{name}: {' '.join(rate.hex() for rate in history.rates)}")


def test_values_of_numpy_are_the_same_settings(tmp_path: Path) -> None:
    """And so are other ways to write a number or a time."""
    path = tmp_path / "x.pt"
    first = program(lambda _: CosineAnnealingScheduler("9ba", 0), max_duration="9ba", lr=0.5)
    first.save_checkpoint(path)
    trainer = program(
        lambda _: CosineAnnealingScheduler("9 BA", float(np.float64(0.0))),
        max_duration="9e0ba",
        lr=np.float64(0.5),
        scale_schedule_ratio=1,
        resume=path,
    )
    assert trainer.run == Run("9ba", batches_per_epoch=BATCHES)


if __name__ == "__main__":
    warnings.simplefilter("error")
    # As conftest.py has it: older versions of PyTorch warn of what they do themselves.
    warnings.filterwarnings("ignore", "The epoch parameter in", UserWarning)
    resume_all(sys.argv[1])
