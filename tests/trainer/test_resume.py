"""A training that is resumed goes on bit for bit like one that was never stopped."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from epochal import (
    CosineAnnealingWarmRestartsScheduler,
    CosineAnnealingWithWarmupScheduler,
    LinearScheduler,
    PolynomialScheduler,
    StateError,
    StepScheduler,
    Trainer,
)
from sizes import some
from torch import Tensor, nn
from torch.optim import SGD, AdamW
from torch.optim import lr_scheduler as lrs
from torch.utils.data import Dataset, IterableDataset
from training import BATCHES, History, assert_same, dataset, everything, loader, make_trainer, model

Make = Callable[..., Trainer]
EPOCHS = 3
STEPS = EPOCHS * BATCHES


def assert_resumes(make: Make, folder: Path, stops: Any = range(STEPS + 1)) -> History:
    """From each of the stops, in a new Trainer with all else new."""
    alone = History()
    trainer = make(callbacks=alone)
    trainer.fit()
    expected = everything(trainer)

    class Saver(History):
        def fit_start(self, trainer: Trainer) -> None:
            trainer.save_checkpoint(folder / "ba0.pt")

    saver = Saver()
    make(callbacks=saver, save_folder=folder, save_interval="1ba").fit()
    assert saver.rows == alone.rows  # to save changes nothing
    for stop in some(stops, 4):
        # A process that has just been started knows nothing of those random numbers.
        torch.manual_seed(99)
        random.seed(99)
        np.random.seed(99)  # noqa: NPY002
        history = History()
        resumed = make(callbacks=history, resume=folder / f"ba{stop}.pt")
        assert resumed.clock.timestamp.batch == stop
        resumed.fit()
        assert history.rows == alone.rows[stop:], stop
        assert_same(expected, everything(resumed))
    return alone


# Optimizers and schedulers


def with_optimizer(make_optimizer: Any, make_scheduler: Any = None, **settings: Any) -> Make:
    def make(**changes: Any) -> Trainer:
        parts = model()
        optimizer = make_optimizer(parts.parameters())
        schedulers = make_scheduler(optimizer) if make_scheduler else None
        arguments = {"schedulers": schedulers, **settings, **changes}
        return make_trainer(model=parts, optimizers=optimizer, **arguments)

    return make


def sgd(parameters: Any) -> SGD:
    return SGD(parameters, lr=0.5, momentum=0.9, nesterov=True)


def adamw(parameters: Any) -> AdamW:
    return AdamW(parameters, lr=0.01)


@pytest.mark.parametrize("optimizer", [sgd, adamw])
def test_from_every_batch(optimizer: Any, tmp_path: Path) -> None:
    """The start, each mid-epoch, each end of an epoch and the end."""
    schedules = lambda _: [CosineAnnealingWithWarmupScheduler("4ba"), LinearScheduler(1, 0.5)]  # noqa: E731
    history = assert_resumes(with_optimizer(optimizer, schedules), tmp_path)
    assert len(set(history.rates)) == len(set(history.losses)) == STEPS


def sequential(optimizer: Any) -> lrs.LRScheduler:
    parts = [lrs.LinearLR(optimizer, 0.25, total_iters=4), lrs.CosineAnnealingLR(optimizer, 6)]
    return lrs.SequentialLR(optimizer, parts, milestones=[4])


def chained(optimizer: Any) -> lrs.LRScheduler:
    return lrs.ChainedScheduler([lrs.ExponentialLR(optimizer, 0.9), lrs.StepLR(optimizer, 2)])


PYTORCH: list[tuple[Any, float]] = [
    (lambda optimizer: lrs.StepLR(optimizer, 2, 0.5), 1.5),
    (lambda optimizer: lrs.MultiStepLR(optimizer, [2, 4, 6], 0.5), 0.5),
    (lambda optimizer: lrs.LambdaLR(optimizer, lambda k: 1 / (1 + k)), 1),
    (lambda optimizer: lrs.CosineAnnealingLR(optimizer, 8), 1.5),
    (lambda optimizer: lrs.CosineAnnealingWarmRestarts(optimizer, 2, 2), 2),
    (lambda optimizer: lrs.CyclicLR(optimizer, 0.1, 0.4, 2, 3), 2),
    (lambda optimizer: lrs.OneCycleLR(optimizer, 0.9, 30), 0.5),
    (sequential, 2),
    (chained, 2),
]


@pytest.mark.parametrize("every_batch", [True, None])
@pytest.mark.parametrize("number", range(len(PYTORCH)))
def test_pytorch_schedulers(number: int, every_batch: bool | None, tmp_path: Path) -> None:
    scheduler, ratio = PYTORCH[number]
    settings: dict[str, Any] = {
        "scale_schedule_ratio": ratio,
        "step_schedulers_every_batch": every_batch,
    }
    settings["max_duration"] = {0.5: "16ba", 1.5: "5ba", 1: "7ba", 2: "4ba"}[ratio]
    make = with_optimizer(sgd, scheduler, **settings)
    assert_resumes(make, tmp_path, stops=[1, 3, 5, 7])


@pytest.mark.parametrize("every_batch", [True, False, None])
@pytest.mark.parametrize(
    "schedule",
    [
        CosineAnnealingWithWarmupScheduler("12sp", "50sp"),
        CosineAnnealingWarmRestartsScheduler("2ba", 1.5),
        PolynomialScheduler(2.0, "300tok"),
        StepScheduler("1ep", 0.5),
        lambda state: 1 / (1 + state.timestamp.sample.value),
    ],
)
def test_schedules(schedule: Any, every_batch: bool | None, tmp_path: Path) -> None:
    make = with_optimizer(
        adamw,
        lambda _: schedule,
        step_schedulers_every_batch=every_batch,
        get_num_tokens=lambda batch: 7 * len(batch[0]) - 3,
    )
    assert_resumes(make, tmp_path, stops=[2, 3, 5])


@pytest.mark.parametrize("every_batch", [True, False, None])
def test_the_rates_are_right_at_once(every_batch: bool | None, tmp_path: Path) -> None:
    """In mid-epoch, before the next step of the scheduler."""
    make = with_optimizer(sgd, lambda _: LinearScheduler(), step_schedulers_every_batch=every_batch)
    make(save_folder=tmp_path, save_interval="1ba").fit()
    resumed = make(resume=tmp_path / "ba5.pt")
    rate = 0.5 * (1 - (5 if every_batch is not False else 3) / STEPS)
    assert resumed.optimizers[0].param_groups[0]["lr"] == pytest.approx(rate, rel=1e-15)
    assert resumed.schedulers[0].get_last_lr() == [resumed.optimizers[0].param_groups[0]["lr"]]


def test_several_optimizers_of_both_kinds(tmp_path: Path) -> None:
    def make(**changes: Any) -> Trainer:
        parts = model()
        optimizers = [sgd(parts[0].parameters()), adamw(parts[3].parameters())]
        schedulers = [lrs.StepLR(optimizers[0], 1, 0.5), LinearScheduler()]
        return make_trainer(model=parts, optimizers=optimizers, schedulers=schedulers, **changes)

    history = assert_resumes(make, tmp_path, stops=[0, 2, 3, 7])
    assert history.rows[4][2] == [0.25, 0.01 * (1 - 4 / STEPS)]


def test_tensor_rates_and_frozen_statistics(tmp_path: Path) -> None:
    def make(**changes: Any) -> Trainer:
        parts = nn.Sequential(model(), nn.BatchNorm1d(3))
        optimizer = AdamW(parts.parameters(), lr=torch.tensor(0.01))
        return make_trainer(
            model=parts, optimizers=optimizer, schedulers=LinearScheduler(), **changes
        )

    assert_resumes(make, tmp_path, stops=[2, 3])


def test_gradients_in_parts_and_evaluation_in_between(tmp_path: Path) -> None:
    """The evaluation draws random numbers, too."""
    make = with_optimizer(
        sgd, grad_accum=2, eval_interval="2ba", eval_dataloader=loader(), max_duration="8ba"
    )
    assert_resumes(make, tmp_path, stops=[1, 2, 3, 4, 7])


# Data


class Noisy(Dataset[Any]):
    """Draws from each of the sources for each sample."""

    def __len__(self) -> int:
        return len(dataset())

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        inputs, target = dataset()[index]
        noise = random.random() + np.random.rand() + torch.rand(()).item()  # noqa: NPY002
        return inputs + 0.1 * noise, target


class Stream(IterableDataset[Any]):
    """Without length; each epoch is another."""

    def __iter__(self) -> Iterator[Any]:
        start = int(torch.randint(3, ()))
        for index in range(start, start + 15):
            yield dataset()[index]


LOADERS: dict[str, Callable[[], Any]] = {
    "in order": lambda: loader(shuffle=False),
    "generator": lambda: loader(generator=torch.Generator().manual_seed(3)),
    "replacement": lambda: loader(
        shuffle=False,
        sampler=torch.utils.data.RandomSampler(
            dataset(), replacement=True, generator=torch.Generator().manual_seed(4)
        ),
        generator=torch.Generator().manual_seed(5),
    ),
    "transforms": lambda: loader(dataset=Noisy()),
    "stream": lambda: loader(dataset=Stream(), shuffle=False),
    "list": lambda: list(loader(shuffle=False)),
    "workers": lambda: loader(dataset=Noisy(), num_workers=2),
}


@pytest.mark.parametrize("name", LOADERS)
def test_data(name: str, tmp_path: Path) -> None:
    def make(**changes: Any) -> Trainer:
        return make_trainer(train_dataloader=LOADERS[name](), max_duration="7ba", **changes)

    length = 2 if name == "stream" else BATCHES
    # In an epoch, at its end, and in a later one.
    history = assert_resumes(make, tmp_path, stops=[0, 1, length, length + 1, 7][-4:])
    assert len(set(history.losses)) == 7


def test_a_stream_in_epochs_is_resumed_at_its_end(tmp_path: Path) -> None:
    """That an epoch has ended is known only when there is no further batch."""

    def make(**changes: Any) -> Trainer:
        return make_trainer(train_dataloader=LOADERS["stream"](), **changes)

    assert_resumes(make, tmp_path, stops=[1, 2, 3, 4, 6])


def test_less_data_than_before(tmp_path: Path) -> None:
    trainer = make_trainer(train_dataloader=LOADERS["stream"](), max_duration="2ba")
    trainer.fit()
    trainer.save_checkpoint(tmp_path / "x.pt")
    short = loader(dataset=Stream(), shuffle=False, batch_size=20)
    resumed = make_trainer(train_dataloader=short, max_duration="2ba", resume=tmp_path / "x.pt")
    with pytest.raises(StateError, match="at batch 2 of the epoch, but train_dataloader gives"):
        resumed.fit("3ba")


def test_other_generators(tmp_path: Path) -> None:
    make_trainer(save_folder=tmp_path).fit()
    with pytest.raises(StateError, match="samplers have 1 generators, but had 0 when the random"):
        make_trainer(train_dataloader=LOADERS["generator"](), save_folder=tmp_path, resume=True)


# Runs in several parts


@pytest.mark.parametrize("stop", ["4ba", "2ep"])
def test_a_second_fit_after_a_resume(stop: str, tmp_path: Path) -> None:
    """In mid-epoch and at the end of an epoch; each part as long as it was."""

    def make(**changes: Any) -> Trainer:
        settings = {"max_duration": stop, "schedulers": StepScheduler("2ba", 0.5)}
        return make_trainer(**settings, **changes)

    alone, resumed = History(), History()
    trainer = make(callbacks=alone)
    trainer.fit()
    trainer.save_checkpoint(tmp_path / "x.pt")
    trainer.fit("3ep")
    torch.manual_seed(99)
    other = make(callbacks=resumed, resume=tmp_path / "x.pt")
    other.fit()  # is there already
    assert resumed.rows == []
    other.fit("3ep")
    assert resumed.rows == alone.rows[-len(resumed.rows) :]
    assert len(alone.rows) == STEPS
    assert_same(everything(trainer), everything(other))


def test_a_chain_of_resumes(tmp_path: Path) -> None:
    """Stopped by an error in each second batch."""

    class Stop(Exception):
        pass

    def stop(trainer: Trainer) -> None:
        if trainer.clock.timestamp.batch % 2 == 0:
            trainer.save_checkpoint()
            raise Stop

    make = with_optimizer(sgd, lambda _: CosineAnnealingWithWarmupScheduler("4ba"))
    alone, parts = History(), History()
    make(callbacks=alone).fit()
    for _ in range(STEPS // 2):
        trainer = make(callbacks=[parts, stop], save_folder=tmp_path, resume=True)
        with pytest.raises(Stop):
            trainer.fit()
    make(callbacks=parts, save_folder=tmp_path, resume=True).fit()
    assert parts.rows == alone.rows


# Which checkpoint


def test_resume_true_starts_anew_without_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    trainer = make_trainer(save_folder=tmp_path, resume=True)
    assert trainer.clock.timestamp.batch == 0
    trainer.fit()
    assert sorted(os.listdir(tmp_path)) == ["ba3.pt", "ba6.pt", "ba9.pt", "notes.txt"]
    make_trainer(save_folder=tmp_path / "new", resume=True).fit()
    assert make_trainer(save_folder=tmp_path, resume=True).clock.done


@pytest.mark.parametrize("resume", [False, None])
def test_without_resume_trainings_are_not_mixed(resume: bool | None, tmp_path: Path) -> None:
    make_trainer(save_folder=tmp_path, resume=resume).fit()
    with pytest.raises(
        StateError, match=r"checkpoints of another training, up to batch 9: pass resume=True"
    ):
        make_trainer(save_folder=tmp_path, resume=resume)
    with pytest.raises(TypeError, match="resume=True looks .* in save_folder, which is missing"):
        make_trainer(resume=True)


def test_later_checkpoints_are_in_the_way(tmp_path: Path) -> None:
    make_trainer(save_folder=tmp_path).fit()
    with pytest.raises(StateError, match="later checkpoints, up to batch 9, than batch 6"):
        make_trainer(save_folder=tmp_path, resume=tmp_path / "ba6.pt")
    (tmp_path / "ba9.pt").unlink()
    make_trainer(save_folder=tmp_path, resume=tmp_path / "ba6.pt").fit()
    assert (tmp_path / "ba9.pt").exists()
    other = make_trainer(save_folder=tmp_path / "new", resume=str(tmp_path / "ba6.pt"))
    other.fit()
    assert os.listdir(tmp_path / "new") == ["ba9.pt"]


def test_the_last_checkpoint_is_written(tmp_path: Path) -> None:
    """Once, into the folder, whatever was written elsewhere."""
    times = []

    def elsewhere(trainer: Trainer) -> None:
        trainer.save_checkpoint(tmp_path / "latest.pt")

    trainer = make_trainer(
        save_folder=tmp_path / "a", save_interval="4ba", max_duration="5ba", callbacks=elsewhere
    )
    trainer.fit()
    assert sorted(os.listdir(tmp_path / "a")) == ["ba4.pt", "ba5.pt"]
    times.append((tmp_path / "a" / "ba5.pt").stat().st_mtime_ns)
    make_trainer(
        save_folder=tmp_path / "a", save_interval="4ba", max_duration="5ba", resume=True
    ).fit()
    times.append((tmp_path / "a" / "ba5.pt").stat().st_mtime_ns)
    assert times[0] == times[1]
    # The checkpoint of another folder is not in this one.
    make_trainer(
        save_folder=tmp_path / "b", max_duration="5ba", resume=tmp_path / "latest.pt"
    ).fit()
    assert os.listdir(tmp_path / "b") == ["ba5.pt"]
