"""The progress bar of a training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from epochal._clock import Clock
from epochal._core import TimeUnit

__all__ = ["Progress"]


class Progress:
    """tqdm's bar over the run, with loss, rate and the clock; nothing if it is not wanted.

    It counts in the unit of the run's duration, and epochs in batches where they have a length.
    `last` gives the loss and the rates of the last batch, or None before the first.
    """

    def __init__(
        self, clock: Clock, last: Callable[[], tuple[float | None, list[float]]], wanted: bool
    ) -> None:
        self._clock = clock
        self._bar: Any = None
        if not wanted:
            return
        try:
            from tqdm.auto import tqdm
        except ImportError as error:
            message = "the progress bar needs tqdm: install it, or pass progress_bar=False"
            raise ImportError(message) from error

        class Bar(tqdm):  # type: ignore[misc]  # it comes without types
            # Asked for only when the bar is drawn, so that most batches need no text.
            @property
            def format_dict(self) -> dict[str, Any]:
                return {**super().format_dict, "postfix": _text(clock, *last())}

        run = clock.run
        total = run.duration
        if total.unit == TimeUnit.EPOCH and run.batches_per_epoch is not None:
            total = run.convert(total, TimeUnit.BATCH)
        self._unit = total.unit
        self._bar = Bar(
            total=total.value,
            initial=self._now(),
            unit=str(self._unit),
            unit_scale=self._unit in (TimeUnit.SAMPLE, TimeUnit.TOKEN),
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self) -> None:
        """After a batch."""
        if self._bar is not None:
            self._bar.update(self._now() - self._bar.n)

    def _now(self) -> Any:
        return self._clock.timestamp.get(self._unit).value


def _text(clock: Clock, loss: float | None, lr: list[float]) -> str:
    """Loss, rates and time, as they are now."""
    if loss is None:
        return ""
    rates = ", ".join(f"{rate:.3g}" for rate in dict.fromkeys(lr))
    now = clock.timestamp
    return f"loss {loss:.4g}, lr {rates}, {now.epoch}, {now.batch}"
