"""Signals while a training runs: Ctrl-C waits for a place where nothing is cut in half, and the
signals by which a cluster ends its jobs ask for a checkpoint first."""

from __future__ import annotations

import signal
import threading
from typing import Any

from epochal._core import EpochalError

__all__ = ["Signals"]

# What is sent to a job before it is killed; not every system has the second one.
ENDING = [number for name in ("SIGTERM", "SIGUSR1") if (number := getattr(signal, name, None))]


class Signals:
    """What has been received since a training was entered; outside of it nothing is changed.

    Args:
        save: whether SIGTERM and SIGUSR1 are to end the training with a checkpoint.

    Attributes:
        ending: whether one of these has been received.

    Only the main thread receives signals; in another one `save` is refused.
    """

    def __init__(self, save: bool) -> None:
        self.ending = False
        self._save = save
        self._interrupted = False
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        self.ending = self._interrupted = False
        main = threading.current_thread() is threading.main_thread()
        if self._save and not main:
            raise EpochalError(
                "save_on_signal=True needs the main thread, which alone receives signals"
            )
        # A handler of the program's own stays.
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._handle(signal.SIGINT, self._interrupt)
        for number in ENDING if self._save else ():
            self._handle(number, self._end)
        return self

    def __exit__(self, *error: object) -> None:
        while self._handlers:  # that of Ctrl-C last
            signal.signal(*self._handlers.popitem())
        self.check()

    def check(self) -> None:
        """Raises `KeyboardInterrupt` if Ctrl-C has been pressed."""
        if self._interrupted:
            self._interrupted = False
            raise KeyboardInterrupt

    def _handle(self, number: int, handler: Any) -> None:
        # A handler that was not made in Python reads as None, and cannot be put back.
        self._handlers[number] = signal.signal(number, handler) or signal.SIG_DFL

    def _interrupt(self, number: int, frame: Any) -> None:
        if self._interrupted:  # twice: at once
            self._interrupted = False
            raise KeyboardInterrupt
        self._interrupted = True

    def _end(self, number: int, frame: Any) -> None:
        self.ending = True
