"""How a training is ended in order: by `stop()`, and by the signals with which jobs are ended."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from epochal import EpochalError, LinearScheduler, Trainer
from epochal.trainer._signals import ENDING
from processes import ranks
from torch import Tensor
from torch.nn.functional import cross_entropy
from training import BATCHES, History, at, handlers_unchanged, make_trainer, send

PROGRAM = Path(__file__).with_name("stop_on_ranks.py")


class Hooks:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def fit_start(self, trainer: Trainer) -> None:
        self.calls.append("start")

    def epoch_end(self, trainer: Trainer) -> None:
        self.calls.append(f"epoch {int(trainer.clock.timestamp.epoch)}")

    def fit_end(self, trainer: Trainer) -> None:
        self.calls.append(f"end {int(trainer.clock.timestamp.batch)}")


@pytest.mark.parametrize("batch", [1, 3, 4, 9])
def test_stop(batch: int, alone: History, tmp_path: Path) -> None:
    """The batch is finished, with all that follows it; another fit() goes on."""
    history, hooks = History(), Hooks()
    trainer = make_trainer(
        schedulers=LinearScheduler(),
        callbacks=[at(batch, Trainer.stop), history, hooks],
        save_folder=tmp_path,
        save_interval="100ba",
    )
    trainer.fit()
    assert history.rows == alone.rows[:batch]
    epochs = [f"epoch {k + 1}" for k in range(batch // BATCHES)]
    assert hooks.calls == ["start", *epochs, f"end {batch}"]
    assert os.listdir(tmp_path) == [f"ba{batch}.pt"]
    trainer.fit()
    assert history.rows == alone.rows
    resumed = History()
    make_trainer(
        schedulers=LinearScheduler(), callbacks=resumed, resume=tmp_path / f"ba{batch}.pt"
    ).fit()
    assert resumed.rows == alone.rows[batch:]


def test_stop_before_the_first_batch() -> None:
    class Stop:
        def fit_start(self, trainer: Trainer) -> None:
            trainer.stop()

    trainer = make_trainer(callbacks=Stop())
    trainer.fit()
    trainer.stop()
    assert trainer.clock.timestamp.batch == 0
    # To stop it while it does not run says nothing of the next time.
    trainer = make_trainer()
    trainer.stop()
    trainer.fit("2ba")
    assert trainer.clock.timestamp.batch == 2


def test_fit_within_fit() -> None:
    trainer = make_trainer(callbacks=lambda trainer: trainer.fit())
    with pytest.raises(EpochalError, match=r"fit\(\) is running: call stop\(\)"):
        trainer.fit()
    assert trainer.clock.timestamp.batch == 1


# The signals by which jobs are ended


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("place", ["callback", "forward"])
def test_a_signal_that_ends_a_job(number: int, place: str, alone: History, tmp_path: Path) -> None:
    history = History()
    calls: list[int] = []

    def loss_fn(outputs: Tensor, targets: Tensor) -> Tensor:
        calls.append(1)
        if place == "forward" and len(calls) == 4:
            signal.raise_signal(number)
        return cross_entropy(outputs, targets)

    stop = [at(4, send(number))] if place == "callback" else []
    trainer = make_trainer(
        schedulers=LinearScheduler(),
        callbacks=[*stop, history],
        loss_fn=loss_fn,
        save_folder=tmp_path,
        save_interval="100ba",
        save_on_signal=True,
    )
    with handlers_unchanged():
        trainer.fit()
    assert history.rows == alone.rows[:4]
    assert os.listdir(tmp_path) == ["ba4.pt"]
    trainer.fit()
    assert history.rows == alone.rows
    assert sorted(os.listdir(tmp_path)) == ["ba4.pt", "ba9.pt"]


def test_signals_are_not_touched_unless_asked_for() -> None:
    received = []
    handler = signal.signal(signal.SIGTERM, lambda *args: received.append(1))
    try:
        trainer = make_trainer(callbacks=at(4, send(signal.SIGTERM)))
        trainer.fit()
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert received == [1]
    assert trainer.clock.done


def test_another_thread_receives_no_signals(alone: History) -> None:
    """There a training runs without them, and says so if they were asked for."""
    errors: list[Exception] = []
    history = History()

    def train(**changes: Any) -> None:
        try:
            make_trainer(schedulers=LinearScheduler(), callbacks=history, **changes).fit()
        except Exception as error:
            errors.append(error)

    for changes in ({}, {"save_on_signal": True}):
        thread = threading.Thread(target=train, kwargs=changes)
        thread.start()
        thread.join()
    assert history.rows == alone.rows
    assert [str(error) for error in errors] == [
        "save_on_signal=True needs the main thread, which alone receives signals"
    ]


def test_a_signal_that_reaches_one_rank(tmp_path: Path) -> None:
    """All of them end after the same batch."""
    done = ranks(2, PROGRAM, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("stopped at 4ba") == 2
    assert os.listdir(tmp_path) == ["ba4.pt"]
