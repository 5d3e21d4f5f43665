"""The batches of a training: one epoch of the dataloader after the other, taken up again wherever
the training was interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from epochal._core import ScheduleError, StateError, Timestamp
from epochal.trainer import _arguments as arguments
from epochal.trainer._randomness import random_state, samplers, set_random_state

__all__ = ["END", "Feed"]

# What is taken where the epoch has no further batch.
END: Any = object()
NOTHING: Any = object()


class Feed:
    """Gives each batch until it has been trained, and then the next one.

    An iterator over the dataloader goes on after an interruption. One that has raised is not asked
    again, since it may have lost a batch: the epoch is then read anew, with the random numbers
    that it began with, up to the batch that is missing.

    Args:
        loader: the dataloader.
        length: the batches of an epoch, as far as it tells.

    Attributes:
        epoch_random: the random state at which the present epoch began, None between two epochs.
        random: that at which the last batch was asked for, or the next one is to be.
        asked: whether that batch has not been trained yet.
    """

    def __init__(self, loader: Any, length: int | None) -> None:
        self.epoch_random: dict[str, Any] | None = None
        self.random: dict[str, Any] | None = None
        self.asked = False
        self._loader = loader
        self._length = length
        self._iterator: Iterator[Any] | None = None
        # Whether it was there before an interruption, which may have ended its workers.
        self._old = False
        self._at_hand: Any = NOTHING

    def go_on(self, random: dict[str, Any] | None, epoch_random: dict[str, Any] | None) -> None:
        """From a checkpoint, with the random states that stand there."""
        self.random = None if epoch_random is None else random
        self.epoch_random = epoch_random

    def take(self, now: Timestamp, random: dict[str, Any]) -> Any:
        """The batch of this time, or `END`; the same one until it is done. `random` is the random
        state now."""
        if self._at_hand is NOTHING:
            self._at_hand = self._next(now, random)
        return self._at_hand

    def done(self) -> None:
        """The batch has been trained."""
        self._at_hand, self.asked = NOTHING, False

    def close(self, now: Timestamp, *, by_count: bool) -> None:
        """Ends the epoch. `by_count`: since it has as many batches as the dataloader said."""
        if self.epoch_random is None:  # it has ended, and its warning was an error
            return
        iterator, self._iterator = self._iterator, None
        # Asked once more than it has batches, as by `for`: then it can end its own epoch.
        longer = by_count and iterator is not None and next(iterator, END) is not END
        self.epoch_random = self.random = None
        self.done()
        if self._length is not None and (longer or not by_count):
            gave = "more" if longer else int(now.batch_in_epoch)
            arguments.warn_of_length(self._length, gave)

    def interrupted(self) -> None:
        """The training was left, perhaps with an exception, and is taken up again."""
        self._old = self._iterator is not None

    def leave(self) -> None:
        """The training has come to its end, perhaps in mid-epoch."""
        self._iterator = None
        self.random = None if self.epoch_random is None else random_state(self._loader)

    def _next(self, now: Timestamp, random: dict[str, Any]) -> Any:
        iterator, self._iterator = self._iterator, None
        if iterator is None:
            iterator = self._opened(now)
            random = random_state(self._loader)
        self.random, self.asked = random, True
        try:
            batch = next(iterator, END)
        except Exception:
            if not self._old:
                raise
            iterator = self._opened(now)
            batch = next(iterator, END)
        if batch is END and not now.batch_in_epoch:
            self.epoch_random = self.random = None
            self.done()
            raise ScheduleError(
                f"train_dataloader is empty: it gave no batch in epoch {int(now.epoch)}"
            )
        self._iterator = iterator
        return batch

    def _opened(self, now: Timestamp) -> Iterator[Any]:
        """An iterator that is about to give the batch of this time, and the random state for it."""
        self._old = False
        if self.epoch_random is not None:
            set_random_state(self.epoch_random, self._loader)
        start = self.epoch_random or random_state(self._loader)
        for sampler in samplers(self._loader):
            # Distributed samplers shuffle by the number of the epoch.
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(now.epoch.value)
        iterator: Iterator[Any] = iter(self._loader)
        position = int(now.batch_in_epoch)
        for done in range(position):
            if next(iterator, END) is END:
                raise StateError(
                    f"the training is at batch {position} of the epoch, but train_dataloader gives "
                    f"only {done}"
                )
        if self.random is not None:
            set_random_state(self.random, self._loader)
        self.epoch_random = start
        return iterator
