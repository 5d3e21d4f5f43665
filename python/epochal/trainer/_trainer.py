"""The loop: model, optimizers, clock, schedulers and checkpoints in the right order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from epochal import _ranks as ranks
from epochal._clock import Clock
from epochal._core import EpochalError, Run, ScheduleError, StateError, Timestamp, __version__
from epochal.trainer import _arguments as arguments
from epochal.trainer import _checkpoint as checkpoint
from epochal.trainer._batches import count_samples, split, to_device
from epochal.trainer._progress import Progress
from epochal.trainer._randomness import random_state, samplers, seed_all, set_random_state
from epochal.trainer._stepping import PROGRESS, Schedulers, snapshot_of_groups

if TYPE_CHECKING:
    from os import PathLike

    from epochal._types import TimeLike

__all__ = ["LossError", "Trainer"]


class LossError(EpochalError):
    """The loss of a batch is not finite. The optimizer's step was not made."""


class Trainer:
    """Trains a model, with the clock and the schedulers in the right order.

    For each batch: loss and gradients, `optimizer.step()`, `clock.tick()`, at the end of the
    dataloader `clock.next_epoch()`, then the schedulers. Step k trains with the rates of time k.

    >>> import torch
    >>> from epochal import Trainer
    >>> model = torch.nn.Linear(4, 2)
    >>> data = torch.utils.data.TensorDataset(torch.randn(40, 4), torch.randint(2, (40,)))
    >>> trainer = Trainer(
    ...     model=model,
    ...     train_dataloader=torch.utils.data.DataLoader(data, batch_size=8, shuffle=True),
    ...     optimizers=torch.optim.SGD(model.parameters(), lr=0.1),
    ...     max_duration="3ep",
    ...     schedulers=CosineAnnealingWithWarmupScheduler(t_warmup="1ep"),
    ...     loss_fn=torch.nn.functional.cross_entropy,
    ...     progress_bar=False,
    ... )
    >>> trainer.fit()
    >>> trainer.clock.timestamp.batch, trainer.schedulers[0].get_last_lr()
    (Time('15ba'), [0.0])

    Args:
        model: any module; wrapped in `DistributedDataParallel` for several ranks. How a batch
            becomes a loss is told by one of these:
            `loss_fn(outputs, targets)`, where a batch is `(inputs, targets)`;
            `train_step(model, batch) -> loss`;
            or the model itself, with Composer's `forward(batch)` and `loss(outputs, batch)`.
            A loss is the mean over the samples of the batch.
        train_dataloader: gives the batches of one epoch each time it is iterated over; a list of
            batches will do. Without a length, what needs the length of an epoch is refused.
        max_duration: the length, a time with a unit such as "90ep" or "1.5Ktok"; not `dur`. The
            training stops there to the batch, in mid-epoch too.
        optimizers: one or more, each stepped after every batch. Needed, but where PyTorch
            schedulers bring theirs.
        schedulers: schedules, functions `f(state, ssr=1.0)` or PyTorch schedulers; one or a list.
            Schedules multiply, and drive each optimizer that has no PyTorch scheduler. Both kinds
            on one optimizer are refused.
        scale_schedule_ratio: σ. The duration and all schedulers, PyTorch's too, become σ times
            as long; PyTorch's are changed in place.
        step_schedulers_every_batch: True for a step of all schedulers after every batch, False
            after every epoch. None: schedules every batch, PyTorch schedulers every epoch.
        eval_dataloader, eval_interval: `eval()` is called every so often ("1ep"), and leaves the
            training as it would be without. It asks for the loss as training does, of the model
            without its DDP wrapper and without gradients.
        device: where model and batches go; by default where the model is.
        grad_accum: each batch is split into so many micro-batches, to save memory. It stays one
            batch, with one step of the optimizer and of the clock.
        samples_per_batch, tokens_per_batch: the rates of the run (of all ranks), for schedules
            that mix clocks.
        get_num_samples, get_num_tokens: functions of a batch that count it, on one rank. By
            default the length of the first tensor, and `tokens_per_batch` or no clock of tokens.
        save_folder, save_interval: a checkpoint `ba<batch>.pt` is written every so often ("1ep")
            and at the end. It holds the model, optimizers, schedulers, clock, random state and
            the position in the epoch.
        resume: True to go on from the newest checkpoint in `save_folder`, if there is one; or the
            path of a checkpoint. What follows is bit for bit what the uninterrupted training
            does, if its callbacks and data depend on nothing else, such as the random state that
            persistent workers keep. Batches that were trained in the epoch are read again, and
            dropped.
        on_change: what happens if the checkpoint was made under other schedules, another run,
            ratio, base rate or number of ranks. "error": a `StateError` says what differs and by
            how much the rates would jump. "keep": the time is kept, and what was passed now
            decides on the rates from there. "restart": weights and the optimizers' state are
            kept, and the time starts from 0; that takes the path of the checkpoint, and another
            `save_folder`.
        progress_bar: shows time, loss and rate with tqdm.
        callbacks: objects with any of the methods `fit_start`, `batch_end`, `epoch_end`,
            `eval_end`, `fit_end`; each is called with the trainer. A function is a `batch_end`.
        seed: for Python's, NumPy's and PyTorch's random numbers, plus the rank.

    Attributes:
        model, optimizers, device: as given.
        run: the `Run`, whose `duration` is `max_duration` × σ.
        clock: the `Clock`.
        schedulers: the bound schedulers, PyTorch's first.
        loss: of the last batch on this rank, None before the first.
        lr: the rates that the last batch was trained with, one for each parameter group.
        eval_loss: the result of the last `eval()`.

    Raises `ScheduleError`, `UnitError`, `StateError` or `TypeError` for arguments that are not
    valid; schedulers and optimizers are then as before. With several ranks, all of them make and
    use a trainer alike, and rank 0 writes the checkpoints.
    """

    def __init__(
        self,
        *,
        model: nn.Module,
        train_dataloader: Iterable[Any],
        max_duration: TimeLike,
        optimizers: Optimizer | Sequence[Optimizer] | None = None,
        schedulers: Any = None,
        scale_schedule_ratio: float = 1.0,
        step_schedulers_every_batch: bool | None = None,
        loss_fn: Callable[[Any, Any], Tensor] | None = None,
        train_step: Callable[[nn.Module, Any], Tensor] | None = None,
        eval_dataloader: Iterable[Any] | None = None,
        eval_interval: TimeLike = "1ep",
        device: str | torch.device | None = None,
        grad_accum: int = 1,
        samples_per_batch: int | None = None,
        tokens_per_batch: int | None = None,
        get_num_samples: Callable[[Any], int] | None = None,
        get_num_tokens: Callable[[Any], int] | None = None,
        save_folder: str | PathLike[str] | None = None,
        save_interval: TimeLike = "1ep",
        resume: bool | str | PathLike[str] | None = False,
        on_change: Literal["error", "keep", "restart"] = "error",
        progress_bar: bool = True,
        callbacks: Any = (),
        seed: int | None = None,
    ) -> None:
        arguments.check_choice("on_change", on_change, ("error", "keep", "restart"))
        arguments.check_type("model", model, nn.Module, "a torch.nn.Module")
        arguments.check_type("progress_bar", progress_bar, bool, "True or False")
        arguments.check_loader("train_dataloader", train_dataloader)
        if eval_dataloader is not None:
            arguments.check_loader("eval_dataloader", eval_dataloader)
            arguments.check_apart(train_dataloader, eval_dataloader)
        if device is not None:
            device = torch.device(device)
        if seed is not None:
            seed = arguments.seed(seed)
        self.model = model
        self._bare_model = model.module if isinstance(model, DistributedDataParallel) else model
        self._loss = arguments.loss_function(self._bare_model, loss_fn, train_step)
        self._loader = train_dataloader
        self._eval_loader = eval_dataloader
        self._micro_batches = arguments.whole("grad_accum", grad_accum, 1)
        counter = arguments.counter("get_num_samples", get_num_samples)
        self._count_samples = counter or count_samples
        self._count_tokens = arguments.counter("get_num_tokens", get_num_tokens)
        self._progress_bar = progress_bar and ranks.rank() == 0
        self._hooks = arguments.hooks(callbacks)
        self._save_folder = arguments.path("save_folder", save_folder)
        self._intervals = {"eval_interval": eval_interval, "save_interval": save_interval}
        self.optimizers = arguments.optimizers(optimizers, schedulers)
        self._schedulers = Schedulers(schedulers, self.optimizers, step_schedulers_every_batch)
        self._batches_per_epoch = arguments.batches_per_epoch(train_dataloader)
        self._new_run = partial(
            Run,
            batches_per_epoch=self._batches_per_epoch,
            samples_per_batch=samples_per_batch,
            tokens_per_batch=tokens_per_batch,
            scale_schedule_ratio=scale_schedule_ratio,
        )
        self._set_run(max_duration, Timestamp())
        self.clock = Clock(self.run)
        self.loss: float | None = None
        self.eval_loss: float | None = None
        self.lr: list[float] = []
        # Whether the clocks that decide on something have been seen to move.
        self._moving = False
        # The random state at the start of the epoch, and that to go on from, if it is another.
        self._epoch_random: dict[str, Any] | None = None
        self._random: dict[str, Any] | None = None
        self._saved_at: Timestamp | None = None
        if self._save_folder is not None:
            # To hear of it after hours of training would be too late.
            checkpoint.trained(self._bare_model, self.optimizers)
            checkpoint.check_plain(self._schedulers.state_dict())
            self._save_folder.mkdir(parents=True, exist_ok=True)
        source = checkpoint.source(resume, self._save_folder)
        state = None
        if source is not None:
            state = checkpoint.load(source)
            checkpoint.check(source, state, self._bare_model, self.optimizers)
        if device is not None:
            model.to(device)
        self.device = arguments.device_of(model)
        with ExitStack() as undo:
            undo.callback(snapshot_of_groups(self.optimizers))
            undo.callback(self._schedulers.snapshot())
            self._schedulers.bind(self.run, self.clock)
            if source is not None and state is not None:
                self._load(state, source, on_change)
            if seed is not None:
                seed_all(seed + ranks.rank())
            undo.pop_all()
        self.schedulers = self._schedulers.all()
        if self._random is not None:  # of a checkpoint
            set_random_state(self._random, train_dataloader)

    def _set_run(self, max_duration: TimeLike, now: Timestamp) -> None:
        """Checks all that depends on the run before it takes effect."""
        with arguments.length_explained(self._batches_per_epoch):
            run = self._new_run(max_duration)
            every = {
                name: arguments.interval(name, time, run) for name, time in self._intervals.items()
            }
            units = {name: {time.unit} for name, time in every.items()}
            units["max_duration"] = {run.duration.unit}
            units["schedulers"] = self._schedulers.clocks(run, now)
        for name, read in units.items():
            arguments.check_counted(name, read, run, self._count_tokens is not None)
        self.run, self._every = run, every

    # Training

    def fit(self, max_duration: TimeLike | None = None) -> None:
        """Trains up to the end of the run, or up to another `max_duration` from now on.

        A longer duration goes on where the last one ended, in mid-epoch too. σ applies to it, and
        schedules follow the new run: a "1dur" is then longer.

        Raises `LossError` if a loss is not finite: parameters and checkpoints are those before
        that batch. Buffers, such as the statistics of a BatchNorm, have seen it.
        """
        if max_duration is not None:
            self._set_run(max_duration, self.clock.timestamp)
            self.clock.run = self.run
            self._schedulers.follow(self.run, self.clock)
            self.schedulers = self._schedulers.all()
        self.model.train()
        self._call("fit_start")
        self._ticked_at = perf_counter()
        with Progress(self.clock, lambda: (self.loss, self.lr), self._progress_bar) as progress:
            try:
                while not self.clock.done:
                    self._fit_epoch(progress)
            finally:
                if self._random is None:  # as it is from the first batch on
                    self._random = random_state(self._loader)
        if self._save_folder is not None and self._saved_at != self.clock.timestamp:
            self.save_checkpoint()
        self._call("fit_end")

    def _fit_epoch(self, progress: Progress) -> None:
        """Trains to the end of the epoch or of the run."""
        batches = self._batches()
        while not self.clock.done:
            before = self.clock.timestamp
            batch = next(batches, _END)
            trained = batch is not _END
            if trained:
                self._train(batch)
            elif not before.batch_in_epoch:
                raise ScheduleError(
                    f"train_dataloader is empty: it gave no batch in epoch {int(before.epoch)}"
                )
            # A dataloader without length, or with fewer batches than it said, ends by giving none.
            epoch = not trained or before.batch_in_epoch + 1 == self._batches_per_epoch
            if epoch:
                # Asked once more than it has batches, as by `for`: then it can end its own epoch.
                longer = trained and next(batches, _END) is not _END
                if self._batches_per_epoch is not None and (longer or not trained):
                    gave = "more" if longer else int(before.batch_in_epoch)
                    arguments.warn_of_length(self._batches_per_epoch, gave)
                self.clock.next_epoch()
            self._after(before, batch=trained, epoch=epoch)
            progress.update()
            if epoch:
                return

    def _batches(self) -> Iterator[Any]:
        """The batches of the epoch that have not been trained, with the random state for them."""
        timestamp = self.clock.timestamp
        position = int(timestamp.batch_in_epoch)
        random = self._epoch_random if position else self._random
        if random is not None:
            set_random_state(random, self._loader)
        if not position:
            self._epoch_random = random_state(self._loader)
        for sampler in samplers(self._loader):
            # Distributed samplers shuffle by the number of the epoch.
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(timestamp.epoch.value)
        batches = iter(self._loader)
        for done in range(position):
            if next(batches, _END) is _END:
                raise StateError(
                    f"the training is at batch {position} of the epoch, but train_dataloader gives "
                    f"only {done}"
                )
        if position and self._random is not None:
            set_random_state(self._random, self._loader)
        self._random = None
        return batches

    def _train(self, batch: Any) -> None:
        """One step of the optimizers, and of the clock."""
        samples = self._count_samples(batch)
        tokens = None if self._count_tokens is None else self._count_tokens(batch)
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        self.lr = self._schedulers.rates()
        self.loss = self._backward(to_device(batch, self.device))
        if not abs(self.loss) < float("inf"):  # nan is not, either
            raise LossError(
                f"the loss is {self.loss} at batch {self.clock.timestamp.batch.value}, with the "
                f"learning rates {self.lr}: stopped before the step of the optimizer"
            )
        for optimizer in self.optimizers:
            optimizer.step()
        now = perf_counter()
        self.clock.tick(samples, tokens, now - self._ticked_at)
        self._ticked_at = now

    def _backward(self, batch: Any) -> float:
        """Adds up the gradients and the losses of the micro-batches, by their shares of samples."""
        if self._micro_batches == 1:
            loss = self._loss(self.model, batch)
            loss.backward()
            return loss.item()
        parts = split(batch, self._micro_batches)
        sizes = [self._count_samples(part) for part in parts]
        if not sum(sizes):
            raise ScheduleError(
                "grad_accum weights micro-batches by their samples, but get_num_samples counts none"
            )
        total = 0.0
        for number, (part, size) in enumerate(zip(parts, sizes, strict=True), start=1):
            with self._gradients_stay_here(number < len(parts)):
                loss = self._loss(self.model, part) * (size / sum(sizes))
                loss.backward()
            total += loss.item()
        return total

    def _gradients_stay_here(self, stay: bool) -> AbstractContextManager[None]:
        """Until the last micro-batch there is no need to exchange gradients with other ranks."""
        if stay and isinstance(self.model, DistributedDataParallel):
            return self.model.no_sync()
        return nullcontext()

    def _after(self, before: Timestamp, *, batch: bool, epoch: bool) -> None:
        """All that follows a batch, the end of an epoch, or both."""
        if not self._moving:
            units = {self.run.duration.unit, *(every.unit for every in self._every.values())}
            self._moving = self.clock.check_moving(units)
        self._schedulers.step(batch=batch, epoch=epoch)
        if self._eval_loader is not None and self._passed("eval_interval", before):
            self.eval()
        if batch:
            self._call("batch_end")
        if epoch:
            self._call("epoch_end")
        # Last, so that whatever was done for this batch has been done when it is saved.
        if self._save_folder is not None and self._passed("save_interval", before):
            self.save_checkpoint()

    def _passed(self, interval: str, before: Timestamp) -> bool:
        """Whether a multiple of the interval has been reached since."""
        every = self._every[interval]
        now = self.clock.timestamp
        return now.get(every.unit) // every > before.get(every.unit) // every

    def _call(self, hook: str) -> None:
        for function in self._hooks[hook]:
            function(self)

    @torch.no_grad()
    def eval(self) -> float:
        """The mean loss over the samples of `eval_dataloader`, of all ranks.

        The training does not notice: it goes on as it would without, with the same random numbers.
        """
        if self._eval_loader is None:
            raise TypeError("eval() needs an eval_dataloader")
        loss, samples = 0.0, 0
        random = random_state(self._loader)
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        try:
            for batch in self._eval_loader:
                size = self._count_samples(batch)
                # Without DDP, which would have as many batches on every rank.
                mean = self._loss(self._bare_model, to_device(batch, self.device))
                loss += mean.item() * size
                samples += size
        finally:
            for module, training in modes:
                module.training = training
            set_random_state(random, self._loader)
        losses, sizes = zip(*ranks.gather((loss, samples)), strict=True)
        if not sum(sizes):
            raise ScheduleError("eval_dataloader is empty: it gave no batch")
        self.eval_loss = sum(losses) / sum(sizes)
        self._call("eval_end")
        return self.eval_loss

    # Checkpoints

    def save_checkpoint(self, path: str | PathLike[str] | None = None) -> None:
        """Writes all that is needed to go on from here; by default to `save_folder`.

        Whenever the process is killed, there is the whole file or none. With several ranks all
        of them must call this. Raises `TypeError` for states that `torch.load` does not take by
        default, `StateError` if the optimizers train what is not in the model.
        """
        now = self.clock.timestamp
        if path is None:
            if self._save_folder is None:
                raise TypeError("save_checkpoint() needs a path, or a save_folder")
            path = checkpoint.path_at(self._save_folder, int(now.batch))
            self._saved_at = now
        state = {
            "epochal": __version__,
            "settings": self._settings(),
            "lr": self._schedulers.rates(),
            "last": {"loss": self.loss, "lr": self.lr, "eval_loss": self.eval_loss},
            "model": self._bare_model.state_dict(),
            "trained": checkpoint.trained(self._bare_model, self.optimizers),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "schedulers": self._schedulers.state_dict(),
            "clock": self.clock.state_dict(),
            "random": ranks.gather(self._random or random_state(self._loader)),
            "epoch_random": ranks.gather(self._epoch_random),
        }
        if ranks.rank() == 0:
            checkpoint.save(state, Path(path))

    def _settings(self) -> dict[str, str]:
        """What a checkpoint must agree in, in words."""
        return {"run": repr(self.run), **self._schedulers.settings(), "ranks": str(ranks.size())}

    def _load(self, state: dict[str, Any], path: Path, on_change: str) -> None:
        """Goes on from a checkpoint, or raises. Schedulers and groups are the caller's to undo."""
        changes = [
            f"{name} was {state['settings'].get(name, 'not told')}, now it is {now}"
            for name, now in self._settings().items()
            if state["settings"].get(name) != now
        ]
        try:
            timestamp = Timestamp.from_state_dict(state["clock"])
            if not changes:
                own = self._schedulers.state_dict()
                checkpoint.check_schedulers(state["schedulers"], own, PROGRESS)
                changes = self._schedulers.changes(state["schedulers"])
        except Exception as error:
            raise StateError(f"cannot go on from {path}: {error}") from error
        restart = bool(changes) and on_change == "restart"
        if changes and on_change == "error":
            jump = self._schedulers.jump(state["lr"], timestamp)
            raise StateError(
                f"{path} was made under other settings: {'; '.join(changes)}. At batch "
                f"{timestamp.batch.value} the learning rates would {jump}. "
                "Pass on_change='keep' to go on from there under what is now, or 'restart' to "
                "start its time from 0"
            )
        checkpoint.check_folder(self._save_folder, None if restart else int(timestamp.batch), path)
        try:
            if not restart:
                checkpoint.check_place(state, timestamp, self._loader, self._batches_per_epoch)
            if not changes:
                self._schedulers.load_state_dict(state["schedulers"])
            elif not restart:
                self._schedulers.move_to(timestamp)
            groups_now = snapshot_of_groups(self.optimizers)
            with ExitStack() as undo:
                undo.callback(checkpoint.snapshot(self._bare_model, self.optimizers))
                self._bare_model.load_state_dict(state["model"])
                # After the schedulers: its rates are those of the step to come.
                for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                    optimizer.load_state_dict(saved)
                undo.pop_all()
        except Exception as error:
            raise StateError(f"cannot go on from {path}: {error}") from error
        if changes:
            groups_now()
        if restart:
            return
        self.clock.load_state_dict(state["clock"])
        self.loss, self.lr, self.eval_loss = (state["last"][n] for n in ("loss", "lr", "eval_loss"))
        self._random, self._epoch_random = checkpoint.random_states(state)
        if path.parent == self._save_folder:
            self._saved_at = timestamp


_END = object()
