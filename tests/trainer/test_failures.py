"""Errors while the Trainer trains: what is said, and that it stands before the bad batch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from epochal import (
    EpochalError,
    LinearScheduler,
    LossError,
    ScheduleError,
    Trainer,
    UnitError,
)
from epochal._functions import State
from torch import Tensor
from torch.nn.functional import cross_entropy
from training import History, loader, make_trainer, weights

NAN, INF = float("nan"), float("inf")


def trained_to(trainer: Trainer, error: type[Exception], text: str) -> tuple[Any, Any]:
    """Where it was before the batch that failed, and where it is."""
    before: list[Any] = []

    def note(trainer: Trainer) -> None:
        before[:] = [state(trainer)]

    note(trainer)
    trainer._hooks["batch_end"].append(note)
    with pytest.raises(error, match=text):
        trainer.fit()
    return before[0], state(trainer)


def state(trainer: Trainer) -> Any:
    optimizers = [str(optimizer.state_dict()) for optimizer in trainer.optimizers]
    schedulers = [str(scheduler.state_dict()) for scheduler in trainer.schedulers]
    time = trainer.clock.timestamp.state_dict()
    return [w.tolist() for w in weights(trainer.model)], optimizers, schedulers, time


def spoiled(value: float, at: int) -> Callable[[Tensor, Tensor], Tensor]:
    calls: list[int] = []

    def loss_fn(outputs: Tensor, targets: Tensor) -> Tensor:
        calls.append(1)
        loss = cross_entropy(outputs, targets)
        return loss * value if len(calls) == at + 1 else loss

    return loss_fn


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("parts", [1, 4])
def test_a_loss_that_is_not_finite(value: float, parts: int, tmp_path: Path) -> None:
    trainer = make_trainer(
        loss_fn=spoiled(value, 4 * parts - (parts > 1)),
        schedulers=LinearScheduler(),
        grad_accum=parts,
        save_folder=tmp_path,
        save_interval="2ba",
        train_dataloader=loader(drop_last=True),
        max_duration="8ba",
    )
    batch, rate = (4, 0.25) if parts == 1 else (3, 0.3125)
    text = f"loss is {value} at batch {batch}, with the learning rates .{rate}.: stopped before"
    before, after = trained_to(trainer, LossError, text)
    assert after == before
    assert trainer.clock.timestamp.batch == batch
    saved = {"ba2.pt", "ba4.pt"} if batch == 4 else {"ba2.pt"}
    assert {path.name for path in tmp_path.iterdir()} == saved
    assert issubclass(LossError, EpochalError)
    # It was this once: the same batch goes well now.
    trainer.fit()
    assert trainer.clock.timestamp.batch == 8


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"loss_fn": lambda o, t: 0.5}, TypeError, "loss must be a tensor.*not 0.5"),
        ({"loss_fn": lambda o, t: None}, TypeError, "loss must be a tensor.*not None"),
        (
            {"loss_fn": lambda o, t: o},
            TypeError,
            r"tensor of one number, not of shape .8, 3.",
        ),
        ({"train_dataloader": [torch.zeros(8, 4)]}, TypeError, "batch must be.*Tensor.*train_step"),
        ({"train_dataloader": [(torch.zeros(8, 4),)]}, TypeError, "inputs, targets.*tuple of 1"),
        ({"train_dataloader": [5]}, TypeError, "int holds no tensor.*get_num_samples"),
        ({"get_num_samples": lambda b: -1}, ScheduleError, "get_num_samples.*0 or more, not -1"),
        ({"get_num_samples": lambda b: 1.5}, TypeError, "get_num_samples.*whole number, not 1.5"),
        ({"get_num_tokens": lambda b: None}, TypeError, "get_num_tokens.*whole number, not None"),
        ({"get_num_tokens": lambda b: True}, TypeError, "get_num_tokens.*whole number, not True"),
        ({"grad_accum": 2, "get_num_samples": lambda b: 0}, ScheduleError, "get_num_samples.*none"),
        (
            {"grad_accum": 2, "train_dataloader": [(torch.zeros(4, 4), "text")]},
            TypeError,
            "grad_accum.*Tensor, str",
        ),
    ],
)
def test_a_batch_that_cannot_be_trained(
    changes: dict[str, Any], error: type[Exception], text: str
) -> None:
    before, after = trained_to(make_trainer(**changes), error, text)
    assert after == before


@pytest.mark.parametrize(
    ("changes", "unit"),
    [
        ({"max_duration": "9tok", "get_num_tokens": lambda batch: 0}, "tok"),
        ({"max_duration": "9sp", "get_num_samples": lambda batch: 0}, "sp"),
        ({"schedulers": LinearScheduler(t_max="9tok"), "get_num_tokens": lambda batch: 0}, "tok"),
        ({"eval_interval": "9tok", "get_num_tokens": lambda batch: 0}, "tok"),
    ],
)
def test_a_clock_that_does_not_move(changes: dict[str, Any], unit: str) -> None:
    """It is known after the first batch; no schedule stays where it is, and no loop is endless."""
    trainer = make_trainer(**changes)
    with pytest.raises(UnitError, match=f"'{unit}' has not moved in 1 batch"):
        trainer.fit()
    assert trainer.clock.timestamp.batch == 1


def test_a_schedule_that_fails_for_a_longer_duration() -> None:
    """The old run goes on."""

    def picky(state: State) -> float:
        if state.max_duration > "3ba":
            raise RuntimeError("too long")
        return 0.5

    history = History()
    trainer = make_trainer(schedulers=picky, max_duration="2ba", callbacks=history)
    trainer.fit()
    with pytest.raises(RuntimeError, match="too long"):
        trainer.fit("4ba")
    assert trainer.run.max_duration == "2ba"
    trainer.fit("3ba")
    assert history.rates == [0.25] * 3
