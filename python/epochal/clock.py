"""The clock of a training: the one thing that changes while schedules, runs and curves stay."""

from __future__ import annotations

from datetime import timedelta

from epochal._core import EpochalError, Run, StateError, Timestamp, UnitError
from epochal.ranks import gather, has_ranks, total

# As in `typing`, whose import would take longer than the rest of the package's.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any, SupportsIndex

    from torch.distributed import ProcessGroup

    from epochal._types import UnitLike

__all__ = ["Clock"]

NOTHING_PENDING = Timestamp()
MICROSECOND = timedelta(microseconds=1)


class Clock:
    """Counts what has been trained: batches, samples, tokens, epochs and elapsed seconds.

    `tick()` goes after each step of the optimizer, and before the scheduler's. A schedule that is
    bound with `bind(..., clock=clock)` then follows what was really trained, however large each
    batch was.

    Args:
        run: the facts of the run. Where it declares `samples_per_batch` or `tokens_per_batch`,
            a tick that is not told a number counts that many.
        group: the process group whose ranks train on different data; by default the whole world,
            where `torch.distributed` has been initialized by the first tick. Samples and tokens
            are summed over its ranks, seconds are averaged, in one all-reduce of int64.
        every: how many ticks share one all-reduce; all ranks tick alike. Between two of them
            samples, tokens and seconds stand still.
        totals: True if the numbers told are already those of all ranks; nothing is reduced then.

    Attributes:
        run: as given.
        timestamp: the time now, an immutable `Timestamp`: that at which the next batch begins.
        done: whether the time has reached `run.duration`.

    >>> clock = Clock(Run("3ba", tokens_per_batch=1000))
    >>> while not clock.done:
    ...     clock.tick(samples=32, seconds=0.5)
    >>> clock.timestamp.batch, clock.timestamp.sample, clock.timestamp.token
    (Time('3ba'), Time('96sp'), Time('3000tok'))

    Epochs end with `next_epoch()`, which a run in epochs needs to be done. Raises `TypeError` and
    `EpochalError` for arguments that are not valid.
    """

    __slots__ = ("_every", "_group", "_pending", "_ranks", "_timestamp", "_totals", "run")

    def __init__(
        self,
        run: Run,
        *,
        group: ProcessGroup | None = None,
        every: int = 1,
        totals: bool = False,
    ) -> None:
        if not isinstance(run, Run):
            raise TypeError(f"run must be a Run, not {run!r}")
        if isinstance(every, bool) or not isinstance(every, int):
            raise TypeError(f"every must be a whole number of ticks, not {every!r}")
        if every < 1:
            raise EpochalError(f"every must be 1 tick or more, not {every!r}")
        if totals and group is not None:
            raise EpochalError("totals=True reduces nothing, so there is no use for a group")
        self.run = run
        self._group = group
        self._every = every
        self._totals = bool(totals)
        self._timestamp = Timestamp()
        # What this rank has counted since the last reduction.
        self._pending = NOTHING_PENDING
        # Whether there are other ranks to ask; not known before the first tick.
        self._ranks: bool | None = None

    @property
    def timestamp(self) -> Timestamp:
        """The time now: that at which the next batch begins."""
        return self._timestamp

    @property
    def done(self) -> bool:
        """Whether the time has reached `run.duration`, in its unit."""
        return self._timestamp >= self.run.duration

    def tick(
        self,
        samples: SupportsIndex | None = None,
        tokens: SupportsIndex | None = None,
        seconds: float | timedelta | None = None,
    ) -> None:
        """Counts one batch, with one step of the optimizer, whatever number of micro-batches.

        Args:
            samples: in this batch, on this rank (of all ranks with `totals=True`). By default
                what the run declares, or none.
            tokens: likewise.
            seconds: that it took; a number of seconds or a `timedelta`. None by default.

        With several ranks a collective call at each `every`-th tick. Raises `TypeError` and
        `EpochalError` for numbers that are not valid; the time stays then.

        >>> clock = Clock(Run("1Mtok"))
        >>> clock.tick(samples=8, tokens=5_000, seconds=0.25)
        >>> clock.timestamp.token, clock.timestamp.total_wct
        (Time('5000tok'), datetime.timedelta(microseconds=250000))
        """
        ranks = self._ranks
        if ranks is None:
            ranks = self._ranks = not self._totals and has_ranks()
        duration = None if seconds is None else _duration(seconds)
        if not ranks:
            if samples is None:
                samples = self.run.samples_per_batch or 0
            if tokens is None:
                tokens = self.run.tokens_per_batch or 0
            self._timestamp = self._timestamp.to_next_batch(samples, tokens, duration)
            return
        # What the run declares is of all ranks.
        now = self._timestamp.to_next_batch(
            self.run.samples_per_batch or 0 if samples is None else 0,
            self.run.tokens_per_batch or 0 if tokens is None else 0,
        )
        self._pending = self._pending.to_next_batch(
            0 if samples is None else samples, 0 if tokens is None else tokens, duration
        )
        self._timestamp = now
        if self._pending.batch.value >= self._every:
            self.sync()

    def next_epoch(self) -> None:
        """Ends an epoch: its counters are zero again. With several ranks it is `sync()` too.

        >>> clock = Clock(Run("2ep", batches_per_epoch=100))
        >>> clock.next_epoch()
        >>> clock.timestamp.epoch, clock.done
        (Time('1ep'), False)
        """
        self.sync()
        self._timestamp = self._timestamp.to_next_epoch()

    def next_iteration(self) -> None:
        """Ends an iteration, Composer's unit above the epoch; what an iteration is, you decide."""
        self.sync()
        self._timestamp = self._timestamp.to_next_iteration()

    def sync(self) -> None:
        """Adds up what the ranks have counted since the last time.

        A collective call, if there is anything to add.
        """
        pending = self._pending
        if pending is NOTHING_PENDING:
            return
        counts = [int(pending.sample), int(pending.token), pending.total_wct // MICROSECOND]
        (samples, tokens, microseconds), ranks = total(counts, self._group)
        # Seconds pass on all ranks at once.
        seconds = microseconds // ranks * MICROSECOND
        now = self._timestamp
        self._timestamp = now.copy(
            sample=now.sample + samples,
            sample_in_epoch=now.sample_in_epoch + samples,
            token=now.token + tokens,
            token_in_epoch=now.token_in_epoch + tokens,
            token_in_iteration=now.token_in_iteration + tokens,
            total_wct=now.total_wct + seconds,
            iteration_wct=now.iteration_wct + seconds,
            epoch_wct=now.epoch_wct + seconds,
            batch_wct=seconds // int(pending.batch),
        )
        self._pending = NOTHING_PENDING

    def assert_in_sync(self) -> None:
        """Raises `StateError` if the ranks' clocks differ, with what each of them says.

        A collective call; without a process group there is nothing to compare.
        """
        states = gather(self._timestamp.state_dict(), self._group)
        for name in states[0]:
            values = [state[name] for state in states]
            if any(value != values[0] for value in values):
                raise StateError(f"the clocks of the ranks differ: {name} is {values}")

    def state_dict(self) -> dict[str, int | float]:
        """The timestamp as plain numbers, which JSON and `torch.load` take.

        Raises `StateError` where ticks have not been reduced yet, since other ranks hold a part
        of them: call `sync()` on all ranks before.
        """
        if self._pending is not NOTHING_PENDING:
            waiting = self._pending.batch.value
            raise StateError(
                f"{waiting} ticks wait for their sum over the ranks: call clock.sync() on every "
                "rank first"
            )
        return self._timestamp.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes to the time of a saved state. Raises `StateError` naming the field that is not
        valid; nothing is loaded then.

        >>> clock, later = Clock(Run("100ba")), Clock(Run("100ba"))
        >>> clock.tick(samples=3)
        >>> later.load_state_dict(clock.state_dict())
        >>> later.timestamp == clock.timestamp
        True
        """
        self._timestamp = Timestamp.from_state_dict(state_dict)
        self._pending = NOTHING_PENDING

    def check_moving(self, units: Collection[UnitLike]) -> bool:
        """Raises `UnitError` for a clock among `units` that nothing was counted on.

        False as long as that cannot be known: before the first batch, and while ticks wait for
        their sum over the ranks.

        >>> clock = Clock(Run("1Mtok"))
        >>> clock.tick(samples=8)
        >>> clock.check_moving(["sp"])
        True
        >>> clock.check_moving(["tok"])
        Traceback (most recent call last):
        ...
        epochal.UnitError: the clock 'tok' has not moved in 1 batch: ... clock.tick(tokens=...)
        """
        now = self._timestamp
        if not now.batch or self._pending is not NOTHING_PENDING:
            return False
        for unit, argument, moved in (
            ("sp", "samples", now.sample),
            ("tok", "tokens", now.token),
            ("sec", "seconds", now.total_wct),
        ):
            if not moved and unit in units:
                batches = "1 batch" if now.batch == 1 else f"{now.batch.value} batches"
                raise UnitError(
                    f"the clock '{unit}' has not moved in {batches}: give its count, as in "
                    f"clock.tick({argument}=...)"
                )
        return True

    def __repr__(self) -> str:
        now = self._timestamp
        return (
            f"<Clock at {now.epoch}, {now.batch}, {now.sample}, {now.token} of {self.run.duration}>"
        )


def _duration(seconds: Any) -> timedelta:
    if isinstance(seconds, timedelta):
        return seconds
    try:
        return timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        raise EpochalError(f"seconds must be finite and not too many, not {seconds!r}") from None
    except TypeError:
        raise TypeError(f"seconds must be a number or a timedelta, not {seconds!r}") from None
