"""A batch that is interrupted in its midst: what is finished later, what cannot be, and what a
checkpoint holds that is made in between."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from epochal import LinearScheduler, StateError, Trainer
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR
from training import (
    BATCHES,
    History,
    assert_same,
    at,
    everything,
    loader,
    make_trainer,
    model,
    weights,
)


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
    assert optimizer.steps == 3 * BATCHES


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
