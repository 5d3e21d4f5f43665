"""The loop: model, optimizers, clock, schedulers and checkpoints in the right order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
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
from epochal.trainer import _files as files
from epochal.trainer._batches import count_samples, to_device
from epochal.trainer._feed import END, Feed
from epochal.trainer._gradients import Gradients, LossError
from epochal.trainer._interruption import Agenda, OptimizerSteps
from epochal.trainer._progress import Progress
from epochal.trainer._randomness import (
    plain_random_state,
    random_state,
    seed_all,
    set_random_state,
)
from epochal.trainer._signals import Signals
from epochal.trainer._stepping import PROGRESS, Schedulers, moment, snapshot_of_groups

if TYPE_CHECKING:
    from os import PathLike

    from epochal._types import TimeLike

__all__ = ["LossError", "Trainer"]

# What to do about a checkpoint that was made under other settings.
ON_CHANGE = ("error", "keep", "restart", "cooldown")


class Trainer:
    """Trains a model, with the clock and the schedulers in the right order.

    For each batch: loss and gradients, `optimizer.step()`, `clock.tick()`, at the end of the
    dataloader `clock.next_epoch()`, then the schedulers; then evaluation, callbacks and the
    checkpoint, where one is due. Step k trains with the rates of time k.

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
        schedulers: a schedule, a function `f(state, ssr=1.0)`, a mapping of groups to schedules
            as `bind` takes it, or a PyTorch scheduler; a list of these, or a mapping of optimizers
            to these. In a list schedules multiply, and drive each optimizer that has no PyTorch
            scheduler; one for each of several optimizers takes the mapping. Both kinds on one
            optimizer are refused.
        fields: schedules of other fields of the groups, such as `{"weight_decay": schedule}`, or a
            mapping of optimizers to these; on the clock of the learning rates.
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
        clip_grad_norm: what the norm of all gradients together may be at most; by default they
            are left as they are.
        samples_per_batch, tokens_per_batch: the rates of the run (of all ranks), for schedules
            that mix clocks.
        get_num_samples, get_num_tokens: functions of a batch that count it, on one rank. By
            default the length of the first tensor, and `tokens_per_batch` or no clock of tokens.
        save_folder, save_interval: a checkpoint `ba<batch>.pt` is written every so often ("1ep")
            and at the end. It holds the model, optimizers, schedulers, clock, random state and
            the position in the epoch.
        keep_last: how many checkpoints stay in `save_folder`; by default all.
        save_on_signal: True to end like `stop()` on SIGTERM and SIGUSR1, by which clusters end
            their jobs: with a checkpoint, after the batch that is being trained.
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
            `save_folder`. "cooldown": the time is kept, and the learning rates fall from where
            they are to 0 at the end of the run, in a straight line; resumed from such a
            checkpoint, they go on falling.
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

    Whatever leaves `fit()` with an exception, `KeyboardInterrupt` too, the next `fit()` takes it
    up there: with the same batches, random numbers and rates, each step made once. What raised is
    done again, a callback too; what had been done is not. Ctrl-C waits for the batch, evaluation
    or callback that it falls into; pressed twice, it does not.
    """

    def __init__(
        self,
        *,
        model: nn.Module,
        train_dataloader: Iterable[Any],
        max_duration: TimeLike,
        optimizers: Optimizer | Sequence[Optimizer] | None = None,
        schedulers: Any = None,
        fields: Any = None,
        scale_schedule_ratio: float = 1.0,
        step_schedulers_every_batch: bool | None = None,
        loss_fn: Callable[[Any, Any], Tensor] | None = None,
        train_step: Callable[[nn.Module, Any], Tensor] | None = None,
        eval_dataloader: Iterable[Any] | None = None,
        eval_interval: TimeLike = "1ep",
        device: str | torch.device | None = None,
        grad_accum: int = 1,
        clip_grad_norm: float | None = None,
        samples_per_batch: int | None = None,
        tokens_per_batch: int | None = None,
        get_num_samples: Callable[[Any], int] | None = None,
        get_num_tokens: Callable[[Any], int] | None = None,
        save_folder: str | PathLike[str] | None = None,
        save_interval: TimeLike = "1ep",
        keep_last: int | None = None,
        save_on_signal: bool = False,
        resume: bool | str | PathLike[str] | None = False,
        on_change: Literal["error", "keep", "restart", "cooldown"] = "error",
        progress_bar: bool = True,
        callbacks: Any = (),
        seed: int | None = None,
    ) -> None:
        arguments.check_choice("on_change", on_change, ON_CHANGE)
        arguments.check_type("model", model, nn.Module, "a torch.nn.Module")
        arguments.check_type("progress_bar", progress_bar, bool, "True or False")
        arguments.check_type("save_on_signal", save_on_signal, bool, "True or False")
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
        counter = arguments.counter("get_num_samples", get_num_samples)
        self._count_samples = counter or count_samples
        self._count_tokens = arguments.counter("get_num_tokens", get_num_tokens)
        self._progress_bar = progress_bar and ranks.rank() == 0
        self._hooks = arguments.hooks(callbacks)
        self._save_folder = arguments.path("save_folder", save_folder)
        self._keep_last = None if keep_last is None else arguments.whole("keep_last", keep_last, 1)
        self._save_on_signal = save_on_signal
        self._intervals = {"eval_interval": eval_interval, "save_interval": save_interval}
        self.optimizers = arguments.optimizers(optimizers, schedulers)
        self._schedulers = Schedulers(
            schedulers, fields, self.optimizers, step_schedulers_every_batch
        )
        self._gradients = Gradients(
            model,
            self._loss,
            self.optimizers,
            arguments.whole("grad_accum", grad_accum, 1),
            self._count_samples,
            arguments.positive("clip_grad_norm", clip_grad_norm),
        )
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
        self._feed = Feed(train_dataloader, self._batches_per_epoch)
        self._steps = OptimizerSteps(self.optimizers)
        self._signals = Signals(save_on_signal)
        # What is left to do of a batch: up to the step of the schedulers, and after it.
        self._step, self._after = Agenda(), Agenda()
        self._running = self._stopping = False
        # Whether the clocks that decide on something have been seen to move.
        self._moving = False
        # The random state to go on from, as it was before what is being done now.
        self._random: dict[str, Any] | None = None
        self._saved_at: Timestamp | None = None
        if self._save_folder is not None:
            # To hear of it after hours of training would be too late.
            checkpoint.trained(self._bare_model, self.optimizers)
            files.check_plain(self._schedulers.state_dict())
            self._save_folder.mkdir(parents=True, exist_ok=True)
        source = files.source(resume, self._save_folder)
        state = None
        if source is not None:
            state = files.load(source)
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
            units["schedulers"] = self._schedulers.units(run, now)
        for name, read in units.items():
            arguments.check_counted(name, read, run, self._count_tokens is not None)
        self.run, self._every = run, every

    # Training

    def fit(self, max_duration: TimeLike | None = None) -> None:
        """Trains up to the end of the run, or up to another `max_duration` from now on; or until
        `stop()` is called.

        A longer duration goes on where the last one ended, in mid-epoch too. σ applies to it, and
        schedules follow the new run: a "1dur" is then longer.

        Raises `LossError` if a loss is not finite: all is as before that batch.
        """
        if self._running:
            raise EpochalError("fit() is running: call stop() to end it")
        if max_duration is not None:
            self._set_run(max_duration, self.clock.timestamp)
            self._finish_step()
            self.clock.run = self.run
            self._schedulers.follow(self.run, self.clock)
            self.schedulers = self._schedulers.all()
        self._running, self._stopping = True, False
        try:
            with self._signals:
                self._fit()
        finally:
            self._running = False

    def stop(self) -> None:
        """Has `fit()` end after the present batch, with its checkpoint and `fit_end`. Another
        `fit()` goes on from there."""
        self._stopping = True

    def _fit(self) -> None:
        self.model.train()
        self._call("fit_start")
        if self._random is not None:
            set_random_state(self._random, self._loader)
        self._feed.interrupted()
        self._ticked_at = perf_counter()
        last = lambda: (self.loss, self.lr)  # noqa: E731
        with self._steps.watched(), Progress(self.clock, last, self._progress_bar) as progress:
            self._work_off()
            while not self.clock.done and not self._is_stopped():
                self._begin()
                self._work_off()
                progress.update()
        if self.clock.done:
            self._feed.leave()
        self._mark()
        if self._save_folder is not None and self._saved_at != self.clock.timestamp:
            self.save_checkpoint()
        self._call("fit_end")

    def _is_stopped(self) -> bool:
        ending = self._signals.ending
        if self._save_on_signal and ranks.has_ranks():
            # The signal may have reached one of them only.
            ending = any(ranks.total([int(ending)]))
        return ending or self._stopping

    def _mark(self) -> None:
        """Before each thing that is done: where Ctrl-C is answered, and what the random numbers
        go back to if it is done again."""
        self._signals.check()
        self._random = random_state(self._loader)

    def _work_off(self) -> None:
        """Does what is left to do of a batch. Its first part draws no random numbers."""
        try:
            self._step.work_off(self._signals.check)
        except BaseException:
            self._random = random_state(self._loader)
            raise
        self._after.work_off(self._mark)

    def _finish_step(self) -> None:
        """Where an interruption has left the training within a step, the rest of it."""
        if self._running or not self._step:
            return
        if self._random is not None:
            set_random_state(self._random, self._loader)
        with self._steps.watched():
            self._step.work_off()
        self._mark()

    def _begin(self) -> None:
        """Makes the gradients of the next batch, and notes what is to be done then. Up to there a
        batch is trained anew if it is interrupted."""
        before = self.clock.timestamp
        self._mark()
        batch = self._feed.take(before, self._random)
        trained = batch is not END
        self._steps.clear()
        step: list[Callable[[], object]] = []
        if trained:
            self._mark()
            samples = self._count_samples(batch)
            tokens = None if self._count_tokens is None else self._count_tokens(batch)
            rates = self._schedulers.rates()
            try:
                loss = self._gradients.of(to_device(batch, self.device))
            except LossError as error:
                raise LossError(
                    f"{error} at batch {before.batch.value}, with the learning rates {rates}: "
                    "stopped before the step of the optimizer"
                ) from None
            step += [partial(self._steps.make, i) for i in range(len(self.optimizers))]
            step += [partial(self._tick, samples, tokens, loss, rates), self._check_moving]
        # A dataloader without length, or with fewer batches than it said, ends by giving none.
        epoch = not trained or before.batch_in_epoch + 1 == self._batches_per_epoch
        if epoch:
            step += [partial(self._feed.close, before, by_count=trained), self.clock.next_epoch]
        step += self._schedulers.steps(batch=trained, epoch=epoch)
        step.append(partial(self._plan, before, batch=trained, epoch=epoch))
        self._step.add(step)

    def _tick(self, samples: int, tokens: int | None, loss: float, rates: list[float]) -> None:
        now = perf_counter()
        self.clock.tick(samples, tokens, now - self._ticked_at)
        self._ticked_at = now
        self.loss, self.lr = loss, rates
        self._feed.done()

    def _check_moving(self) -> None:
        if not self._moving:
            units = {self.run.duration.unit, *(every.unit for every in self._every.values())}
            self._moving = self.clock.check_moving(units)

    def _plan(self, before: Timestamp, *, batch: bool, epoch: bool) -> None:
        """What follows the steps of the schedulers, after a batch, the end of an epoch, or both."""
        after: list[Callable[[], object]] = []
        if self._eval_loader is not None and self._passed("eval_interval", before):
            after += [self._evaluate, *self._called("eval_end")]
        if batch:
            after += self._called("batch_end")
        if epoch:
            after += self._called("epoch_end")
        # Last, so that whatever was done for this batch has been done when it is saved.
        if self._save_folder is not None and self._passed("save_interval", before):
            after.append(self.save_checkpoint)
        self._after.add(after)

    def _passed(self, interval: str, before: Timestamp) -> bool:
        """Whether a multiple of the interval has been reached since."""
        every = self._every[interval]
        now = self.clock.timestamp
        return now.get(every.unit) // every > before.get(every.unit) // every

    def _called(self, hook: str) -> list[Callable[[], object]]:
        return [partial(function, self) for function in self._hooks[hook]]

    def _call(self, hook: str) -> None:
        for call in self._called(hook):
            call()

    def eval(self) -> float:
        """The mean loss over the samples of `eval_dataloader`, of all ranks.

        The training does not notice: it goes on as it would without, with the same random numbers.
        """
        loss = self._evaluate()
        self._call("eval_end")
        return loss

    @torch.no_grad()
    def _evaluate(self) -> float:
        if self._eval_loader is None:
            raise TypeError("eval() needs an eval_dataloader")
        loss, samples = 0.0, 0
        random = random_state(self._loader)
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        try:
            for batch in self._eval_loader:
                self._signals.check()
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
        return self.eval_loss

    # Checkpoints

    def save_checkpoint(self, path: str | PathLike[str] | None = None) -> None:
        """Writes all that is needed to go on from here; by default to `save_folder`.

        Whenever the process is killed, there is the whole file or none. With several ranks all
        of them must call this. Raises `TypeError` for states that `torch.load` does not take by
        default, `StateError` if the optimizers train what is not in the model.
        """
        if self._running and self._step:
            raise StateError("a checkpoint stands between two steps, and cannot be made within one")
        self._finish_step()
        now = self.clock.timestamp
        in_folder = path is None
        if path is None:
            if self._save_folder is None:
                raise TypeError("save_checkpoint() needs a path, or a save_folder")
            path = files.path_at(self._save_folder, int(now.batch))
        state = {
            "epochal": __version__,
            "settings": self._settings(),
            "lr": self._schedulers.rates(),
            "last": {"loss": self.loss, "lr": self.lr, "eval_loss": self.eval_loss},
            "model": self._bare_model.state_dict(),
            "trained": checkpoint.trained(self._bare_model, self.optimizers),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "schedulers": self._schedulers.state_dict(),
            "alphas": self._schedulers.alphas(),
            "cooldown": self._schedulers.state_of_cooldown(),
            "clock": self.clock.state_dict(),
            "random": ranks.gather(plain_random_state(self._random_to_go_on())),
            "epoch_random": ranks.gather(plain_random_state(self._feed.epoch_random)),
        }
        if ranks.rank() == 0:
            files.save(state, Path(path))
            if in_folder and self._keep_last is not None:
                files.prune(Path(path).parent, int(now.batch), self._keep_last)
        if in_folder:
            self._saved_at = now

    def _random_to_go_on(self) -> dict[str, Any]:
        if self._feed.asked:  # a batch that is trained anew
            assert self._feed.random is not None
            return self._feed.random
        if self._running or self._random is None:
            return random_state(self._loader)
        return self._random

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
                self._bind_cooled(state["cooldown"])
                own = self._schedulers.state_dict()
                checkpoint.check_schedulers(state["schedulers"], own, PROGRESS)
                checkpoint.check_alphas(state["alphas"], self._schedulers.alphas())
                changes = self._schedulers.changes(state["schedulers"])
        except Exception as error:
            raise StateError(f"cannot go on from {path}: {error}") from error
        restart = bool(changes) and on_change == "restart"
        if changes and on_change == "error":
            jump = self._schedulers.jump(state["lr"], timestamp)
            raise StateError(
                f"{path} was made under other settings: {'; '.join(changes)}. At batch "
                f"{timestamp.batch.value} the learning rates would {jump}. "
                "Pass on_change='keep' to go on from there under what is now, 'cooldown' to let "
                "them fall from where they were to 0, or 'restart' to start its time from 0"
            )
        files.check_folder(self._save_folder, None if restart else int(timestamp.batch), path)
        try:
            random = checkpoint.random_states(state)
            if not restart:
                checkpoint.check_place(state, timestamp, self._loader, self._batches_per_epoch)
            if changes and on_change == "cooldown":
                at = str(moment(timestamp, self.run))
                self._bind_cooled({"at": at, "alphas": state["alphas"]})
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
                    if changes:
                        optimizer.load_state_dict(saved)
                    else:
                        checkpoint.load_optimizer(optimizer, saved)
                undo.pop_all()
        except Exception as error:
            raise StateError(f"cannot go on from {path}: {error}") from error
        if changes:
            groups_now()
        if restart:
            return
        self.clock.load_state_dict(state["clock"])
        self.loss, self.lr, self.eval_loss = (state["last"][name] for name in checkpoint.LAST)
        self._random = random[0]
        self._feed.go_on(*random)
        if path.parent == self._save_folder:
            self._saved_at = timestamp

    def _bind_cooled(self, cooldown: dict[str, Any] | None) -> None:
        """Has the rates cool down, if they do."""
        if cooldown is not None:
            self._schedulers.cool_down(cooldown)
            self._schedulers.follow(self.run, self.clock)
