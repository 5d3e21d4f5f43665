"""The loop: model, optimizers, clock, schedulers and checkpoints in the right order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from epochal import _ranks as ranks
from epochal._clock import Clock
from epochal._core import EpochalError, Run, StateError, Timestamp
from epochal.trainer import _arguments as arguments
from epochal.trainer._batches import count_samples, to_device
from epochal.trainer._checkpoint import ON_CHANGE, Checkpoints, Saved
from epochal.trainer._evaluation import mean_loss
from epochal.trainer._feed import END, Feed
from epochal.trainer._gradients import Gradients, LossError
from epochal.trainer._interruption import Agenda, OptimizerSteps
from epochal.trainer._progress import Progress
from epochal.trainer._randomness import random_state, seed_all, set_random_state
from epochal.trainer._signals import Signals
from epochal.trainer._stepping import Schedulers, snapshot_of_groups

if TYPE_CHECKING:
    from os import PathLike

    from epochal._types import TimeLike

__all__ = ["LossError", "Trainer"]


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
        plateau: arguments of `epochal.torch.Plateau`, such as `{"factor": 0.5, "patience": 3}`, by
            which all schedules are cut when `eval_loss` no longer improves.
        scale_schedule_ratio: σ. The duration and all schedulers, PyTorch's too, become σ times
            as long; PyTorch's are changed in place.
        step_schedulers_every_batch: True for a step of all schedulers after every batch, False
            after every epoch. None: schedules every batch, PyTorch schedulers every epoch.
        eval_dataloader: what `eval()` goes over. It asks for the loss as training does, of the
            model without its DDP wrapper and without gradients, and leaves the training as it
            would be without.
        eval_interval: how often `eval()` is called.
        device: where model and batches go; by default where the model is.
        grad_accum: each batch is split into so many micro-batches, to save memory. It stays one
            batch, with one step of the optimizer and of the clock.
        clip_grad_norm: what the norm of all gradients together may be at most; by default they
            are left as they are.
        samples_per_batch: samples in a batch of all ranks, for schedules that mix clocks.
        tokens_per_batch: tokens in a batch of all ranks, for schedules that mix clocks.
        get_num_samples: counts a batch's samples on one rank; by default its first tensor's length.
        get_num_tokens: counts a batch's tokens on one rank; by default `tokens_per_batch`, or none.
        save_folder: where checkpoints `ba<batch>.pt` are written. One holds the model, optimizers,
            schedulers, clock, random state and the position in the epoch.
        save_interval: how often a checkpoint is written; at the end there is one too.
        keep_last: how many checkpoints stay in `save_folder`; by default all.
        save_on_signal: True to end like `stop()` on SIGTERM and SIGUSR1, by which clusters end
            their jobs: with a checkpoint, after the batch that is being trained. `clock.done`
            tells whether the run has come to its end.
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
            they are to 0 at the end of the run, in a straight line (from where α is, times the
            base rate, if that is another one); resumed from such a checkpoint, they go on falling.
        progress_bar: shows time, loss and rate with tqdm.
        callbacks: objects with any of the methods `fit_start`, `batch_end`, `epoch_end`,
            `eval_end`, `fit_end`; each is called with the trainer. A function is a `batch_end`.
        seed: for Python's, NumPy's and PyTorch's random numbers, plus the rank.

    Attributes:
        model: as given.
        optimizers: a list of them.
        device: where model and batches are.
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
        plateau: Mapping[str, Any] | None = None,
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
        elif plateau is not None:
            raise TypeError("plateau goes by eval_loss: give an eval_dataloader")
        if device is not None:
            device = arguments.device(device)
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
        folder = arguments.path("save_folder", save_folder)
        if keep_last is not None:
            keep_last = arguments.whole("keep_last", keep_last, 1)
        self._save_on_signal = save_on_signal
        self._intervals = {"eval_interval": eval_interval, "save_interval": save_interval}
        self.optimizers = arguments.optimizers(optimizers, schedulers, model)
        self._schedulers = Schedulers(
            schedulers, fields, self.optimizers, step_schedulers_every_batch, plateau
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
        # Whether the random numbers are those of the training.
        self._in_loop = False
        # Whether the clocks that decide on something have been seen to move.
        self._moving = False
        # The random state to go on from, as it was before what is being done now.
        self._random: dict[str, Any] | None = None
        self._checkpoints = Checkpoints(
            self._bare_model,
            self.optimizers,
            self._schedulers,
            train_dataloader,
            self._batches_per_epoch,
            folder,
            keep_last,
        )
        found = self._checkpoints.find(resume)
        if device is not None:
            model.to(device)
        self.device = arguments.device_of(model)
        with ExitStack() as undo:
            undo.callback(snapshot_of_groups(self.optimizers))
            undo.callback(self._schedulers.snapshot())
            self._schedulers.bind(self.run, self.clock)
            if found is not None:
                saved = self._checkpoints.load(*found, self.run, self.clock, on_change)
                if saved is not None:
                    self._go_on_from(saved)
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
            self._finish_step()
            self._set_run(max_duration, self.clock.timestamp)
            self.clock.run = self.run
            self._schedulers.follow(self.run, self.clock)
            self.schedulers = self._schedulers.all()
        with self._signals:
            self._running, self._stopping = True, False
            try:
                self._fit()
            finally:
                self._running = self._in_loop = False

    def stop(self) -> None:
        """Has `fit()` end after the present batch, with its checkpoint and `fit_end`. Another
        `fit()` goes on from there."""
        self._stopping = True

    def _fit(self) -> None:
        self.model.train()
        self._call("fit_start")
        if self._random is not None:
            set_random_state(self._random, self._loader)
        self._in_loop = True
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
        if self._checkpoints.is_due(self.clock.timestamp):
            self.save_checkpoint()
        self._call("fit_end")

    def _is_stopped(self) -> bool:
        ending = self._signals.ending
        if self._save_on_signal and ranks.has_ranks():
            # The signal may have reached one of them only.
            ending = any(ranks.total([int(ending)]))
        return ending or self._stopping

    def _mark(self) -> dict[str, Any]:
        """Before each thing that is done: what the random numbers go back to if it is done again,
        and where Ctrl-C is answered."""
        self._random = random_state(self._loader)
        self._signals.check()
        return self._random

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
        if self._in_loop or not self._step:
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
        batch = self._feed.take(before, self._mark())
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
        if self._checkpoints.folder is not None and self._passed("save_interval", before):
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

    def _evaluate(self) -> float:
        if self._eval_loader is None:
            raise TypeError("eval() needs an eval_dataloader")
        random = random_state(self._loader)

        def loss(batch: Any) -> Tensor:
            # Without DDP, which would have as many batches on every rank.
            return self._loss(self._bare_model, to_device(batch, self.device))

        try:
            self.eval_loss = mean_loss(
                self.model, self._eval_loader, loss, self._count_samples, self._signals.check
            )
        finally:
            set_random_state(random, self._loader)
        self._schedulers.evaluated(self.eval_loss)
        return self.eval_loss

    # Checkpoints

    def save_checkpoint(self, path: str | PathLike[str] | None = None) -> None:
        """Writes all that is needed to go on from here; by default to `save_folder`.

        Whenever the process is killed, there is the whole file or none. It stands between two
        batches: where an interruption has left a step half done, the rest is made first. Callbacks
        that were still to come are not called by who resumes from it. With several ranks all of
        them must call this. Raises `TypeError` for states that `torch.load` does not take by
        default, `StateError` if the optimizers train what is not in the model, and within a step.
        """
        if self._in_loop and self._step:
            raise StateError("a checkpoint stands between two steps, and cannot be made within one")
        self._finish_step()
        self._checkpoints.save(path, self.run, self._saved())

    def _saved(self) -> Saved:
        random = self._random
        if self._feed.asked:  # for a batch that is to be trained anew
            random = self._feed.random
        elif self._in_loop or random is None:
            random = random_state(self._loader)
        state = self.clock.state_dict()
        return Saved(state, self.loss, self.lr, self.eval_loss, random, self._feed.epoch_random)

    def _go_on_from(self, saved: Saved) -> None:
        self.clock.load_state_dict(saved.clock)
        self.loss, self.lr, self.eval_loss = saved.loss, saved.lr, saved.eval_loss
        self._random = saved.random
        self._feed.go_on(saved.random, saved.epoch_random)
