"""The clock of a training: the one thing that changes while schedules, runs and curves stay."""

from __future__ import annotations

from _thread import RLock  # `threading` would take longer to import
from _weakref import ref  # likewise `weakref`
from datetime import timedelta

from epochal._core import EpochalError, Run, StateError, Timestamp, TimeUnit, UnitError, tick
from epochal._follow import after_each_step
from epochal._numbers import integer
from epochal._ranks import check_group, gather, size, total
from epochal._shown import shown
from epochal._warning import warn

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import Any, SupportsIndex

    from torch.distributed import ProcessGroup
    from torch.optim import Optimizer

    from epochal._types import Count, Number, UnitLike

__all__ = ["Clock"]

NOTHING = Timestamp()
# In a state, before the names of what was counted for a batch that has not ended.
COUNTED = "counted_"
MICROSECOND = timedelta(microseconds=1)
# What no copy has in common with its original.
OWN = ("_bound", "_leave", "_lock", "_told")
# An epoch may be longer than declared, but hardly ever so many times.
LONG, ENDLESS = 2, 10
# The clocks that move by what a tick is told: the argument, and the counter.
TOLD = {
    TimeUnit.SAMPLE: ("samples", "sample"),
    TimeUnit.TOKEN: ("tokens", "token"),
    TimeUnit.SECOND: ("seconds", "total_wct"),
}


class Clock:
    """Counts what has been trained: batches, samples, tokens, epochs and elapsed seconds.

    `tick()` goes after each step of the optimizer, and before the scheduler's. A schedule that is
    bound to the clock, with `bind(schedule, optimizer, clock)`, then follows what was really
    trained, however large each batch was.

    Args:
        run: the facts of the run. Where it declares `samples_per_batch` or `tokens_per_batch`,
            a batch for which no number is told counts that many.
        group: the process group whose ranks train on different data; by default the whole world,
            where `torch.distributed` has been initialized by the first tick. Samples and tokens
            are summed over its ranks, seconds are averaged, in one all-reduce of int64. What the
            run declares is of all ranks already.
        every: how many ticks share one all-reduce; all ranks tick alike. Between two of them
            the samples, tokens and seconds that a tick is told wait, and these clocks stand still.
        totals: True if the numbers told are already those of all ranks; nothing is reduced then.

    Attributes:
        run: as given.
        totals: as given.
        timestamp: the time now, an immutable `Timestamp`: that at which the next batch begins.
        follows: whether it follows an optimizer.
        done: whether the time has reached `run.duration`. Raises `UnitError` if it never will,
            since nothing is counted in its unit.

    >>> clock = Clock(Run("3ba", tokens_per_batch=1000))
    >>> while not clock.done:
    ...     clock.tick(samples=32, seconds=0.5)
    >>> clock.timestamp.batch, clock.timestamp.sample, clock.timestamp.token
    (Time('3ba'), Time('96sp'), Time('3000tok'))

    Where a step of the optimizer takes several micro-batches, or is skipped at times, `count()`
    tells what was read, and `follow(optimizer)` ticks after each step that was really made.

    Epochs end with `next_epoch()`, which a run in epochs needs to be done. They may differ in
    length from `batches_per_epoch`, and without it a clock counts them too.

    Threads may share a clock: none of their ticks is lost. Raises `TypeError` and `EpochalError`
    for arguments that are not valid.
    """

    __slots__ = {
        "_bound": None,
        "_counted": None,
        "_every": None,
        "_group": None,
        "_leave": None,
        "_lock": None,
        "_pending": None,
        "_ranks": None,
        "_run": None,
        "_start": None,
        "_timestamp": None,
        "_told": None,
        "_totals": None,
    }

    def __init__(
        self,
        run: Run,
        *,
        group: ProcessGroup | None = None,
        every: SupportsIndex = 1,
        totals: bool = False,
    ) -> None:
        self.run = run
        ticks = integer(every)
        if ticks is None:
            raise TypeError(f"every must be a whole number of ticks, not {shown(every)}")
        if ticks < 1:
            raise EpochalError(f"every must be 1 tick or more, not {shown(every)}")
        if not isinstance(totals, bool):
            raise TypeError(f"totals must be True or False, not {shown(totals)}")
        if group is not None:
            check_group(group)
            if totals:
                raise EpochalError("totals=True sums nothing up, so there is no use for a group")
        self._group = group
        self._every = ticks
        self._totals = totals
        self._timestamp = NOTHING
        # Where this process began to count.
        self._start = NOTHING
        # What was counted for the batch that has not ended, by the arguments that were told.
        self._counted: dict[str, Any] = {}
        # What this rank has counted since the last reduction.
        self._pending = NOTHING
        # Whether there are other ranks to ask; not known before the first tick.
        self._ranks: bool | None = None
        self._begin()

    def _begin(self) -> None:
        self._lock = RLock()
        # Whether it has warned of an epoch without end.
        self._told = False
        # Ends the following of an optimizer.
        self._leave: Callable[[], None] | None = None
        # The schedulers that read it.
        self._bound: list[ref[Any]] = []

    def __getstate__(self) -> dict[str, Any]:
        # A copy follows no optimizer, and no scheduler reads it.
        names = [name for name in Clock.__slots__ if name not in OWN]
        return {name: getattr(self, name) for name in names} | getattr(self, "__dict__", {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._begin()

    @property
    def run(self) -> Run:
        """The facts of the run; may be assigned. Raises `TypeError` for what is no `Run`."""
        return self._run

    @run.setter
    def run(self, run: Run) -> None:
        if not isinstance(run, Run):
            raise TypeError(f"run must be a Run, not {shown(run)}")
        self._run = run

    @property
    def totals(self) -> bool:
        """Whether the numbers told are those of all ranks."""
        return self._totals

    @property
    def follows(self) -> bool:
        """Whether the steps of an optimizer end its batches: see `follow`."""
        return self._leave is not None

    @property
    def timestamp(self) -> Timestamp:
        """The time now: that at which the next batch begins."""
        return self._timestamp

    @property
    def done(self) -> bool:
        """Whether the time has reached `run.duration`, in its unit.

        Raises `UnitError` as `check_moving` does, for a loop would never end.
        """
        duration = self.run.duration
        now = self._timestamp
        if now >= duration:
            return True
        if self.check_epochs():
            longest = max(int(duration), ENDLESS) * (self.run.batches_per_epoch or 0)
            if now.batch_in_epoch > longest:
                raise UnitError(self._long_epoch())
        if duration.unit in TOLD:
            self.check_moving([duration.unit])
        return False

    def check_epochs(self) -> bool:
        """Warns once of an epoch of a run in epochs that is more than twice as long as declared.

        False where there is nothing to watch: the run is not in epochs, or does not declare their
        length, or the program is seen to end them.
        """
        batches = self.run.batches_per_epoch
        if self.run.duration.unit != "ep" or batches is None:
            return False
        now = self._timestamp
        if now.epoch != self._start.epoch:
            return False
        if not self._told and now.batch_in_epoch > LONG * batches:
            self._told = True
            warn(self._long_epoch())
        return True

    def _long_epoch(self) -> str:
        return (
            f"{self._timestamp.batch_in_epoch} in one epoch, and a run of {self.run.duration} was "
            f"declared to have {self.run.batches_per_epoch} in each: call clock.next_epoch() at "
            "the end of each, without which the run is never done, and rates wait there"
        )

    def tick(
        self,
        samples: Count | None = None,
        tokens: Count | None = None,
        seconds: Number | timedelta | None = None,
    ) -> None:
        """Counts one batch, with one step of the optimizer, whatever number of micro-batches.

        Args:
            samples: in this batch, on this rank (of all ranks with `totals=True`): a whole number,
                or a time such as "32sp". They are added to what `count()` was told for the batch.
                If neither was told any, the batch has what the run declares, or none.
            tokens: likewise, or "2Ktok".
            seconds: that it took: a number, rounded to whole microseconds, or a `timedelta`. By
                default none.

        With several ranks a collective call at each `every`-th tick. Raises `TypeError` and
        `EpochalError` for numbers that are not valid, and if the clock follows an optimizer, whose
        steps end its batches; nothing is counted then.

        >>> clock = Clock(Run("1Mtok"))
        >>> clock.tick(samples=8, tokens=5_000, seconds=0.25)
        >>> clock.timestamp.token, clock.timestamp.total_wct
        (Time('5000tok'), datetime.timedelta(microseconds=250000))
        """
        with self._lock:
            if self._leave is not None:
                raise EpochalError(
                    "the clock follows an optimizer, whose steps end its batches: tell what was "
                    "read by clock.count(...), or call clock.follow(None)"
                )
            self._tick(samples, tokens, seconds)

    def _tick(self, samples: Any, tokens: Any, seconds: Any) -> None:
        if self._counted:
            counted = self._counted_with(samples, tokens, seconds)
            samples, tokens, seconds = map(counted.get, ("samples", "tokens", "seconds"))
        if self._ranks is None:
            self._ranks = self._has_ranks()
        if self._ranks:
            self._tick_on_ranks(samples, tokens, seconds)
        else:
            if samples is None:
                samples = self.run.samples_per_batch or 0
            if tokens is None:
                tokens = self.run.tokens_per_batch or 0
            self._timestamp = tick(self._timestamp, samples, tokens, seconds)
        if self._counted:
            self._counted = {}

    def _tick_on_ranks(self, samples: Any, tokens: Any, seconds: Any) -> None:
        # What the run declares is of all ranks.
        now = self._timestamp.to_next_batch(
            self.run.samples_per_batch or 0 if samples is None else 0,
            self.run.tokens_per_batch or 0 if tokens is None else 0,
        )
        pending = tick(
            self._pending,
            0 if samples is None else samples,
            0 if tokens is None else tokens,
            seconds,
        )
        if pending.batch >= self._every:
            now, pending = self._with_all_of(pending, now), NOTHING
        self._timestamp, self._pending = now, pending

    def count(
        self,
        samples: Count | None = None,
        tokens: Count | None = None,
        seconds: Number | timedelta | None = None,
    ) -> None:
        """Adds to the present batch without ending it: micro-batches, or data that was read for a
        step that was skipped then. The next tick takes it along; until then the time stays.

        Takes and raises what `tick` does. No collective call.

        >>> clock = Clock(Run("1Mtok"))
        >>> for micro_batch in range(4):
        ...     clock.count(tokens=500)
        >>> clock.timestamp.token
        Time('0tok')
        >>> clock.tick()
        >>> clock.timestamp.batch, clock.timestamp.token
        (Time('1ba'), Time('2000tok'))
        """
        with self._lock:
            self._counted = self._counted_with(samples, tokens, seconds)

    def follow(self, optimizer: Optimizer | None) -> None:
        """Ticks by itself after each step that the optimizer really makes, until the clock follows
        another one, or None.

        It ticks within `optimizer.step()`, which may be called by any wrapper, and not where a
        `GradScaler` skips the step, or where gradients are still accumulated. `count()` tells
        what was read; without it a batch has what the run declares. Copies of the clock follow
        nothing, and neither does a clock that was loaded in another process. A step that a CUDA
        graph replays is not seen. Raises `TypeError` for what is no optimizer; and where one part
        of the parameters is stepped after the other, the step of the optimizer raises
        `EpochalError`.

        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        >>> clock = Clock(Run("1Mtok"))
        >>> clock.follow(optimizer)
        >>> for step in range(3):
        ...     clock.count(tokens=500)
        ...     optimizer.step()
        >>> clock.timestamp.batch, clock.timestamp.token
        (Time('3ba'), Time('1500tok'))
        """
        leave = (
            None
            if optimizer is None
            else after_each_step(optimizer, self._end_batch, in_parts=self._refuse_parts)
        )
        with self._lock:
            before, self._leave = self._leave, leave
        if before is not None:
            before()

    def _has_ranks(self) -> bool:
        return not self._totals and size(self._group) > 1

    def _end_batch(self) -> None:
        """The tick that following an optimizer forbids to others."""
        with self._lock:
            self._tick(None, None, None)

    def _refuse_parts(self) -> None:
        raise EpochalError(
            "the optimizer steps one part of the parameters after the other, as with ZeRO of "
            "DeepSpeed, so that the clock cannot tell where a step ends: call "
            "clock.follow(None), and clock.tick() after each step of all parts (with DeepSpeed, "
            "where engine.was_step_applied())"
        )

    def _counted_with(self, samples: Any, tokens: Any, seconds: Any) -> dict[str, Any]:
        """What has been told for the present batch, these numbers too."""
        before = self._counted
        sums = tick(
            Timestamp(
                sample=before.get("samples", 0),
                token=before.get("tokens", 0),
                total_wct=before.get("seconds", 0 * MICROSECOND),
            ),
            0 if samples is None else samples,
            0 if tokens is None else tokens,
            seconds,
        )
        told = {"samples": samples, "tokens": tokens, "seconds": seconds}
        return {
            argument: getattr(sums, counter)
            for argument, counter in TOLD.values()
            if argument in before or told[argument] is not None
        }

    def next_epoch(self) -> None:
        """Ends an epoch: its counters are zero again. With several ranks it is `sync()` too.

        >>> clock = Clock(Run("2ep", batches_per_epoch=100))
        >>> clock.next_epoch()
        >>> clock.timestamp.epoch, clock.done
        (Time('1ep'), False)
        """
        with self._lock:
            self.sync()
            self._timestamp = self._timestamp.to_next_epoch()

    def next_iteration(self) -> None:
        """Ends an iteration, Composer's unit above the epoch; what an iteration is, you decide."""
        with self._lock:
            self.sync()
            self._timestamp = self._timestamp.to_next_iteration()

    def sync(self) -> None:
        """Adds up what the ranks have counted since the last time, which may be nothing.

        A collective call where ticks wait: with `every=1` none ever does.
        """
        with self._lock:
            if self._pending.batch:
                self._timestamp = self._with_all_of(self._pending, self._timestamp)
                self._pending = NOTHING

    def _with_all_of(self, pending: Timestamp, now: Timestamp) -> Timestamp:
        """The time with what all ranks have counted: this one's part is `pending`."""
        counts = [int(pending.sample), int(pending.token), pending.total_wct // MICROSECOND]
        samples, tokens, microseconds = total(counts, self._group)
        # Seconds pass on all ranks at once.
        seconds = microseconds // size(self._group) * MICROSECOND
        then = now.to_next_batch(samples, tokens, seconds)
        # The batches themselves have been counted by the ticks.
        return then.copy(
            batch=now.batch,
            batch_in_epoch=now.batch_in_epoch,
            batch_wct=seconds // int(pending.batch),
        )

    def assert_in_sync(self) -> None:
        """Raises `StateError` on all ranks of the group if their clocks differ, with what each
        of them says.

        A collective call; without a process group there is nothing to compare.
        """
        states = gather(self._timestamp.state_dict(), self._group)
        for name in states[0]:
            values = [state[name] for state in states]
            if any(value != values[0] for value in values):
                raise StateError(f"the clocks of the ranks differ: {name} is {values}")

    def state_dict(self) -> dict[str, int | float]:
        """The timestamp as plain numbers, which JSON and `torch.load` take, and what has been
        counted for a batch that has not ended.

        Raises `StateError` where other ranks hold a part of what has been counted: call `sync()`
        on all ranks before, and save after a tick.
        """
        if self._pending.batch:
            raise StateError(
                "ticks wait for their sum over the ranks, "
                f"{self._pending.batch.value} so far: call clock.sync() on every rank first"
            )
        if self._counted and self._has_ranks():
            raise StateError(
                f"{', '.join(self._counted)} have been counted for a batch that has not ended, "
                "and other ranks hold a part of them: save after a tick"
            )
        counted = {c: self._counted[a] for a, c in TOLD.values() if a in self._counted}
        plain = Timestamp(**counted).state_dict()
        return {**self._timestamp.state_dict(), **{COUNTED + c: plain[c] for c in counted}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes to the time of a saved state, and has the schedulers that are bound to the clock
        write the rates of that time. Raises `StateError` naming the field that is not valid;
        nothing is loaded then.

        >>> clock, later = Clock(Run("100ba")), Clock(Run("100ba"))
        >>> clock.tick(samples=3)
        >>> later.load_state_dict(clock.state_dict())
        >>> later.timestamp == clock.timestamp
        True
        """
        # Whatever else it may be, `Timestamp` says what it should be.
        state: Any = {**state_dict} if hasattr(state_dict, "keys") else state_dict
        told = [
            (a, c) for a, c in TOLD.values() if isinstance(state, dict) and COUNTED + c in state
        ]
        counted = {c: state.pop(COUNTED + c) for _, c in told}
        timestamp = Timestamp.from_state_dict(state)
        try:
            sums = Timestamp.from_state_dict({**NOTHING.state_dict(), **counted})
        except StateError as error:
            raise StateError(f"what was counted for the next batch is not valid: {error}") from None
        with self._lock:
            self._timestamp = self._start = timestamp
            self._counted = {argument: getattr(sums, counter) for argument, counter in told}
            self._pending = NOTHING
        for bound in self._bound:
            scheduler = bound()
            if scheduler is not None:
                scheduler._write_after_load_of_clock()

    def _tell_of_loads(self, scheduler: Any) -> None:
        """From now on the scheduler is told when a time has been loaded."""
        others = [bound for bound in self._bound if bound() not in (None, scheduler)]
        self._bound = [*others, ref(scheduler)]

    def check_moving(self, units: Collection[UnitLike]) -> bool:
        """Raises `UnitError` for a clock among `units` that was told nothing, and so stands still.

        False as long as that cannot be known: before the first batch since the clock was made or
        loaded, and while ticks wait for their sum over the ranks. Only samples, tokens and
        seconds are told; the other clocks move on their own, or by `next_epoch` and the like.

        >>> clock = Clock(Run("1Mtok"))
        >>> clock.tick(samples=8)
        >>> clock.check_moving(["sp"])
        True
        >>> clock.check_moving(["tok"])
        Traceback (most recent call last):
        ...
        epochal.UnitError: the clock 'tok' has not moved in 1 batch: ... clock.tick(tokens=...)
        """
        members = [TimeUnit(unit) for unit in units]
        now, start = self._timestamp, self._start
        batches = now.batch - start.batch
        if not batches or self._pending.batch:
            return False
        for unit in members:
            if unit not in TOLD:
                continue
            argument, counter = TOLD[unit]
            if getattr(now, counter) == getattr(start, counter):
                number = "1 batch" if batches == 1 else f"{batches.value} batches"
                call = "tick" if self._leave is None else "count"
                raise UnitError(
                    f"the clock '{unit}' has not moved in {number}: give its count, as in "
                    f"clock.{call}({argument}=...)"
                )
        return True

    def __repr__(self) -> str:
        now = self._timestamp
        counts = ", ".join(str(now.get(unit)) for unit in ("ep", "ba", "sp", "tok", "sec"))
        return f"<Clock at {counts} of {self.run.duration}>"
