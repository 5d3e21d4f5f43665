"""Resuming where only a function has changed, which no description shows; and after the end."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from epochal import Clock, LinearScheduler, Run, ScheduleError, StateError, Trainer, UnitError
from epochal._functions import State
from torch.optim.lr_scheduler import LambdaLR, StepLR
from torch.utils.data import DataLoader
from training import History, dataset, make_trainer, model


def warmup(batch: int, length: int) -> float:
    return min(1.0, (batch + 1) / length)


def with_lambda_lr(length: int, **changes: Any) -> Trainer:
    parts = model()
    optimizer = torch.optim.SGD(parts.parameters(), lr=0.5)
    return make_trainer(
        model=parts,
        optimizers=optimizer,
        schedulers=LambdaLR(optimizer, partial(warmup, length=length)),
        step_schedulers_every_batch=True,
        max_duration="6ba",
        **changes,
    )


def test_a_changed_lambda_lr(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"

    def save(trainer: Trainer) -> None:
        if trainer.clock.timestamp.batch == 3:
            trainer.save_checkpoint(path)

    with_lambda_lr(8, callbacks=save).fit()
    message = (
        r"rates of LambdaLR were \[0.25\], now they are \[0.125\].* jump from \[0.25\] to \[0.1"
    )
    with pytest.raises(StateError, match=message):
        with_lambda_lr(16, resume=path)
    later = History()
    with_lambda_lr(16, resume=path, on_change="keep", callbacks=later).fit()
    assert later.rates == [0.5 * 4 / 16, 0.5 * 5 / 16, 0.5 * 6 / 16]


def test_a_changed_function(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    trainer = make_trainer(schedulers=lambda state: 1.0, callbacks=History())
    trainer.fit()
    trainer.save_checkpoint(path)
    make_trainer(schedulers=lambda state: 1.0, resume=path)
    with pytest.raises(StateError, match=r"rates of EpochalLR were \[0.5\], now they are \[0.25\]"):
        make_trainer(schedulers=lambda state: 0.5, resume=path)

    def failing(state: State) -> float:
        raise OSError("no such table")

    with pytest.raises(OSError, match="no such table"):
        make_trainer(schedulers=failing, resume=path)


def test_a_finished_training_still_tells_its_end(tmp_path: Path) -> None:
    evaluated = {"eval_dataloader": [tuple(dataset().tensors)]}
    first = make_trainer(schedulers=LinearScheduler(), save_folder=tmp_path, **evaluated)
    first.fit()
    again = make_trainer(
        schedulers=LinearScheduler(), save_folder=tmp_path, resume=True, **evaluated
    )
    again.fit()
    assert (again.loss, again.lr, again.eval_loss) == (first.loss, first.lr, first.eval_loss)
    assert again.eval_loss is not None


@pytest.mark.parametrize("last", [{"loss": "1", "lr": [], "eval_loss": None}, {}, {"lr": ["x"]}])
def test_a_damaged_end(last: dict[str, Any], tmp_path: Path) -> None:
    make_trainer(save_folder=tmp_path).save_checkpoint()
    path = tmp_path / "ba0.pt"
    torch.save({**torch.load(path), "last": last}, path)
    with pytest.raises(StateError, match="damaged, or was changed: last"):
        make_trainer(resume=path)


def test_a_seed_that_is_too_large_changes_nothing() -> None:
    parts = model()
    optimizer = torch.optim.SGD(parts.parameters(), lr=0.5)
    scheduler = StepLR(optimizer, 10)
    with pytest.raises(ScheduleError, match="seed must be within .* not 18446744073709551616"):
        make_trainer(
            model=parts,
            optimizers=optimizer,
            schedulers=scheduler,
            scale_schedule_ratio=2.0,
            seed=2**64,
        )
    assert scheduler.step_size == 10


def test_one_loader_with_persistent_workers_for_both() -> None:
    loader: DataLoader[Any] = DataLoader(dataset(), 8, num_workers=1, persistent_workers=True)
    with pytest.raises(ScheduleError, match="pass another eval_dataloader"):
        make_trainer(train_dataloader=loader, eval_dataloader=loader)


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(FileExistsError, match="file"):
        make_trainer(save_folder=path)


def test_a_scheduler_whose_state_cannot_be_saved(tmp_path: Path) -> None:
    class Wrapping(StepLR):
        def __init__(self, optimizer: torch.optim.Optimizer) -> None:
            self.other = StepLR(optimizer, 3)
            super().__init__(optimizer, 2)

    parts = model()
    optimizer = torch.optim.SGD(parts.parameters(), lr=0.5)
    with pytest.raises(TypeError, match="tensors and plain data only, not .*StepLR"):
        make_trainer(
            model=parts,
            optimizers=optimizer,
            schedulers=Wrapping(optimizer),
            save_folder=tmp_path,
        )


def test_forgotten_ends_of_epochs() -> None:
    clock = Clock(Run("20ep", batches_per_epoch=3))

    def epochs(number: int) -> None:
        for _ in range(3 * number):
            clock.tick()
            assert not clock.done

    # An epoch may be longer than declared, which is told once, but not longer than the run.
    epochs(2)
    with pytest.warns(UserWarning, match=r"7ba in one epoch.*call clock.next_epoch\(\)"):
        epochs(1)
    epochs(17)
    clock.tick()
    with pytest.raises(UnitError, match=r"61ba in one epoch.*call clock.next_epoch\(\)"):
        _ = clock.done
