"""For users of Transformers' Trainer: a clock that counts its tokens, and is in its checkpoints.

Importing this module imports `transformers`.
"""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from epochal._clock import Clock
from epochal._core import EpochalError
from epochal._ranks import size
from epochal._shown import shown

__all__ = ["ClockCallback"]

# Where the clock's time stands in the Trainer's saved state.
KEY = "epochal.Clock"


class ClockCallback(TrainerCallback):
    """Ticks a clock after each step of Transformers' Trainer, with the tokens that it has counted.

    The clock's time is saved in `trainer_state.json`, and restored with a checkpoint.

    Args:
        clock: the clock of the training, made with `totals=True`: the Trainer's count is that of
            all processes.

    The Trainer counts tokens if its arguments say so: `include_num_input_tokens_seen` must be
    "all" or "non_padding". Raises `TypeError` for what is no clock, and `EpochalError` when the
    training begins without such a count, or with several processes and a clock that would sum it
    up once more.
    """

    def __init__(self, clock: Clock) -> None:
        if not isinstance(clock, Clock):
            raise TypeError(f"clock must be a Clock, not {shown(clock)}")
        self.clock = clock

    def on_train_begin(
        self, args: Any, state: Any, control: Any, optimizer: Any = None, **others: Any
    ) -> None:
        if args.include_num_input_tokens_seen == "no":
            raise EpochalError(
                "the Trainer counts no tokens: pass "
                'TrainingArguments(include_num_input_tokens_seen="all"), or "non_padding"'
            )
        if size(None) > 1 and not self.clock.totals:
            raise EpochalError(
                "the Trainer counts the tokens of all processes, which the clock would sum up once "
                "more: make it with Clock(run, totals=True)"
            )
        saved = state.stateful_callbacks.get(KEY)
        if saved is not None:
            self.clock.load_state_dict(saved)
        self._tokens = state.num_input_tokens_seen
        self.clock.follow(optimizer)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        seen = state.num_input_tokens_seen
        self.clock.count(tokens=seen - self._tokens)
        self._tokens = seen

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        state.stateful_callbacks[KEY] = self.clock.state_dict()

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        # The state of a last step was saved before its epoch ended.
        self._go_to(int(state.epoch))

    def on_epoch_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        # Called in the middle of an epoch too, where the training ends there.
        self._go_to(int(state.epoch))
        state.stateful_callbacks[KEY] = self.clock.state_dict()

    def _go_to(self, epoch: int) -> None:
        while self.clock.timestamp.epoch < epoch:
            self.clock.next_epoch()
