"""Signs that the rates will not be what the schedule says; each is warned of once."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.optim import Optimizer

from epochal._follow import after_each_step, unwrapped
from epochal._warning import warn

__all__ = ["ClockGuard", "StepGuard", "WriteGuard"]

# So many steps of the optimizer in a row need two steps of the scheduler each, or more, until that
# is a habit. A GradScaler that skips every other step does not do so for long.
HABIT = 5


class OptimizerSteps:
    """Counts the steps of an optimizer; those of a captured CUDA graph are not seen."""

    __slots__ = ("count",)

    def __init__(self, optimizer: Optimizer) -> None:
        self.count = 0
        # What is an Optimizer in name only has no hooks, and then nothing is counted.
        with suppress(AttributeError):
            after_each_step(optimizer, self._add, in_parts=self._ignore, skipped_too=True)

    def _add(self) -> None:
        self.count += 1

    def _ignore(self) -> None:
        pass  # How many parts make a step is not known.


_COUNTED: WeakKeyDictionary[Optimizer, OptimizerSteps] = WeakKeyDictionary()


class _Guard:
    def __init__(self) -> None:
        self._warned: set[str] = set()

    def once(self, sign: str, message: str) -> None:
        if sign not in self._warned:
            self._warned.add(sign)
            warn(message)


class ClockGuard(_Guard):
    """Watches a scheduler that goes by a clock: the clock is to move with the optimizer.

    Attributes:
        steps: those of the optimizer.
        seen: how many they were at the last step of the scheduler.
    """

    steps: OptimizerSteps
    seen: int

    def watch(self, optimizer: Optimizer, new: bool = False) -> None:
        """Counts the steps of an optimizer, from now on."""
        real = unwrapped(optimizer)
        if real not in _COUNTED:
            _COUNTED[real] = OptimizerSteps(real)
        self.steps = _COUNTED[real]
        self.start(new)

    def start(self, new: bool = False) -> None:
        """What was before says nothing: after a load or a jump, or at the start of a training."""
        self.seen = self.steps.count

    def unmoved(self) -> None:
        self.once(
            "unmoved",
            "the optimizer has made a step, but the clock has not moved since the last "
            "scheduler.step(), so the learning rate stays: call clock.tick() between "
            "optimizer.step() and scheduler.step()",
        )

    def __getstate__(self) -> dict[str, Any]:
        # The hooks of an optimizer are not copied with it.
        state = {name: value for name, value in vars(self).items() if name != "steps"}
        return {**state, "_warned": set(self._warned)}


def _graphs() -> int:
    """How many nodes this thread has put into graphs of autograd."""
    return int(torch._C._autograd._get_sequence_nr())


class StepGuard(ClockGuard):
    """Watches a scheduler that counts its own steps: each goes with one of the optimizer."""

    def __init__(self, batches_per_epoch: int | None) -> None:
        super().__init__()
        self._batches_per_epoch = batches_per_epoch

    def start(self, new: bool = False) -> None:
        super().start(new)
        # Nothing has been trained yet while this stays as it is.
        self._graphs = _graphs() if new else None
        self._first = self.seen
        # How many steps the optimizer had made when one of the scheduler's was last one too many,
        # and when it was last one for several; how many times in a row there was one too many.
        self.noted = self._late = -1
        self._habit = 0

    def look(self, count: int) -> None:
        """At a step before which the optimizer has not made one step, but none or several."""
        before, self.seen = self.seen, count
        if count > before:
            # Once may be a warmup of the program itself, or a library that fills the state.
            if before == self._late or count - before == self._batches_per_epoch:
                self.once(
                    "late",
                    f"the optimizer has made {count - before} steps since the last "
                    "scheduler.step(), all with one learning rate: call scheduler.step() after "
                    "each optimizer.step(), not once an epoch (in Lightning, 'interval': 'step'), "
                    "or bind a Clock, which counts what was trained",
                )
            self._late = count
            return
        last, self.noted = self.noted, count
        if count == self._first:
            # So it is too with an optimizer whose turn comes later, or whose step was skipped.
            if self._graphs == _graphs():
                self.once(
                    "early",
                    "scheduler.step() was called before optimizer.step(): the learning rate of "
                    "step 0 was never used. Call optimizer.step() first",
                )
            return
        self._habit = self._habit + 1 if last == count - 1 else 1
        if self._habit == HABIT:
            self.once(
                "often",
                "scheduler.step() is called several times for each step of the optimizer, so the "
                "schedule runs ahead of the training: call it once for each, or bind a Clock, with "
                "which repeated calls do no harm. (Accelerate calls the scheduler that its "
                "prepare() returns once for each process)",
            )


class WriteGuard(_Guard):
    """Watches what others write where a scheduler writes."""

    def rewritten(self, name: str, group: int, was: float, now: float) -> None:
        mends = (
            "for two schedules give bind their product, a * b; in place of ReduceLROnPlateau use "
            "epochal.torch.Plateau; to change the rates by hand set scheduler.factor or "
            "scheduler.base_lrs"
            if name == "lr"
            else f"to change it by hand set the group's 'initial_{name}'"
        )
        self.once(
            name,
            f"somebody else has changed the {name} of group {group} from {was!r} to {now!r} since "
            f"the scheduler wrote it, which it does at each step, so that the change is lost: "
            f"{mends}",
        )

    def not_the_base(self, group: int, lr: float, base: float) -> None:
        self.once(
            "base",
            f"the lr of group {group} was set to {lr!r} after the last scheduler wrote it, but the "
            f"new scheduler goes by the group's 'initial_lr', {base!r}: for a new stage give "
            f"bind(..., base_lr={lr!r})",
        )
