"""Checkpoints of a training: what is put into them, and how a training goes on from one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import nn
from torch.optim import Optimizer

from epochal import _ranks as ranks
from epochal._clock import Clock
from epochal._core import Run, StateError, Timestamp, TimeUnit, __version__
from epochal.trainer import _content as content
from epochal.trainer import _files as files
from epochal.trainer._randomness import plain_random_state
from epochal.trainer._stepping import PROGRESS, Schedulers, moment, snapshot_of_groups

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["ON_CHANGE", "Checkpoints", "Saved"]

# What to do with a checkpoint that was made under other settings.
ON_CHANGE = ("error", "keep", "restart", "cooldown")


class Saved(NamedTuple):
    """What a checkpoint tells of where its training was."""

    clock: dict[str, Any]
    loss: float | None
    lr: list[float]
    eval_loss: float | None
    random: dict[str, Any] | None
    epoch_random: dict[str, Any] | None


class Checkpoints:
    """Writes and reads the checkpoints of a training.

    Args:
        model: without a wrapper.
        optimizers, schedulers: of the training.
        loader: the dataloader.
        batches_per_epoch: its length, as far as it tells.
        folder: where checkpoints are written, if they are.
        keep_last: how many stay there, None for all.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizers: Sequence[Optimizer],
        schedulers: Schedulers,
        loader: Any,
        batches_per_epoch: int | None,
        folder: Path | None,
        keep_last: int | None,
    ) -> None:
        self.folder = folder
        self._model = model
        self._optimizers = optimizers
        self._schedulers = schedulers
        self._loader = loader
        self._batches_per_epoch = batches_per_epoch
        self._keep_last = keep_last
        # The time of the last one in the folder.
        self._saved_at: Timestamp | None = None
        if folder is not None:
            # To hear of it after hours of training would be too late.
            content.trained(model, optimizers)
            files.check_plain(schedulers.state_dict())
            folder.mkdir(parents=True, exist_ok=True)

    def find(self, resume: bool | str | PathLike[str] | None) -> tuple[Path, dict[str, Any]] | None:
        """The checkpoint to go on from and what it holds, if there is one; nothing is changed."""
        path = files.source(resume, self.folder)
        if path is None:
            return None
        state = files.load(path)
        content.check(path, state, self._model, self._optimizers)
        return path, state

    def is_due(self, now: Timestamp) -> bool:
        """Whether there is a folder, and no checkpoint of this time in it."""
        return self.folder is not None and self._saved_at != now

    def save(self, path: str | PathLike[str] | None, run: Run, saved: Saved) -> None:
        """Writes a checkpoint, by default to the folder."""
        batch = int(saved.clock["batch"])
        in_folder = path is None
        if path is None:
            if self.folder is None:
                raise TypeError("save_checkpoint() needs a path, or a save_folder")
            path = files.path_at(self.folder, batch)
        state = {
            "epochal": __version__,
            "settings": self._settings(run),
            "lr": self._schedulers.rates(),
            "last": {"loss": saved.loss, "lr": saved.lr, "eval_loss": saved.eval_loss},
            "model": self._model.state_dict(),
            "trained": content.trained(self._model, self._optimizers),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "schedulers": self._schedulers.state_dict(),
            "alphas": self._schedulers.alphas(),
            "cooldown": self._schedulers.cooldown,
            "clock": saved.clock,
            "random": ranks.gather(plain_random_state(saved.random)),
            "epoch_random": ranks.gather(plain_random_state(saved.epoch_random)),
        }
        if ranks.rank() == 0:
            files.save(state, Path(path))
            if in_folder and self._keep_last is not None:
                files.prune(Path(path).parent, batch, self._keep_last)
        if in_folder:
            self._saved_at = Timestamp.from_state_dict(saved.clock)

    def load(
        self, path: Path, state: dict[str, Any], run: Run, clock: Clock, on_change: str
    ) -> Saved | None:
        """Loads what `find` has found, or raises, and then weights and optimizers' states are as
        before. Schedulers and groups are the caller's to undo. None: the time starts from 0."""
        try:
            timestamp = Timestamp.from_state_dict(state["clock"])
            changes = self._changes(state, run, clock)
        except Exception as error:
            raise StateError(f"cannot go on from {path}: {error}") from error
        restart = bool(changes) and on_change == "restart"
        if changes and on_change == "error":
            changes += self._schedulers.apart(state["schedulers"])
            jump = self._schedulers.jump(state["lr"], timestamp)
            raise StateError(
                f"{path} was made under other settings: {'; '.join(changes)}. At batch "
                f"{timestamp.batch.value} the learning rates would {jump}. "
                "Pass on_change='keep' to go on from there under what is now, 'cooldown' to let "
                "them fall from where they were to 0, or 'restart' to start its time from 0"
            )
        files.check_folder(self.folder, None if restart else int(timestamp.batch), path)
        try:
            last, (random, epoch_random) = state["last"], content.random_states(state)
            saved = Saved(
                clock=state["clock"],
                loss=last["loss"],
                lr=last["lr"],
                eval_loss=last["eval_loss"],
                random=random,
                epoch_random=epoch_random,
            )
            if not restart:
                content.check_place(state, timestamp, self._loader, self._batches_per_epoch)
            if changes:
                at = moment(timestamp, run)
                if run.scale_schedule_ratio != 1:
                    # A schedule would scale a count; what part of the run has passed it does not.
                    at = run.convert(at, TimeUnit.DURATION)
                cooldown = {"at": str(at), "alphas": state["alphas"]}
                self._schedulers.cooldown = cooldown if on_change == "cooldown" else None
                self._schedulers.follow(run, clock)
                if not restart:
                    self._schedulers.move_to(timestamp, state["schedulers"])
            else:
                self._schedulers.load_state_dict(state["schedulers"])
            self._load_weights(state, settings=not changes)
            if restart:
                self._schedulers.begin()
        except Exception as error:
            raise StateError(f"cannot go on from {path}: {error}") from error
        if restart:
            return None
        if path.parent == self.folder:
            self._saved_at = timestamp
        return saved

    def _changes(self, state: dict[str, Any], run: Run, clock: Clock) -> list[str]:
        """What has changed since the checkpoint was made. If nothing has, the schedules are those
        of then, which may have been cooling down."""
        was = state["settings"]
        changes = [
            f"{name} was {was.get(name, 'not told')}, now it is {now}"
            for name, now in self._settings(run).items()
            if was.get(name) != now
        ]
        if changes:
            return changes
        if state["cooldown"] is not None:
            self._schedulers.cooldown = state["cooldown"]
            self._schedulers.follow(run, clock)
        content.check_schedulers(state["schedulers"], self._schedulers.stateful(), PROGRESS)
        content.check_alphas(state["alphas"], self._schedulers.alphas())
        return self._schedulers.changes(state["schedulers"])

    def _settings(self, run: Run) -> dict[str, str]:
        """What a checkpoint must agree in, in words."""
        return {"run": repr(run), **self._schedulers.settings(), "ranks": str(ranks.size())}

    def _load_weights(self, state: dict[str, Any], *, settings: bool) -> None:
        """The model and the optimizers, with the settings of their groups or without."""
        groups_now = snapshot_of_groups(self._optimizers)
        with ExitStack() as undo:
            undo.callback(content.snapshot(self._model, self._optimizers))
            self._model.load_state_dict(state["model"])
            # After the schedulers: its rates are those of the step to come.
            for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
                content.load_optimizer(optimizer, saved, settings=settings)
            undo.pop_all()
        if not settings:
            groups_now()
