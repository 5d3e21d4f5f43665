"""Ctrl-C: it waits for a place between two batches, and the next `fit()` goes on."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from epochal import LinearScheduler, Trainer
from processes import forked
from torch import Tensor
from torch.nn.functional import cross_entropy
from training import BATCHES, History, at, handlers_unchanged, loader, make_trainer, send

PROGRAM = Path(__file__).with_name("ctrl_c_at_any_moment.py")


def test_waits_for_a_place_between(alone: History) -> None:
    """In a forward: the batch is finished. In a callback: that too."""
    for place in ("forward", "callback"):
        history = History()
        calls: list[int] = []

        def loss_fn(
            outputs: Tensor, targets: Tensor, place: str = place, calls: list[int] = calls
        ) -> Tensor:
            calls.append(1)
            if place == "forward" and len(calls) == 4:
                signal.raise_signal(signal.SIGINT)
                calls.append(1)
            return cross_entropy(outputs, targets)

        stop = [at(4, send(signal.SIGINT))] if place == "callback" else []
        trainer = make_trainer(
            schedulers=LinearScheduler(), callbacks=[history, *stop], loss_fn=loss_fn
        )
        with handlers_unchanged(), pytest.raises(KeyboardInterrupt):
            trainer.fit()
        assert trainer.clock.timestamp.batch == (3 if place == "forward" else 4)
        trainer.fit()
        assert history.rows == alone.rows


def test_twice_does_not_wait(alone: History) -> None:
    history, calls = History(), []

    def loss_fn(outputs: Tensor, targets: Tensor) -> Tensor:
        calls.append(1)
        if len(calls) == 4:
            signal.raise_signal(signal.SIGINT)
            calls.append(2)
            signal.raise_signal(signal.SIGINT)
            calls.append(3)
        return cross_entropy(outputs, targets)

    trainer = make_trainer(schedulers=LinearScheduler(), callbacks=history, loss_fn=loss_fn)
    with handlers_unchanged(), pytest.raises(KeyboardInterrupt):
        trainer.fit()
    assert calls == [1, 1, 1, 1, 2]
    trainer.fit()
    assert history.rows == alone.rows


def test_at_the_very_end_is_not_lost(alone: History) -> None:
    history = History()
    trainer = make_trainer(
        schedulers=LinearScheduler(), callbacks=[history, at(3 * BATCHES, send(signal.SIGINT))]
    )
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    assert history.rows == alone.rows
    trainer.fit()
    assert history.rows == alone.rows


def test_in_an_evaluation() -> None:
    """It is long, so it does not wait for its end; the evaluation is made anew."""
    given: list[int] = []

    class Evaluation:
        def __iter__(self) -> Iterator[Any]:
            for number, batch in enumerate(loader(shuffle=False)):
                given.append(number)
                if given == [0, 1]:
                    signal.raise_signal(signal.SIGINT)
                yield batch

    trainer = make_trainer(eval_dataloader=Evaluation(), eval_interval="4ba", max_duration="4ba")
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    assert trainer.eval_loss is None
    trainer.fit()
    assert given == [0, 1, 0, 1, 2]
    assert trainer.eval_loss is not None


def test_a_handler_of_the_program_stays() -> None:
    received = []
    before = signal.signal(signal.SIGINT, lambda *args: received.append(1))
    try:
        make_trainer(callbacks=at(4, send(signal.SIGINT))).fit()
    finally:
        signal.signal(signal.SIGINT, before)
    assert received == [1]


def test_at_any_moment() -> None:
    """By a timer, so in the middle of whatever is done then: Python of the optimizer too."""
    for seed in range(2):
        done = forked(PROGRAM, str(seed))
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) > 10


def test_workers_that_an_interruption_has_ended(
    alone: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Ctrl-C in a terminal ends them."""

    def end_workers(trainer: Trainer) -> None:
        for worker in trainer._feed._iterator._workers:  # type: ignore[union-attr]
            worker.terminate()
            worker.join()
        raise KeyboardInterrupt

    several, history = History(), History()
    make_trainer(
        train_dataloader=loader(num_workers=2), schedulers=LinearScheduler(), callbacks=several
    ).fit()
    assert several.rates == alone.rates
    trainer = make_trainer(
        train_dataloader=loader(num_workers=2),
        schedulers=LinearScheduler(),
        callbacks=[history, at(4, end_workers)],
    )
    # The signal of a worker that ended is handled at some later moment, in whatever runs then.
    monkeypatch.setattr(torch.utils.data._utils.signal_handling, "_error_if_any_worker_fails", int)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    trainer.fit()
    assert history.rows == several.rows
