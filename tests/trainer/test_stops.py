"""How a training is ended from within and from without: `stop()`, signals, Ctrl-C, half a step."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from epochal import EpochalError, LinearScheduler, StateError, Trainer
from epochal.trainer._signals import ENDING
from processes import python, python_path, torchrun
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR
from training import (
    BATCHES,
    History,
    assert_same,
    dataset,
    everything,
    loader,
    make_trainer,
    model,
    weights,
)

STEPS = 3 * BATCHES


def at(batch: int, do: Callable[[Trainer], object], times: int = 1) -> Callable[[Trainer], None]:
    """A callback that does something after a batch, so many times."""
    left = [times]

    def callback(trainer: Trainer) -> None:
        if trainer.clock.timestamp.batch == batch and left[0]:
            left[0] -= 1
            do(trainer)

    return callback


def send(number: int) -> Callable[[object], None]:
    return lambda trainer: signal.raise_signal(number)


@pytest.fixture(scope="module")
def alone() -> History:
    history = History()
    make_trainer(schedulers=LinearScheduler(), callbacks=history).fit()
    return history


@contextmanager
def handlers_unchanged() -> Iterator[None]:
    numbers = [signal.SIGINT, *ENDING]
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


# stop()


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
    done = torchrun(2, Path(__file__), str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("stopped at 4ba") == 2
    assert os.listdir(tmp_path) == ["ba4.pt"]


def on_ranks(folder: Path) -> None:
    from torch import distributed
    from torch.nn.parallel import DistributedDataParallel
    from torch.utils.data import DataLoader, DistributedSampler

    distributed.init_process_group("gloo")
    module, data = DistributedDataParallel(model()), dataset(40)
    receives = distributed.get_rank() == 1
    trainer = make_trainer(
        model=module,
        optimizers=SGD(module.parameters(), lr=0.5),
        train_dataloader=DataLoader(data, batch_size=4, sampler=DistributedSampler(data)),
        callbacks=at(4, send(signal.SIGTERM)) if receives else (),
        save_folder=folder,
        save_interval="100ba",
        save_on_signal=True,
    )
    trainer.fit()
    print(f"stopped at {trainer.clock.timestamp.batch}\n", end="", flush=True)
    del trainer, module
    distributed.barrier()
    distributed.destroy_process_group()


# Ctrl-C


def test_ctrl_c_waits_for_a_place_between(alone: History) -> None:
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


def test_ctrl_c_twice_does_not_wait(alone: History) -> None:
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


def test_ctrl_c_at_the_very_end_is_not_lost(alone: History) -> None:
    history = History()
    trainer = make_trainer(
        schedulers=LinearScheduler(), callbacks=[history, at(STEPS, send(signal.SIGINT))]
    )
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    assert history.rows == alone.rows
    trainer.fit()
    assert history.rows == alone.rows


def test_ctrl_c_in_an_evaluation() -> None:
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


def test_ctrl_c_at_any_moment(tmp_path: Path) -> None:
    """By a timer, so in the middle of whatever is done then: Python of the optimizer too."""
    program = """
import random, signal, sys
from test_stops import at_any_moment
at_any_moment(random.Random(int(sys.argv[1])))
"""
    for seed in range(2):
        command = ["-W", "error", "-c", program, str(seed)]
        done = python(*command, PYTHONPATH=python_path(__file__))
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) > 10


def at_any_moment(rng: Any) -> None:
    def make(history: History) -> Trainer:
        parts = nn.Sequential(*model(), nn.BatchNorm1d(3))
        optimizer = torch.optim.AdamW(parts.parameters(), lr=0.01, foreach=False)
        return make_trainer(
            model=parts,
            optimizers=optimizer,
            schedulers=StepLR(optimizer, 3, 0.9),
            step_schedulers_every_batch=True,
            callbacks=history,
            max_duration="150ba",
            train_dataloader=loader(drop_last=True),
        )

    left_alone, history = History(), History()
    expected = make(left_alone)
    expected.fit()
    trainer = make(history)
    interruptions = 0
    signal.signal(signal.SIGALRM, lambda *args: signal.raise_signal(signal.SIGINT))
    finished = False
    # The clock is done before the callbacks of the last batch have been called.
    while not finished:
        try:
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.001, 0.02))
            trainer.fit()
            signal.setitimer(signal.ITIMER_REAL, 0)
            finished = True
        except KeyboardInterrupt:
            interruptions += 1
    assert history.rows == left_alone.rows
    assert_same(everything(expected), everything(trainer))
    print(interruptions)


# Half a step, and checkpoints in between


class Breaks(SGD):
    """Raises once in the middle of a step, when some parameters have been written."""

    broken = False

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        first, *_ = self.param_groups[0]["params"]
        with torch.no_grad():
            first.add_(1.0)
        if not self.broken and self.steps == 4:
            self.broken = True
            raise MemoryError
        self.steps += 1

    steps = 0


def test_half_a_step_cannot_be_taken_up(tmp_path: Path) -> None:
    parts = model()
    trainer = make_trainer(
        model=parts,
        optimizers=Breaks(parts.parameters(), lr=0.5),
        save_folder=tmp_path,
        save_interval="2ba",
    )
    with pytest.raises(MemoryError):
        trainer.fit()
    before = weights(parts)
    text = "the step of Breaks was interrupted.* written in part.*resume from a checkpoint"
    for _ in range(2):
        with pytest.raises(StateError, match=text):
            trainer.fit()
        with pytest.raises(StateError, match=text):
            trainer.save_checkpoint()
    assert all(map(torch.equal, before, weights(parts)))
    assert sorted(os.listdir(tmp_path)) == ["ba2.pt", "ba4.pt"]


class Own(SGD):
    """Calls the step of its superclass, whose hooks are called too, and raises once after it."""

    steps, broken = 0, False

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        super().step()
        self.steps += 1
        if self.steps == 4 and not self.broken:
            self.broken = True
            raise MemoryError


def test_half_a_step_of_a_subclass() -> None:
    """What its superclass has done is not all of it."""
    parts = model()
    SGD(parts.parameters(), lr=0.5)  # from now on the hooks of SGD itself are called too
    trainer = make_trainer(model=parts, optimizers=Own(parts.parameters(), lr=0.5))
    with pytest.raises(MemoryError):
        trainer.fit()
    with pytest.raises(StateError, match="the step of Own was interrupted"):
        trainer.fit()
    optimizer = Own(parts.parameters(), lr=0.5)
    optimizer.broken = True
    make_trainer(model=parts, optimizers=optimizer).fit()
    assert optimizer.steps == STEPS


def interrupted(place: str, trainer: Trainer, patch: pytest.MonkeyPatch) -> None:
    """In the fifth batch."""

    def once(call: Callable[..., Any], calls: int, before: bool) -> Callable[..., Any]:
        made: list[int] = []

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            made.append(1)
            if before and len(made) == calls:
                raise KeyboardInterrupt
            result = call(*args, **kwargs)
            if not before and len(made) == calls:
                raise KeyboardInterrupt
            return result

        return wrapped

    before = place.startswith("before")
    if "forward" in place:
        patch.setattr(trainer._gradients, "_loss", once(trainer._gradients._loss, 5, before))
    elif "step" in place:
        hook = once(lambda *args: None, 5, True)
        register = SGD.register_step_pre_hook if before else SGD.register_step_post_hook
        register(trainer.optimizers[-1], hook)
    elif "scheduler" in place:
        patch.setattr(StepLR, "step", once(StepLR.step, 5, before))
    elif "callback" in place:
        trainer._hooks["batch_end"].insert(0, at(5, send_interrupt))
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()


def send_interrupt(trainer: Trainer) -> None:
    raise KeyboardInterrupt


PLACES = ["forward", "before forward", "before step", "after step"]
PLACES += ["before scheduler", "after scheduler", "callback"]


@pytest.mark.parametrize("place", PLACES)
def test_a_checkpoint_after_an_interruption(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands between two batches, with the schedulers; the rest of a step is made before."""

    def make(**changes: Any) -> Trainer:
        parts = nn.Sequential(*model(), nn.BatchNorm1d(3))
        optimizers = [
            SGD(parts[0].parameters(), lr=0.5, momentum=0.9),
            SGD(parts[3].parameters(), lr=0.5, momentum=0.9),
        ]
        schedulers = {optimizers[0]: StepLR(optimizers[0], 2, 0.5)}
        return make_trainer(
            model=parts,
            optimizers=optimizers,
            schedulers=schedulers | {optimizers[1]: LinearScheduler()},
            step_schedulers_every_batch=True,
            train_dataloader=loader(drop_last=True),
            max_duration="8ba",
            **changes,
        )

    alone, parts = History(), History()
    expected = make(callbacks=alone)
    expected.fit()
    trainer = make(callbacks=parts)
    interrupted(place, trainer, monkeypatch)
    monkeypatch.undo()
    torch.manual_seed(77)
    trainer.save_checkpoint(tmp_path / "x.pt")
    done = 4 if "forward" in place else 5
    assert trainer.clock.timestamp.batch == done
    # In a new Trainer: what the interrupted batch had still to call is not called there.
    later = History()
    resumed = make(callbacks=later, resume=tmp_path / "x.pt")
    resumed.fit()
    assert later.rows == alone.rows[done:]
    # In the old one nothing is lost.
    trainer.fit()
    assert parts.rows == alone.rows
    for other in (resumed, trainer):
        assert_same(everything(expected), everything(other))


def test_a_longer_duration_after_an_interruption() -> None:
    """What was begun is finished under the old run."""

    history = History()
    trainer = make_trainer(
        schedulers=LinearScheduler(), callbacks=[history, at(2, send_interrupt)], max_duration="3ba"
    )
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    trainer.fit("6ba")
    assert history.rates == [0.5 * ((3 - k) / 3) for k in (0, 1)] + [
        0.5 * ((6 - k) / 6) for k in range(2, 6)
    ]
    assert trainer.clock.done


@pytest.mark.parametrize("place", ["step", "scheduler"])
def test_no_checkpoint_within_a_step(place: str, tmp_path: Path) -> None:
    parts = model()
    optimizer = SGD(parts.parameters(), lr=0.5)
    made: list[int] = []

    def save(*args: object) -> None:
        made.append(1)
        if len(made) == 3:
            trainer.save_checkpoint(tmp_path / "x.pt")

    def schedule(state: object) -> float:
        save()
        return 1.0

    trainer = make_trainer(
        model=parts,
        optimizers=optimizer,
        schedulers=schedule if place == "scheduler" else None,
    )
    if place == "step":
        optimizer.register_step_post_hook(save)
    with pytest.raises(StateError, match="between two steps, and cannot be made within one"):
        trainer.fit()
    assert os.listdir(tmp_path) == []


def test_a_checkpoint_at_the_start_of_a_second_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the random numbers of the training, not those of what came in between."""

    class Save:
        def fit_start(self, trainer: Trainer) -> None:
            trainer.save_checkpoint(tmp_path / f"{int(trainer.clock.timestamp.batch)}.pt")

    alone, later = History(), History()
    make_trainer(callbacks=alone).fit()
    trainer = make_trainer(callbacks=Save())
    interrupted("callback", trainer, monkeypatch)
    torch.manual_seed(77)
    trainer.fit()
    make_trainer(callbacks=later, resume=tmp_path / "5.pt").fit()
    assert later.rows == alone.rows[5:]


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


if __name__ == "__main__":
    torch.set_num_threads(1)
    on_ranks(Path(sys.argv[1]))
